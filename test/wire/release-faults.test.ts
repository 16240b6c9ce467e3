/** Every request of a release's end fails in turn: its tags move together, or every one is as it was. */
import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import pLimit from 'p-limit';
import { asDwtError, type DwtError } from '../../src/errors.ts';
import type { Project } from '../../src/project/project.ts';
import type { NewManifest } from '../../src/registry/client.ts';
import type { RecordedImage, ReleaseRecord } from '../../src/release/record.ts';
import { releaseTag } from '../../src/release/release-id.ts';
import { resumeRelease } from '../../src/workflows/release-finish.ts';
import { publish } from '../../src/workflows/release-publish.ts';
import { environmentRegistry } from '../../src/workflows/release-registry.ts';
import { rollback } from '../../src/workflows/rollback.ts';
import { type FaultProxy, type SeenRequest, startFaultProxy } from '../support/fault-proxy.ts';
import { startRegistry, type TestRegistry } from '../support/registry.ts';
import { registryOf } from '../support/registry-client.ts';

const limits = { attempts: 3, firstWaitMs: 5, longestWaitMs: 1000, lastStartMs: 10_000 };
/** The lock of a release that died is nobody's soon. */
const lockTimes = { waitMs: 20_000, settleMs: 5, expiryMs: 1500 };
const atOnce = pLimit(6);

let registry: TestRegistry;
let folder: string;
/** What a release asks that nothing goes wrong with. */
let requests: readonly SeenRequest[];

beforeAll(async () => {
  registry = await startRegistry();
  folder = await mkdtemp(join(tmpdir(), 'dwt-release-faults-'));
  requests = await trial(async ({ proxy, finish }) => {
    const error = await finish();
    if (error) throw error;
    return [...proxy.requests];
  });
}, 120_000);
afterAll(async () => {
  await registry.stop();
  await rm(folder, { recursive: true, force: true });
});

const digestOf = (bytes: Buffer): string => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;

/** A manifest of nothing, which is another one each time. */
const manifestOf = (note: string): NewManifest => ({
  mediaType: 'application/vnd.oci.image.index.v1+json',
  bytes: Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: 'application/vnd.oci.image.index.v1+json',
      manifests: [],
      annotations: { note },
    }),
  ),
});

/** One environment of its own with two images that were there and one that is new, all of them sent; no tag has moved. */
interface Trial {
  readonly proxy: FaultProxy;
  /** Moves the tags; answers why it did not. */
  finish(signal?: AbortSignal): Promise<DwtError | null>;
  resume(): Promise<DwtError | null>;
  goBack(): Promise<DwtError | null>;
  /** Of each image: its tag, and the tag that stays. */
  tags(): Promise<{ now: (string | null)[]; kept: (string | null)[] }>;
  readonly before: readonly (string | null)[];
  readonly after: readonly string[];
}

