import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { DwtEvent } from '../../src/events.ts';
import type { Project } from '../../src/project/project.ts';
import { parseReference } from '../../src/registry/reference.ts';
import { type PushOptions, pushImages } from '../../src/workflows/push.ts';
import type { PushedImage } from '../../src/workflows/push-result.ts';
import { type Fault, type FaultProxy, type SeenRequest, startFaultProxy } from '../support/fault-proxy.ts';
import { PushingEngine } from '../support/pushing-engine.ts';
import { startRegistry, type TestRegistry } from '../support/registry.ts';

const credentials = { username: 'alice', password: 'correct-horse' };
const limits = { attempts: 3, firstWaitMs: 5, longestWaitMs: 1000, lastStartMs: 10_000 };

let registry: TestRegistry;
let proxy: FaultProxy;
let engine: PushingEngine;
let folder: string;
let repository: string;
let events: DwtEvent[];

beforeAll(async () => {
  registry = await startRegistry({ credentials });
});
afterAll(() => registry.stop());
beforeEach(async () => {
  proxy = await startFaultProxy(registry.host);
  engine = new PushingEngine();
  engine.add('demo/a:latest');
  repository = `t${randomBytes(6).toString('hex')}`;
  events = [];
  folder = await mkdtemp(join(tmpdir(), 'dwt-push-'));
  await login(credentials.password);
});
afterEach(async () => {
  await proxy.stop();
  await rm(folder, { recursive: true, force: true });
});

const login = (password: string) =>
  writeFile(
    join(folder, 'config.json'),
    JSON.stringify({
      auths: {
        [proxy.host]: { auth: Buffer.from(`${credentials.username}:${password}`).toString('base64') },
      },
    }),
  );

const target = (stage: string, host = proxy.host) => ({
  stage,
  image: `demo/${stage}:latest`,
  reference: parseReference(`${host}/${repository}/${stage}:master`),
});

async function push(more: Partial<PushOptions> = {}): Promise<PushedImage[]> {
  const { images } = await pushImages({
    project: { name: 'demo' } as Project,
    engine: engine.asEngine(),
    targets: [target('a')],
    jobs: 2,
    dryRun: false,
    compareSources: false,
    environment: { DOCKER_CONFIG: folder },
    limits,
    answerMs: 2000,
    emit: (event) => events.push(event),
    signal: new AbortController().signal,
    ...more,
  });
  return [...images];
}

async function pushOne(more: Partial<PushOptions> = {}): Promise<PushedImage> {
  const [image] = await push(more);
  if (!image) throw new Error('There is no entry.');
  expect([...engine.tags.keys()].filter((name) => name.startsWith('127.'))).toEqual([]);
  return image;
}

const writes = () => proxy.requests.filter(({ method }) => method !== 'GET' && method !== 'HEAD');
const isUpload = ({ method, path }: SeenRequest) => method === 'POST' && path.includes('/blobs/uploads/');
const answer = (status: number, headers: Record<string, string> = {}, body?: unknown): Fault => ({
  type: 'answer',
  status,
  headers,
  body,
});

describe('what is there', () => {
  test('is not sent again, and its digest is told', async () => {
    const first = await pushOne();
    expect(first).toMatchObject({
      stage: 'a',
      action: 'pushed',
      reference: `${proxy.host}/${repository}/a:master`,
    });
    expect(first.digest).toMatch(/^sha256:[0-9a-f]{64}$/);
    proxy.forget();
    expect(await pushOne()).toMatchObject({ action: 'present', digest: first.digest });
    expect(writes()).toEqual([]);
    expect(engine.pushes).toBe(1);
  });

  test('is sent when the image has changed', async () => {
    const first = await pushOne();
    engine.add('demo/a:latest');
    const second = await pushOne();
    expect(second.action).toBe('pushed');
    expect(second.digest).not.toBe(first.digest);
  });

  test('is only looked at by a dry run', async () => {
    expect(await pushOne({ dryRun: true })).toMatchObject({ action: 'push', digest: null });
    expect(writes()).toEqual([]);
    const { digest } = await pushOne();
    proxy.forget();
    expect(await pushOne({ dryRun: true })).toMatchObject({ action: 'present', digest });
    expect(writes()).toEqual([]);
  });

  test('leaves a tag that the engine had before as it was', async () => {
    const name = `${proxy.host}/${repository}/a:master`;
    const before = engine.add(name);
    const [image] = await push();
    expect(image?.action).toBe('pushed');
    expect(engine.tags.get(name)?.id).toBe(before);
  });
});

