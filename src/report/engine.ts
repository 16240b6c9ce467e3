/** The private engine's state, for people. */
import type { EngineStatus } from '../workflows/engine.ts';
import { formatBytes } from './units.ts';

export function renderEngineStatus({ running, url, version, pid, data, log, free }: EngineStatus): string {
  const facts: [string, string | null][] = [
    ['state', running ? `up, Docker ${version}, pid ${pid}` : 'down'],
    ['url', url],
    ['data', data],
    ['free', free === null ? null : formatBytes(free)],
    ['log', log],
  ];
  return facts.flatMap(([name, value]) => (value === null ? [] : `${name.padEnd(7)}${value}`)).join('\n');
}
