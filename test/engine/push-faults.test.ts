/** Every request of a real push fails in turn, in every way that networks and registries have. */
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import pLimit from 'p-limit';
import { connectEngine } from '../../src/engine/connect.ts';
import type { Engine } from '../../src/engine/engine.ts';
import type { Project } from '../../src/project/project.ts';
import { type RegistryClient, registryClient } from '../../src/registry/client.ts';
import { renewable } from '../../src/registry/login.ts';
import { parseReference } from '../../src/registry/reference.ts';
import { usualLimits } from '../../src/registry/retry.ts';
import { type PushOptions, pushImages } from '../../src/workflows/push.ts';
import type { PushedImage } from '../../src/workflows/push-result.ts';
import { testEngine } from '../support/engine.ts';
import { type Fault, type FaultProxy, type SeenRequest, startFaultProxy } from '../support/fault-proxy.ts';
import { makeProject, type TestProject } from '../support/project.ts';
import { startRegistry, type TestRegistry } from '../support/registry.ts';

const credentials = { username: 'alice', password: 'correct-horse' };
/** An engine waits for five seconds before it tries a layer again; as many pushes as that wait together. */
const atOnce = pLimit(12);
const wrongDigest = `sha256:${'0'.repeat(64)}`;

let engine: Engine;
let project: TestProject;
let registry: TestRegistry;
let direct: RegistryClient;
let requestsOfAPush: number;
/** What the tag is before each push. */
let before: string;

/** One push of the image, to a repository of its own, through a proxy of its own. */
interface Trial {
  readonly proxy: FaultProxy;
  readonly path: string;
  push(more?: Partial<PushOptions>): Promise<PushedImage>;
  /** What the tag is in the registry, all of whose blobs are there. */
  tagged(tag?: string): Promise<string | null>;
}