describe('several tags', () => {
  const tags = ['{revision}', 'day-{date}'];
  const digestsOf = async (...names: string[]) =>
    Promise.all(
      names.map(async (tag) => {
        const headers = {
          accept: 'application/vnd.docker.distribution.manifest.v2+json',
          authorization: `Basic ${Buffer.from(`${credentials.username}:${credentials.password}`).toString('base64')}`,
        };
        const response = await fetch(`http://${registry.host}/v2/${repository}/a/manifests/${tag}`, {
          headers,
        });
        return response.ok ? response.headers.get('docker-content-digest') : null;
      }),
    );
  const moves = () =>
    proxy.requests
      .filter(({ method, path }) => method === 'PUT' && path.includes('/manifests/'))
      .map(({ path }) => path.split('/').at(-1));
  const all = ['abc123', 'day-2026-11-26', 'master'];

  test("are one digest, sent once, and the stage's own moves last", async () => {
    const image = await pushOne({ tags });
    expect(image).toMatchObject({
      reference: `${proxy.host}/${repository}/a:master`,
      action: 'pushed',
      tags: all.map((tag) => ({ tag, action: 'pushed' })),
    });
    expect(await digestsOf(...all)).toEqual(Array(3).fill(image.digest));
    expect(engine.pushes).toBe(1);
    expect(moves()).toEqual(all);
  });

  test('are added to what is there without a push', async () => {
    const { digest } = await pushOne();
    proxy.forget();
    expect(await pushOne({ tags, dryRun: true })).toMatchObject({
      action: 'push',
      tags: [
        { tag: 'abc123', action: 'push' },
        { tag: 'day-2026-11-26', action: 'push' },
        { tag: 'master', action: 'present' },
      ],
    });
    expect(moves()).toEqual([]);
    expect(await pushOne({ tags })).toMatchObject({ action: 'pushed', digest });
    expect([engine.pushes, moves()]).toEqual([1, ['abc123', 'day-2026-11-26']]);
    proxy.forget();
    expect(await pushOne({ tags })).toMatchObject({ action: 'present', digest });
    expect(writes()).toEqual([]);
  });

  test("leave the stage's own as it was where one of them fails", async () => {
    const { digest: before } = await pushOne();
    engine.add('demo/a:latest');
    proxy.fault = ({ method, path }) =>
      method === 'PUT' && path.includes('/manifests/day-') ? answer(403) : null;
    expect(await pushOne({ tags })).toMatchObject({
      error: { code: 'PUSH_DENIED' },
      action: null,
      tags: [
        { tag: 'abc123', action: 'pushed' },
        { tag: 'day-2026-11-26', action: null },
        { tag: 'master', action: null },
      ],
    });
    expect(await digestsOf('master')).toEqual([before]);
  });

  test('go up by the engine where the registry does not answer this machine', async () => {
    proxy.fault = ({ method, path }) =>
      method === 'PUT' && path.includes('/manifests/day-') && engine.pushes === 1 ? { type: 'cut' } : null;
    const image = await pushOne({ tags });
    expect(image).toMatchObject({ action: 'pushed' });
    expect(engine.pushes).toBe(2);
    expect(await digestsOf(...all)).toEqual(Array(3).fill(image.digest));
  });
});

describe('a tag that nobody may move', () => {
  const refusals: [string, Fault][] = [
    [
      'ECR',
      answer(
        400,
        {},
        {
          errors: [
            {
              code: 'TAG_INVALID',
              message:
                "The image tag 'master' already exists in the 'a' repository and cannot be overwritten because the tag is immutable.",
            },
          ],
        },
      ),
    ],
    [
      'Harbor',
      answer(
        412,
        {},
        {
          errors: [
            {
              code: 'PRECONDITION',
              message: "Failed to process request due to 'a:master' configured as immutable.",
            },
          ],
        },
      ),
    ],
  ];
  const isMove = ({ method, path }: SeenRequest) => method === 'PUT' && path.endsWith('/manifests/master');
  const tags = ['{revision}'];

  test.each(refusals)('and is another image is a refusal, at once: %s', async (_, refusal) => {
    const { digest } = await pushOne();
    engine.add('demo/a:latest');
    proxy.fault = (request) => (isMove(request) ? refusal : null);
    for (const more of [{}, { tags }]) {
      proxy.forget();
      const { error } = await pushOne(more);
      expect(error).toMatchObject({
        code: 'TAG_IMMUTABLE',
        hint: expect.stringContaining('tag that is new'),
      });
      expect(error?.message).toContain(`It is ${digest}.`);
      expect(error?.exitStatus).toBe(1);
      expect(proxy.requests.filter(isMove).length).toBe(1);
    }
  });

  test.each(refusals)('and is this image already is what was wanted: %s', async (_, refusal) => {
    const { digest } = await pushOne();
    // Somebody else was there between the look and the push.
    let looks = 0;
    const isLook = ({ method, path }: SeenRequest) => method !== 'PUT' && path.endsWith('/manifests/master');
    proxy.fault = (request) =>
      isMove(request) ? refusal : isLook(request) && ++looks <= 2 ? answer(404) : null;
    expect(await pushOne()).toMatchObject({ digest, action: 'pushed' });
    looks = 0;
    expect(await pushOne({ tags })).toMatchObject({ digest, action: 'pushed' });
  });
});

