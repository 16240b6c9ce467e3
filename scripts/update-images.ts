/**
 * Measures every published image and writes the table of the README: `npm run update:images [-- [--project DIR] ARGUMENTS OF
 * dwt build]`. Arguments say what cannot be had from here, such as `--without cran`.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { SmokeTestResult } from '../src/workflows/smoke-test.ts';
import type { StageList } from '../src/workflows/stages.ts';
import { imageRows, withTable } from './images-table.ts';

const root = resolve(import.meta.dirname, '..');
const readme = join(root, 'README.md');

const given = process.argv.slice(2);
const at = given.indexOf('--project');
const project = at < 0 ? ['--project', join(root, 'dockerfiles')] : given.splice(at, 2);

function dwt<Result>(...words: string[]): Result {
  const command = [join(root, 'bin/dev.js'), ...words, ...project, '--json'];
  const printed = execFileSync(process.execPath, ['--', ...command], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
    maxBuffer: 1e8,
  });
  return JSON.parse(printed) as Result;
}

dwt('build', ...given);
// One after the other, so that none waits for another's start.
const tested = dwt<SmokeTestResult>('smoke-test', '--jobs', '1');
const rows = imageRows(dwt<StageList>('stages'), tested);
writeFileSync(readme, withTable(readFileSync(readme, 'utf8'), rows));
