import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { isDead, runLabels } from '../../../src/contract/leftovers.ts';

const day = 24 * 3600 * 1000;

test('a run that works is not dead, however long', () => {
  expect(isDead(runLabels('a'), Date.now() + day)).toBe(false);
});

test('a run of this system whose process is gone, or whose number another one has', async () => {
  const labels = runLabels('a');
  const owner = (labels['dwt.owner'] ?? '').split('/');
  const child = spawn(process.execPath, ['-e', 'setTimeout(() => {}, 60000)']);
  await once(child, 'spawn');
  const started = readFileSync(`/proc/${child.pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ')[19];
  const theirs = [owner[0], owner[1], child.pid, started].join('/');
  expect(isDead({ ...labels, 'dwt.owner': theirs })).toBe(false);
  expect(isDead({ ...labels, 'dwt.owner': [owner[0], owner[1], child.pid, 1].join('/') })).toBe(true);
  child.kill('SIGKILL');
  await once(child, 'close');
  expect(isDead({ ...labels, 'dwt.owner': theirs })).toBe(true);
});

test('a run of another system is dead only after its last possible moment', () => {
  const labels = { ...runLabels('a'), 'dwt.owner': 'another-boot/4026531836/1/1' };
  expect(isDead(labels)).toBe(false);
  expect(isDead(labels, Date.now() + day)).toBe(true);
});

test('what carries no sign of its run is left alone', () => {
  expect(isDead({})).toBe(false);
  expect(isDead({ 'dwt.run': 'a', 'dwt.expires': 'soon' })).toBe(false);
});