describe('one refusal is one error, and the others go on', () => {
  const table: [string, Fault, string, string, string][] = [
    ['401', answer(401), 'PUSH_DENIED', 'does not accept the login', 'docker login'],
    ['403', answer(403), 'PUSH_DENIED', 'does not let these credentials push', 'right to push'],
    [
      '404',
      answer(404, {}, { errors: [{ code: 'NAME_UNKNOWN', message: 'no such repository' }] }),
      'PUSH_FAILED',
      'has no repository',
      'Create the repository',
    ],
    ['405', answer(405), 'PUSH_FAILED', 'status 405', 'below'],
    ['429', answer(429, { 'retry-after': '3600' }), 'PUSH_FAILED', 'left alone for 3600 s', 'later'],
    ['500', answer(500), 'PUSH_FAILED', 'status 500', 'log and the disk'],
    ['503', answer(503), 'PUSH_FAILED', 'status 503', 'log and the disk'],
    [
      '503 with Retry-After',
      answer(503, { 'retry-after': '0' }),
      'PUSH_FAILED',
      'left alone for 0 s',
      'later',
    ],
    ['507', answer(507), 'PUSH_FAILED', 'no space left', 'Make space'],
    [
      'full disk',
      answer(
        500,
        {},
        {
          errors: [
            {
              code: 'UNKNOWN',
              message: 'unknown error',
              detail: { DriverName: 'filesystem', Enclosed: { Op: 'mkdir', Err: 28 } },
            },
          ],
        },
      ),
      'PUSH_FAILED',
      'no space left',
      'Make space',
    ],
  ];
  test.each(table)('%s', async (_, fault, code, message, hint) => {
    engine.add('demo/b:latest');
    proxy.fault = (request) =>
      isUpload(request) && request.path.includes(`${repository}/a/`) ? fault : null;
    const [a, b] = await push({ targets: [target('a'), target('b')] });
    expect(a?.error?.code).toBe(code);
    expect(a?.error?.message).toContain(message);
    expect(a?.error?.hint).toContain(hint);
    expect(a).toMatchObject({ action: null, digest: null });
    expect(b).toMatchObject({ action: 'pushed' });
    expect(
      events.filter((event) => event.type === 'task-finished').map(({ task, outcome }) => [task, outcome]),
    ).toEqual(
      expect.arrayContaining([
        ['a', 'failed'],
        ['b', 'pushed'],
      ]),
    );
  });

  test('an image that is not built', async () => {
    engine.tags.delete('demo/a:latest');
    const { error } = await pushOne();
    expect(error).toMatchObject({ code: 'IMAGE_NOT_BUILT', hint: 'Run `dwt build a` first.' });
    expect(writes()).toEqual([]);
  });

  test('a wrong password, which is shown nowhere', async () => {
    await login('wrong-battery');
    const image = await pushOne();
    expect(image.error?.code).toBe('PUSH_DENIED');
    expect(JSON.stringify([image, events])).not.toMatch(/wrong-battery|d3JvbmctYmF0dGVyeQ/);
    expect(engine.pushes).toBe(1);
  });

  test('no login at all', async () => {
    await writeFile(join(folder, 'config.json'), '{}');
    expect((await pushOne()).error?.message).toContain('has none for it');
  });

  test("docker's configuration is broken", async () => {
    await writeFile(join(folder, 'config.json'), '{');
    expect((await pushOne()).error).toMatchObject({ code: 'CREDENTIALS_UNAVAILABLE' });
  });
});

