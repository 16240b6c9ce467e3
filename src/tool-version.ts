/** Which dwt this is, for what it writes down of its work. */
import { readFileSync } from 'node:fs';
import { packageRoot } from './package-root.ts';

export const toolVersion = (): string =>
  (JSON.parse(readFileSync(`${packageRoot()}/package.json`, 'utf8')) as { version: string }).version;
