/** What a release does to real registries, without an engine: copies, tags that move together, and the lock. */
import { randomBytes } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { DwtError } from '../../src/errors.ts';
import { sourceOf } from '../../src/registry/blobs.ts';
import { digestOfBytes, type RegistryClient } from '../../src/registry/client.ts';
import { copyImage } from '../../src/registry/copy-image.ts';
import { Ledger, type Reliably } from '../../src/release/ledger.ts';
import { type LockTimes, takeLock } from '../../src/release/lock.ts';
import { MovesFailed, moveTags, type TagMove } from '../../src/release/tag-moves.ts';
import { takeTagAway } from '../../src/release/take-tag-away.ts';
import { type FaultProxy, type SeenRequest, startFaultProxy } from '../support/fault-proxy.ts';
import { startRegistry, type TestRegistry } from '../support/registry.ts';
import { registryOf } from '../support/registry-client.ts';

const mediaType = 'application/vnd.oci.image.manifest.v1+json';
const once: Reliably = (_path, _tag, work) => work();

let registry: TestRegistry;
let other: TestRegistry;
let proxy: FaultProxy;
let client: RegistryClient;
/** Past the proxy. */
let own: RegistryClient;
let path: string;

beforeAll(async () => {
  [registry, other] = await Promise.all([startRegistry(), startRegistry()]);
});
afterAll(() => Promise.all([registry.stop(), other.stop()]));
beforeEach(async () => {
  proxy = await startFaultProxy(registry.host);
  client = registryOf(proxy.host);
  own = registryOf(registry.host);
  path = `team/${randomBytes(4).toString('hex')}`;
});
afterEach(() => proxy.stop());

/** An image of so many layers, under its digest and these tags. */
async function image(tags: readonly string[] = [], layers = 1): Promise<string> {
  const blobs = Array.from({ length: layers + 1 }, () => randomBytes(layers === 1 ? 100 : 300_000));
  const [config, ...rest] = await Promise.all(
    blobs.map(async (bytes) => {
      await own.uploadBlob(path, digestOfBytes(bytes), sourceOf(bytes));
      return { mediaType: 'application/octet-stream', digest: digestOfBytes(bytes), size: bytes.byteLength };
    }),
  );
  const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType, config, layers: rest }));
  for (const tag of [digestOfBytes(bytes), ...tags]) await own.putManifest(path, tag, { mediaType, bytes });
  return digestOfBytes(bytes);
}

describe('a copy', () => {
  test('between registries is byte for byte, and is made once', async () => {
    const digest = await image([], 6);
    const from = { domain: proxy.host, path, client };
    const to = { domain: other.host, path: `${path}-copy`, client: registryOf(other.host) };
    const seen = new Map<string, number>();
    await copyImage({ from, to, digest, onProgress: (blob, current) => seen.set(blob, current) });
    const [source, copied] = await Promise.all([
      own.manifest(path, digest),
      to.client.manifest(to.path, digest),
    ]);
    expect(copied?.bytes.equals(source?.bytes ?? Buffer.of())).toBe(true);
    expect([...seen.values()]).toEqual(Array(7).fill(300_000));
    proxy.forget();
    await copyImage({ from, to, digest, onProgress: () => {} });
    expect(proxy.requests).toEqual([]);
  });

  test('within a registry sends nothing', async () => {
    const digest = await image([], 3);
    const place = { domain: proxy.host, client };
    const to = { ...place, path: `${path}-copy` };
    await copyImage({ from: { ...place, path }, to, digest, onProgress: () => {} });
    expect(await own.digestOf(to.path, digest)).toBe(digest);
    expect(proxy.requests.filter(({ path: asked }) => asked.includes('digest='))).toEqual([]);
  });

  test('of what is gone says so, and leaves nothing', async () => {
    const gone = `sha256:${'0'.repeat(64)}`;
    const from = { domain: proxy.host, path, client };
    const to = { domain: other.host, path: `${path}-copy`, client: registryOf(other.host) };
    await expect(copyImage({ from, to, digest: gone, onProgress: () => {} })).rejects.toMatchObject({
      code: 'MANIFEST_GONE',
    });
    expect(await to.client.tags(to.path)).toBeNull();
  });
});

describe('a tag that is taken away', () => {
  test('leaves the image, and its other tags', async () => {
    const digest = await image(['one', 'two', 'three']);
    const another = await image(['four']);
    await takeTagAway(client, path, 'two');
    expect(await Promise.all(['one', 'two', 'three', 'four'].map((tag) => own.digestOf(path, tag)))).toEqual([
      digest,
      null,
      digest,
      another,
    ]);
    await takeTagAway(client, path, 'none');
  });
});

