/** An engine that fails under a build: its disk is full, or it is gone. A private engine of its own, on a small disk. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import Docker from 'dockerode';
import { connectEngine } from '../../src/engine/connect.ts';
import { engineDown, engineUp } from '../../src/workflows/engine.ts';
import { testBase, testEngine } from '../support/engine.ts';
import { makeProject, type TestProject } from '../support/project.ts';

const disk = mkdtempSync(join(tmpdir(), 'dwt-small-disk-'));
const runtime = mkdtempSync(join(tmpdir(), 'dwt-run-'));
const environment = { ...process.env, XDG_DATA_HOME: disk, XDG_RUNTIME_DIR: runtime, DOCKER_HOST: undefined };
const options = { environment, emit: () => {}, signal: new AbortController().signal };

let url: string;
let pid: number | null;
let project: TestProject;

beforeAll(async () => {
  if (process.getuid?.() !== 0)
    throw new Error('A disk of its own for an engine needs root: run the tests as root.');
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=600m', 'dwt-test', disk]);
  ({ url, pid } = await engineUp(options));
  const small = await connectEngine({ engine: url, environment });
  try {
    await small.loadImage(await dockerAt(testEngine()).getImage(testBase()).get());
  } finally {
    small.close();
  }
  project = await makeProject({
    Dockerfile: [
      `FROM ${testBase()} AS full`,
      'RUN head -c 2000000000 /dev/zero > /zeros',
      `FROM ${testBase()} AS slow`,
      'RUN echo under way; sleep 60',
    ].join('\n'),
  });
}, 180_000);

afterAll(async () => {
  await project?.remove();
  await engineDown({ ...options, purge: true });
  execFileSync('umount', ['-l', disk]);
  for (const folder of [disk, runtime]) rmSync(folder, { recursive: true, force: true });
}, 60_000);

test('a full disk is named as what it is, with what to do', async () => {
  const { status, stdout, stderr } = await project.dwt(['build', 'full', '--json', '--engine', url]);
  expect(status).toBe(1);
  expect(JSON.parse(stdout).images[0].error).toMatchObject({ code: 'DISK_FULL', hint: expect.any(String) });
  expect(stderr).toContain('Dockerfile:2');
}, 120_000);

test('an engine that dies in the middle ends the build at once, with 3', async () => {
  const running = project.start(['build', 'slow', '--json', '--engine', url]);
  await running.said('|   under way');
  // 0 would be this very group of processes.
  if (pid === null) throw new Error('The engine does not run.');
  process.kill(pid, 'SIGKILL');
  const killed = Date.now();
  const { status, stdout } = await running.result;
  expect(Date.now() - killed).toBeLessThan(5000);
  expect(status).toBe(3);
  expect(JSON.parse(stdout).images[0].error.code).toBe('ENGINE_LOST');
}, 120_000);

function dockerAt(engine: string): Docker {
  const { protocol, hostname, port, pathname } = new URL(engine);
  return protocol === 'unix:'
    ? new Docker({ socketPath: pathname })
    : new Docker({ host: hostname, port: Number(port) });
}