describe('what passes by itself is tried again', () => {
  test.each([
    ['429 with Retry-After', answer(429, { 'retry-after': '0' })],
    ['500', answer(500)],
    ['503', answer(503)],
    ['a cut connection', { type: 'cut' } as Fault],
  ])('%s', async (_, fault) => {
    let faults = 2;
    proxy.fault = (request) => (isUpload(request) && faults-- > 0 ? fault : null);
    expect(await pushOne()).toMatchObject({ action: 'pushed' });
    expect(events.filter(({ type }) => type === 'warning').length).toBeGreaterThan(0);
  });

  test('a cut at any one request', async () => {
    await pushOne();
    const count = proxy.requests.length;
    expect(count).toBeGreaterThan(8);
    for (let at = 1; at <= count; at++) {
      proxy.forget();
      engine.add('demo/a:latest');
      proxy.fault = ({ number }) => (number === at ? { type: 'cut' } : null);
      const image = await pushOne();
      expect([at, proxy.requests[at - 1], image.error, image.action]).toEqual([
        at,
        proxy.requests[at - 1],
        undefined,
        'pushed',
      ]);
    }
  });

  test('within three attempts', async () => {
    proxy.fault = (request) => (isUpload(request) ? { type: 'cut' } : null);
    expect((await pushOne()).error?.code).toMatch(/PUSH_FAILED|REGISTRY_UNREACHABLE/);
    expect(engine.pushes).toBe(3);
  });

  test('a slow registry is waited for', async () => {
    proxy.fault = () => ({ type: 'wait', ms: 100 });
    expect(await pushOne()).toMatchObject({ action: 'pushed' });
  });
});

describe('what arrived is not taken on trust', () => {
  test('a digest header that is not that of what is served', async () => {
    const wrong = `sha256:${'0'.repeat(64)}`;
    proxy.fault = ({ method, path }) =>
      method === 'GET' && path.includes('/manifests/')
        ? { type: 'header', name: 'docker-content-digest', value: wrong }
        : null;
    const { error } = await pushOne();
    expect(error?.code).toBe('PUSH_FAILED');
    expect(error?.message).toContain(`is ${wrong}, but what it serves is sha256:`);
  });

  test('another manifest than the one that was pushed', async () => {
    proxy.fault = ({ method, path }) =>
      method !== 'PUT' && path.includes('/manifests/')
        ? answer(200, {}, { schemaVersion: 2, config: { digest: 'sha256:other' } })
        : null;
    const { error } = await pushOne();
    expect(error?.code).toBe('PUSH_FAILED');
    expect(error?.message).toMatch(/has .* as .*, after sha256:\w+ was pushed/);
  });

  test('a push that left nothing', async () => {
    proxy.fault = ({ method, path }) =>
      method === 'PUT' && path.includes('/manifests/') ? answer(201) : null;
    expect((await pushOne()).error?.message).toContain('has nothing as');
  });
});

describe('out of reach', () => {
  test('a registry that is down is one exit status 3, and is not asked again for each image', async () => {
    engine.add('demo/b:latest');
    engine.add('demo/c:latest');
    const { host } = proxy;
    await proxy.stop();
    const images = await push({ jobs: 1, targets: ['a', 'b', 'c'].map((stage) => target(stage, host)) });
    expect(images.map(({ error }) => error?.code)).toEqual(Array(3).fill('REGISTRY_UNREACHABLE'));
    expect(images[0]?.error?.exitStatus).toBe(3);
    expect(engine.pushes).toBe(3);
    proxy = await startFaultProxy(registry.host);
  });

  test('a registry that never answers is given up', async () => {
    proxy.fault = () => ({ type: 'hang' });
    const started = Date.now();
    const { error } = await pushOne({ answerMs: 100, silenceMs: 200 });
    expect(error?.code).toBe('REGISTRY_UNREACHABLE');
    expect(Date.now() - started).toBeLessThan(8000);
  });
});

test('an interruption ends the push and takes the tag off', async () => {
  const controller = new AbortController();
  proxy.fault = (request) => {
    if (!isUpload(request)) return null;
    setTimeout(() => controller.abort(), 20);
    return { type: 'hang' };
  };
  engine.add('demo/b:latest');
  const images = await push({ jobs: 1, targets: [target('a'), target('b')], signal: controller.signal });
  expect(images.map(({ error }) => error?.code)).toEqual(['INTERRUPTED', 'INTERRUPTED']);
  expect(engine.pushes).toBe(1);
  expect([...engine.tags.keys()]).toEqual(['demo/a:latest', 'demo/b:latest']);
  expect(events.filter((event) => event.type === 'task-finished').map(({ outcome }) => outcome)).toEqual([
    'cancelled',
    'cancelled',
  ]);
});