async function trial<T>(work: (trial: Trial) => Promise<T>): Promise<T> {
  const proxy = await startFaultProxy(registry.host);
  const home = `t${randomBytes(6).toString('hex')}`;
  const id = 'r1';
  const client = registryOf(registry.host);
  const images: RecordedImage[] = [];
  const before: (string | null)[] = [];
  for (const [stage, isNew] of [
    ['one', false],
    ['two', false],
    ['new', true],
  ] as const) {
    const repository = `${home}/${stage}`;
    const manifest = manifestOf(`${home} ${stage}`);
    const kept = releaseTag('master', id);
    await client.putManifest(repository, kept, manifest);
    before.push(
      isNew
        ? null
        : (await client.putManifest(repository, 'master', manifestOf(`${home} ${stage} before`))).digest,
    );
    images.push({
      stage,
      repository,
      tag: 'master',
      releaseTag: kept,
      imageId: null,
      digest: digestOf(manifest.bytes),
      key: null,
      revision: null,
      report: null,
    });
  }
  const project = {
    name: 'demo',
    folder: '/',
    environments: new Map([
      [
        'dev',
        { name: 'dev', registry: proxy.host, repository: `${home}/{suffix}`, releases: `${home}/releases` },
      ],
    ]),
  } as unknown as Project;
  const going = (signal = new AbortController().signal) => ({
    project,
    env: 'dev',
    environment: { DOCKER_CONFIG: folder },
    emit: () => undefined,
    signal,
    limits,
    lockTimes,
  });
  const now = new Date().toISOString();
  const draft: ReleaseRecord = {
    version: 1,
    id,
    kind: 'release',
    state: 'prepared',
    project: 'demo',
    environment: 'dev',
    revision: null,
    by: 'the test',
    tool: '0',
    startedAt: now,
    at: now,
    previous: null,
    inForce: id,
    images,
  };
  const errorOf = (done: Promise<unknown>): Promise<DwtError | null> =>
    done.then(
      () => null,
      (thrown: unknown) => asDwtError(thrown),
    );
  try {
    return await work({
      proxy,
      before,
      after: images.map(({ digest }) => digest ?? ''),
      finish: (signal) =>
        errorOf(
          (async () => {
            const options = going(signal);
            await publish(draft, {
              ...options,
              registry: await environmentRegistry(project, 'dev', options),
            });
          })(),
        ),
      resume: () =>
        errorOf(
          resumeRelease({
            ...going(),
            id,
            uploads: 1,
            buildArguments: {},
            engine: () => Promise.reject(new Error('All is in the registry: no engine is needed.')),
          }),
        ),
      goBack: () => errorOf(rollback({ ...going(), to: null, dryRun: false })),
      tags: async () => ({
        now: await Promise.all(images.map(({ repository }) => client.digestOf(repository, 'master'))),
        kept: await Promise.all(images.map((image) => client.digestOf(image.repository, image.releaseTag))),
      }),
    });
  } finally {
    await proxy.stop();
  }
}

/** Tries each of these requests, which are counted from 1. */
const each = <T>(numbers: readonly number[], work: (at: number) => Promise<T>): Promise<T[]> =>
  Promise.all(numbers.map((number) => atOnce(() => work(number))));

/** From where the record says that tags move to where it says that they have. */
const moving = (): number[] => {
  const written = (tag: string) =>
    requests.findIndex(({ method, path }) => method === 'PUT' && path.endsWith(`/manifests/${tag}`));
  return requests.map(({ number }) => number).slice(written('r1'), written('current') + 1);
};
const writes = (): number[] =>
  requests.filter(({ method }) => method !== 'GET' && method !== 'HEAD').map(({ number }) => number);

/** With what was asked at that point, so that a failure says which it was. */
const at = (number: number, { proxy }: Trial, ...more: unknown[]) => {
  const { method, path } = proxy.requests[number - 1] ?? {};
  return [`${number}: ${method} ${path}`, ...more];
};

const isMove = ({ method, path }: SeenRequest) => method === 'PUT' && path.endsWith('/manifests/master');

test('one failure at any write, and at any request while tags move, is made good', async () => {
  const numbers = [...new Set([...writes(), ...moving()])];
  await each(numbers, (number) =>
    trial(async (one) => {
      // What was done and not answered is the harder case, and for a question there is no difference.
      one.proxy.fault = (request) =>
        request.number === number ? { type: request.method === 'PUT' ? 'drop' : 'cut' } : null;
      expect(at(number, one, await one.finish())).toEqual(at(number, one, null));
      expect(await one.tags()).toEqual({ now: one.after, kept: one.after });
    }),
  );
}, 120_000);