async function trial<T>(work: (trial: Trial) => Promise<T>): Promise<T> {
  const proxy = await startFaultProxy(registry.host);
  const folder = await mkdtemp(join(tmpdir(), 'dwt-faults-'));
  const path = `t${randomBytes(6).toString('hex')}/a`;
  const auth = Buffer.from(`${credentials.username}:${credentials.password}`).toString('base64');
  await writeFile(join(folder, 'config.json'), JSON.stringify({ auths: { [proxy.host]: { auth } } }));
  const push: Trial['push'] = (more) => pushOf('a', proxy.host, path, { DOCKER_CONFIG: folder }, more);
  try {
    return await work({ proxy, path, push, tagged: (tag = 'master') => tagged(path, tag) });
  } finally {
    await proxy.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

async function pushOf(
  stage: string,
  host: string,
  path: string,
  environment: Record<string, string>,
  more: Partial<PushOptions> = {},
): Promise<PushedImage> {
  const { images } = await pushImages({
    project: { name: project.name } as Project,
    engine,
    targets: [
      {
        stage,
        image: `${project.name}/${stage}:latest`,
        reference: parseReference(`${host}/${path}:master`),
      },
    ],
    jobs: 1,
    dryRun: false,
    compareSources: false,
    environment,
    limits: { ...usualLimits, firstWaitMs: 50 },
    emit: () => undefined,
    signal: new AbortController().signal,
    ...more,
  });
  return images[0] as PushedImage;
}

async function tagged(path: string, tag: string): Promise<string | null> {
  const manifest = await direct.manifest(path, tag);
  if (manifest === null) return null;
  for (const digest of blobsOf(manifest.bytes))
    if ((await direct.blobSize(path, digest)) === null) throw new Error(`${path}:${tag} lacks ${digest}.`);
  return manifest.digest;
}

function blobsOf(manifest: Buffer): string[] {
  const { config, layers } = JSON.parse(manifest.toString()) as {
    config: { digest: string };
    layers: { digest: string }[];
  };
  return [config, ...layers].map(({ digest }) => digest);
}

/** The tag is another image before it is pushed to. */
async function occupy(path: string): Promise<void> {
  const manifest = await direct.manifest('seed/old', 'master');
  if (manifest === null) throw new Error('The other image is not there.');
  for (const digest of blobsOf(manifest.bytes)) await direct.mountBlob(path, digest, 'seed/old');
  before = (await direct.putManifest(path, 'master', manifest)).digest;
}

const isMove = ({ method, path }: SeenRequest) => method === 'PUT' && path.includes('/manifests/');
/** A blob is there once this was answered. */
const isEndOfBlob = ({ method, path, status }: SeenRequest) =>
  method === 'PUT' && path.includes('/blobs/uploads/') && status === 201;

beforeAll(async () => {
  engine = await connectEngine({ engine: testEngine(), environment: {} });
  registry = await startRegistry({ credentials });
  direct = registryClient({
    domain: registry.host,
    auth: renewable(async () => ({ auth: credentials, source: 'the test', expiresAt: null })),
    timeoutMs: 20_000,
    signal: new AbortController().signal,
  });
  project = await makeProject({
    'dwt.yaml':
      'version: 1\nstages:\n  a: {kind: tool, publish: {suffix: a, tag: master}}\n  old: {kind: tool, publish: {suffix: old, tag: master}}\n',
    Dockerfile: 'FROM scratch AS a\nCOPY x /x\nCOPY y /y\nFROM scratch AS old\nCOPY z /z\n',
    ...Object.fromEntries(['x', 'y', 'z'].map((file) => [file, randomBytes(50_000)])),
  });
  const { status, stderr } = await project.dwt(['build', '--progress', 'quiet']);
  if (status !== 0) throw new Error(`The build failed: ${stderr}`);
  await trial(async ({ proxy }) => {
    const folder = await mkdtemp(join(tmpdir(), 'dwt-faults-'));
    const auth = Buffer.from(`${credentials.username}:${credentials.password}`).toString('base64');
    await writeFile(join(folder, 'config.json'), JSON.stringify({ auths: { [proxy.host]: { auth } } }));
    const { error } = await pushOf('old', proxy.host, 'seed/old', { DOCKER_CONFIG: folder });
    await rm(folder, { recursive: true, force: true });
    if (error) throw error;
  });
  // Not the first push of it: what an engine knows of other registries makes it ask a little more.
  await trial(({ push }) => push());
  requestsOfAPush = await trial(async ({ proxy, path, push }) => {
    await occupy(path);
    const { error } = await push();
    if (error) throw error;
    return proxy.requests.length;
  });
}, 120_000);

afterAll(async () => {
  await project.remove();
  engine.close();
  await registry.stop();
}, 60_000);

test('a whole push is what is thought of it', () => {
  // Three blobs of two requests at least, the manifest, what is asked before and after.
  expect(requestsOfAPush).toBeGreaterThan(15);
  expect(requestsOfAPush).toBeLessThan(60);
});

/** A little beyond what a push asked: layers go side by side, and what fails is asked again. */
const everyRequest = () => Array.from({ length: requestsOfAPush }, (_, index) => index + 1);

describe('one failure at any request is made good', () => {
  test.each<[string, Fault]>([
    ['the connection is cut', { type: 'cut' }],
    ['the answer does not come back', { type: 'drop' }],
    [
      'the login is refused',
      { type: 'answer', status: 401, headers: { 'www-authenticate': 'Basic realm="test"' } },
    ],
    ['the registry has a bad moment', { type: 'answer', status: 503, headers: { 'retry-after': '0' } }],
  ])(
    '%s',
    async (_, fault) => {
      await Promise.all(
        everyRequest().map((at) =>
          atOnce(() =>
            trial(async ({ proxy, path, push, tagged }) => {
              await occupy(path);
              proxy.fault = ({ number }) => (number === at ? fault : null);
              const { action, digest, error } = await push();
              const failed = proxy.requests[at - 1];
              expect([at, failed?.method, failed?.path, action, error]).toEqual([
                at,
                failed?.method,
                failed?.path,
                'pushed',
                undefined,
              ]);
              expect(await tagged()).toBe(digest);
            }),
          ),
        ),
      );
    },
    90_000,
  );
});

test('a wrong digest at any request publishes nothing else than the image, and is told where it matters', async () => {
  const told = await Promise.all(
    everyRequest().map((at) =>
      atOnce(() =>
        trial(async ({ proxy, path, push, tagged }) => {
          await occupy(path);
          proxy.fault = ({ number }) =>
            number === at ? { type: 'header', name: 'docker-content-digest', value: wrongDigest } : null;
          const { digest, error } = await push();
          expect(digest).not.toBe(wrongDigest);
          const now = await tagged();
          if (error) expect([1, 3]).toContain(error.exitStatus);
          else expect(now).toBe(digest);
          return error?.message;
        }),
      ),
    ),
  );
  expect(told.filter((message) => message?.includes(wrongDigest)).length).toBeGreaterThan(0);
}, 90_000);

test('a push that is interrupted at any request leaves the tag, and what arrived is not sent again', async () => {
  await Promise.all(
    everyRequest().map((at) =>
      atOnce(() =>
        trial(async ({ proxy, path, push, tagged }) => {
          await occupy(path);
          const controller = new AbortController();
          proxy.fault = ({ number }) => {
            if (number < at) return null;
            if (number === at) controller.abort();
            return { type: 'cut' };
          };
          const first = await push({ signal: controller.signal });
          expect([at, first.error?.code]).toEqual([at, 'INTERRUPTED']);
          const moved = proxy.requests.some((request) => isMove(request) && request.status === 201);
          if (!moved) expect(await tagged()).toBe(before);
          proxy.fault = () => null;
          const second = await push();
          expect([at, second.error]).toEqual([at, undefined]);
          expect(await tagged()).toBe(second.digest);
          expect([at, proxy.requests.filter(isEndOfBlob).length]).toEqual([at, 3]);
        }),
      ),
    ),
  );
}, 90_000);

test('a manifest that disappears is told', () =>
  trial(async ({ proxy, path, push, tagged }) => {
    proxy.fault = async (request) => {
      const moved = proxy.requests.some((other) => isMove(other) && other.status === 201);
      const digest =
        moved && !isMove(request) && request.path.includes('/manifests/') ? await tagged() : null;
      if (digest !== null) await direct.deleteManifest(path, digest);
      return null;
    };
    expect((await push()).error).toMatchObject({
      code: 'PUSH_FAILED',
      message: expect.stringContaining('has nothing as'),
    });
  }));

test('a registry whose disk is full is named as that, the tag stays, and space is all it takes', async () => {
  if (process.getuid?.() !== 0)
    throw new Error('A disk of its own for a registry needs root: run the tests as root.');
  const disk = await mkdtemp(join(tmpdir(), 'dwt-small-disk-'));
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'dwt-test', disk]);
  const small = await startRegistry({ storage: disk });
  try {
    expect(await pushOf('old', small.host, 'full/a', {})).toMatchObject({ action: 'pushed' });
    await writeFile(join(disk, 'ballast'), Buffer.alloc(880_000));
    const { error } = await pushOf('a', small.host, 'full/a', {});
    expect(error).toMatchObject({ code: 'PUSH_FAILED', message: expect.stringContaining('no space left') });
    expect(await pushOf('old', small.host, 'full/a', {})).toMatchObject({ action: 'present' });
    await rm(join(disk, 'ballast'));
    expect(await pushOf('a', small.host, 'full/a', {})).toMatchObject({ action: 'pushed' });
  } finally {
    await small.stop();
    execFileSync('umount', ['-l', disk]);
    await rm(disk, { recursive: true, force: true });
  }
}, 90_000);