describe('tags', () => {
  let moves: TagMove[];
  let before: (string | null)[];
  const tags = ['a', 'b', 'c', 'new'];
  const now = () => Promise.all(tags.map((tag) => own.digestOf(path, tag)));
  const move = (check: () => Promise<void> = async () => {}, signal = new AbortController().signal) =>
    moveTags(moves, {
      there: { client, reliably: once },
      back: () => ({ client, reliably: once }),
      check,
      signal,
    }).then(
      () => null,
      (error: unknown) => error as MovesFailed,
    );
  beforeEach(async () => {
    before = [await image(['a']), await image(['b']), await image(['c']), null];
    moves = await Promise.all(
      tags.map(async (tag, index) => ({
        stage: tag,
        path,
        tag,
        from: before[index] ?? null,
        to: await image(),
      })),
    );
    // Where the registry is, is asked once.
    await client.digestOf(path, 'a');
    proxy.forget();
  });

  test('move together', async () => {
    expect(await move()).toBeNull();
    expect(await now()).toEqual(moves.map(({ to }) => to));
  });

  test('are as they were, wherever it breaks', async () => {
    expect(await move()).toBeNull();
    const requests = proxy.requests.length;
    for (const [index, tag] of tags.entries()) await restore(tag, before[index] ?? null);
    for (let at = 1; at <= requests; at++) {
      proxy.forget();
      proxy.fault = ({ number }) => (number === at ? { type: 'cut' } : null);
      const failed = await move();
      expect([at, failed, failed?.left]).toEqual([at, expect.any(MovesFailed), []]);
      expect([at, await now()]).toEqual([at, before]);
    }
  });

  test('that were moved although the answer was lost are put back', async () => {
    const lost = ({ method, path: asked }: SeenRequest) =>
      method === 'PUT' && asked.endsWith('/manifests/b') ? ({ type: 'drop' } as const) : null;
    proxy.fault = (seen) => {
      const fault = lost(seen);
      if (fault) proxy.fault = () => null;
      return fault;
    };
    expect(await move()).toBeInstanceOf(MovesFailed);
    expect(await now()).toEqual(before);
  });

  test('that somebody else moved are left to them', async () => {
    const theirs = await image();
    await restore('b', theirs);
    const failed = await move();
    expect([failed?.error.code, failed?.left]).toEqual(['RELEASE_OVERTAKEN', []]);
    expect(await now()).toEqual([before[0], theirs, before[2], null]);
  });

  test('do not move where an image is gone', async () => {
    const [first, ...rest] = moves;
    moves = [{ ...(first as TagMove), to: `sha256:${'0'.repeat(64)}` }, ...rest];
    expect((await move())?.error.code).toBe('MANIFEST_GONE');
    expect(await now()).toEqual(before);
    expect(proxy.requests.filter(({ method }) => method === 'PUT')).toEqual([]);
  });

  test('are put back when the lock is lost meanwhile', async () => {
    let checks = 0;
    const failed = await move(async () => {
      if (++checks === 3) throw new DwtError('RELEASE_LOCKED', 'Somebody has it.');
    });
    expect([failed?.error.code, await now()]).toEqual(['RELEASE_LOCKED', before]);
  });

  async function restore(tag: string, digest: string | null): Promise<void> {
    const manifest = digest && (await own.manifest(path, digest));
    if (manifest) await own.putManifest(path, tag, manifest);
    else await takeTagAway(own, path, tag);
  }
});

describe('the lock', () => {
  const times: LockTimes = { waitMs: 200, settleMs: 100, expiryMs: 60_000 };
  const waited: string[] = [];
  const take = (id: string, more: Partial<LockTimes> = {}) => {
    const ledger = new Ledger({ client, path, reliably: once });
    return takeLock({
      ledger,
      reliably: once,
      id,
      by: `somebody (${id})`,
      times: { ...times, ...more },
      signal: new AbortController().signal,
      onWait: (by) => waited.push(by),
    });
  };
  const at = () => ({ ledger: new Ledger({ client, path, reliably: once }), reliably: once });

  test('is one holder at a time, and says who', async () => {
    const first = await take('first');
    await first.check();
    await expect(take('second')).rejects.toMatchObject({
      code: 'RELEASE_LOCKED',
      message: expect.stringMatching(/^somebody \(first\) is releasing first/),
    });
    const waiting = take('third', { waitMs: 60_000 });
    await first.free(at());
    const third = await waiting;
    expect(waited).toContain('somebody (first)');
    await expect(first.check()).rejects.toMatchObject({ code: 'RELEASE_LOCKED' });
    await third.free(at());
  });

  test("is nobody's when its holder has died", async () => {
    await take('dead', { expiryMs: 1 });
    await (await take('next')).free(at());
  });

  test('is taken by one of many at once', async () => {
    const many = await Promise.allSettled(['a', 'b', 'c', 'd', 'e'].map((id) => take(id, { settleMs: 500 })));
    expect(many.filter(({ status }) => status === 'fulfilled').length).toBe(1);
  });
});