test('a tag that is refused leaves every tag as it was', async () => {
  for (const refused of [1, 2, 3]) {
    await trial(async (one) => {
      let moves = 0;
      let path: string | null = null;
      one.proxy.fault = (request) => {
        if (isMove(request) && ++moves === refused) path = request.path;
        return isMove(request) && request.path === path
          ? { type: 'answer', status: 403, body: { errors: [{ code: 'DENIED', message: 'not that one' }] } }
          : null;
      };
      const error = await one.finish();
      expect(error).toMatchObject({
        code: 'PUSH_DENIED',
        message: expect.stringContaining('Every tag is as it was before.'),
        hint: expect.stringContaining('--resume'),
      });
      expect(await one.tags()).toEqual({ now: one.before, kept: one.after });
      one.proxy.fault = () => null;
      expect(await one.resume()).toBeNull();
      expect(await one.tags()).toEqual({ now: one.after, kept: one.after });
    });
  }
}, 120_000);

test('a registry that fails from any request on for a while leaves every tag as it was, or moves all', async () => {
  const outcomes = await each(moving(), (number) =>
    trial(async (one) => {
      // Long enough that all attempts of whatever is asked then are used up.
      one.proxy.fault = (request) =>
        request.number >= number && request.number < number + 3 * 3 ? { type: 'answer', status: 500 } : null;
      const error = await one.finish();
      one.proxy.fault = () => null;
      const { now, kept } = await one.tags();
      if (error?.code === 'RELEASE_HALF_MOVED') {
        expect(at(number, one, await one.goBack())).toEqual(at(number, one, null));
        expect((await one.tags()).now).toEqual(one.before);
      } else if (error === null || String(now) === String(one.after)) {
        expect(at(number, one, now)).toEqual(at(number, one, one.after));
      } else {
        expect(at(number, one, now, kept)).toEqual(at(number, one, one.before, one.after));
        // Where not even the record could be written, the release is begun again.
        const again = (await one.resume())?.code === 'RELEASE_UNKNOWN' ? await one.finish() : null;
        expect(at(number, one, again)).toEqual(at(number, one, null));
        expect(await one.tags()).toEqual({ now: one.after, kept: one.after });
      }
      return error?.code ?? null;
    }),
  );
  expect(outcomes.filter((code) => code !== null).length).toBeGreaterThan(0);
}, 120_000);

test('a registry that is gone from any request on is told, and the tags can be put back or the release finished', async () => {
  const outcomes = await each(moving(), (number) =>
    trial(async (one) => {
      one.proxy.fault = (request) => (request.number >= number ? { type: 'cut' } : null);
      const error = await one.finish();
      one.proxy.fault = () => null;
      const { now } = await one.tags();
      if (error === null) {
        expect(at(number, one, now)).toEqual(at(number, one, one.after));
        return null;
      }
      expect([1, 3]).toContain(error.exitStatus);
      expect(error.hint).toBeTruthy();
      const mixed = String(now) !== String(one.before) && String(now) !== String(one.after);
      if (mixed) expect(at(number, one, error.code)).toEqual(at(number, one, 'RELEASE_HALF_MOVED'));
      if (number % 2 === 0 && mixed) {
        expect(at(number, one, await one.goBack())).toEqual(at(number, one, null));
        expect(at(number, one, (await one.tags()).now)).toEqual(at(number, one, one.before));
      } else {
        expect(at(number, one, await one.finish())).toEqual(at(number, one, null));
        expect(at(number, one, await one.tags())).toEqual(
          at(number, one, { now: one.after, kept: one.after }),
        );
      }
      return error.code;
    }),
  );
  expect(outcomes).toContain('RELEASE_HALF_MOVED');
}, 120_000);

test('an interruption at any request leaves every tag as it was, or moved all of them', async () => {
  await each(moving(), (number) =>
    trial(async (one) => {
      const controller = new AbortController();
      one.proxy.fault = (request) => {
        if (request.number === number) controller.abort();
        return null;
      };
      const error = await one.finish(controller.signal);
      const { now, kept } = await one.tags();
      const all = error === null || String(now) === String(one.after);
      expect(at(number, one, now, kept)).toEqual(at(number, one, all ? one.after : one.before, one.after));
      expect(at(number, one, await one.finish())).toEqual(at(number, one, null));
      expect(await one.tags()).toEqual({ now: one.after, kept: one.after });
    }),
  );
}, 120_000);
