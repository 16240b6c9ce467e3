/** Logins that end in the middle of a push. The registry is real, the engine stands in with pushes that are real. */
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { DwtEvent } from '../../src/events.ts';
import type { Project } from '../../src/project/project.ts';
import { parseReference } from '../../src/registry/reference.ts';
import { pushImages } from '../../src/workflows/push.ts';
import type { PushedImage } from '../../src/workflows/push-result.ts';
import { type FaultProxy, startFaultProxy } from '../support/fault-proxy.ts';
import { PushingEngine } from '../support/pushing-engine.ts';
import { startRegistry, type TestRegistry } from '../support/registry.ts';

const people = ['first', 'second', 'third'].map((username) => ({
  username,
  password: randomBytes(8).toString('hex'),
}));
const headerOf = (person: number): string => {
  const { username, password } = people[person] ?? {};
  return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
};

let registry: TestRegistry;
let proxy: FaultProxy;
let engine: PushingEngine;
let folder: string;
let repository: string;
let events: DwtEvent[];

beforeAll(async () => {
  registry = await startRegistry({ credentials: people });
});
afterAll(() => registry.stop());
beforeEach(async () => {
  proxy = await startFaultProxy(registry.host);
  engine = new PushingEngine();
  engine.add('demo/a:latest', [randomBytes(1000), randomBytes(1000), randomBytes(1000)]);
  repository = `t${randomBytes(6).toString('hex')}`;
  events = [];
  folder = await mkdtemp(join(tmpdir(), 'dwt-renewal-'));
});
afterEach(async () => {
  await proxy.stop();
  await rm(folder, { recursive: true, force: true });
});

/** A real helper that gives the next person's login each time, and the last one's from then on. */
async function helper(persons: readonly number[]): Promise<void> {
  const answers = persons.map((person) => {
    const { username, password } = people[person] ?? {};
    return JSON.stringify({ Username: username, Secret: password });
  });
  const program = join(folder, 'docker-credential-turns');
  const asked = join(folder, 'asked');
  await writeFile(
    program,
    `#!/bin/sh\nread key; echo "$key" >>'${asked}'; n=$(wc -l <'${asked}')\n[ $n -le ${answers.length} ] || n=${answers.length}\nsed -n "$n"p <<'END'\n${answers.join('\n')}\nEND\n`,
  );
  await chmod(program, 0o755);
  await writeFile(join(folder, 'config.json'), JSON.stringify({ credHelpers: { [proxy.host]: 'turns' } }));
}

const timesAsked = async (): Promise<number> =>
  (await readFile(join(folder, 'asked'), 'utf8')).trim().split('\n').length;

/** The registry takes nobody's login but this person's. */
const only = (person: () => number, status = 401): void => {
  proxy.fault = ({ authorization }) =>
    authorization !== undefined && authorization !== headerOf(person())
      ? {
          type: 'answer',
          status,
          ...(status === 401 && { headers: { 'www-authenticate': 'Basic realm="test"' } }),
          body: { errors: [{ code: 'DENIED', message: 'Your authorization token has expired.' }] },
        }
      : null;
};

async function push(
  stages: readonly string[] = ['a'],
  signal = new AbortController().signal,
): Promise<readonly PushedImage[]> {
  const { images } = await pushImages({
    project: { name: 'demo' } as Project,
    engine: engine.asEngine(),
    targets: stages.map((stage) => ({
      stage,
      image: `demo/${stage}:latest`,
      reference: parseReference(`${proxy.host}/${repository}/${stage}:master`),
    })),
    jobs: 2,
    dryRun: false,
    compareSources: false,
    environment: { DOCKER_CONFIG: folder, PATH: `${folder}${delimiter}${process.env['PATH']}` },
    // One attempt: what is renewed here is no failure that is tried again.
    limits: { attempts: 1, firstWaitMs: 5, longestWaitMs: 1000, lastStartMs: 0 },
    answerMs: 5000,
    emit: (event) => events.push(event),
    signal,
  });
  return images;
}

const uploads = () =>
  proxy.requests.filter(({ method, path }) => method === 'PUT' && path.includes('/blobs/uploads/'));

describe.each([401, 403])('a login that is refused by %d in the middle of a push', (status) => {
  test('is asked for again, and the push goes on', async () => {
    await helper([0, 1]);
    only(() => (uploads().length < 2 ? 0 : 1), status);
    const [image] = await push();
    expect(image).toMatchObject({ action: 'pushed' });
    expect(await timesAsked()).toBe(2);
    // Three layers and the configuration: what arrived before is not sent again, but for the one that was refused.
    expect(uploads().length).toBe(5);
    expect(events.filter(({ type }) => type === 'warning')).toEqual([]);
    expect(JSON.stringify([image, events])).not.toMatch(
      new RegExp(people.map((one) => one.password).join('|')),
    );
  });

  test('is asked for as often as it ends', async () => {
    await helper([0, 1, 2]);
    only(() => Math.min(2, Math.floor(uploads().length / 2)), status);
    expect(await push()).toMatchObject([{ action: 'pushed' }]);
    expect(await timesAsked()).toBe(3);
  });

  test('is asked for once for all images', async () => {
    for (const stage of ['b', 'c', 'd']) engine.add(`demo/${stage}:latest`);
    await helper([0, 1]);
    only(() => (uploads().length < 4 ? 0 : 1), status);
    const images = await push(['a', 'b', 'c', 'd']);
    expect(images.map(({ action, error }) => [action, error?.message])).toEqual(
      Array(4).fill(['pushed', undefined]),
    );
    expect(await timesAsked()).toBe(2);
  });

  test('and has no successor is the end', async () => {
    await helper([0]);
    only(() => (uploads().length < 2 ? 0 : 1), status);
    expect(await push()).toMatchObject([{ action: null, error: { code: 'PUSH_DENIED' } }]);
    expect(await timesAsked()).toBeLessThan(6);
  });

  test('and has successors that nobody takes is the end too', async () => {
    await helper([0, 1]);
    only(() => (uploads().length < 2 ? 0 : 2), status);
    expect(await push()).toMatchObject([{ action: null, error: { code: 'PUSH_DENIED' } }]);
    expect(await timesAsked()).toBeLessThan(6);
  });
});

test('an interruption does not wait for a login', async () => {
  const program = join(folder, 'docker-credential-slow');
  const begun = join(folder, 'begun');
  await writeFile(
    program,
    `#!/bin/sh\necho $$ >'${begun}.new'; mv '${begun}.new' '${begun}'; exec sleep 25\n`,
  );
  await chmod(program, 0o755);
  await writeFile(join(folder, 'config.json'), JSON.stringify({ credHelpers: { [proxy.host]: 'slow' } }));
  const controller = new AbortController();
  const pushed = push(['a'], controller.signal);
  while (!existsSync(begun)) await sleep(10);
  controller.abort();
  expect(await pushed).toMatchObject([{ action: null, error: { code: 'INTERRUPTED' } }]);
  // It is still there, and nobody waited for it: this ends it, and would throw if it had ended.
  process.kill(Number(await readFile(begun, 'utf8')), 'SIGKILL');
});
