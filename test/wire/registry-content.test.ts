/** What the client of a registry sends and reads by itself, on a real registry. */
import { createHash, randomBytes } from 'node:crypto';
import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { RegistryFailure, RegistryRefusal } from '../../src/registry/answer.ts';
import { sourceOf } from '../../src/registry/blobs.ts';
import { type RegistryClient, registryClient } from '../../src/registry/client.ts';
import { renewable } from '../../src/registry/login.ts';
import { attach, referrersOf } from '../../src/registry/referrers.ts';
import { type FaultProxy, startFaultProxy } from '../support/fault-proxy.ts';
import { startReferrersProxy } from '../support/referrers-proxy.ts';
import { startRegistry, type TestRegistry } from '../support/registry.ts';

const credentials = { username: 'alice', password: 'pw' };
const imageType = 'application/vnd.oci.image.manifest.v1+json';
const digestOf = (bytes: Uint8Array) => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;

let registry: TestRegistry;
let proxy: FaultProxy;
let client: RegistryClient;
let path: string;

const clientOf = (domain: string, auth: typeof credentials | null = credentials, timeoutMs = 5000) =>
  registryClient({
    domain,
    auth: renewable(async () => ({ auth, source: 'the test', expiresAt: null })),
    timeoutMs,
    signal: new AbortController().signal,
  });

beforeAll(async () => {
  registry = await startRegistry({ credentials });
});
afterAll(() => registry.stop());
beforeEach(async () => {
  proxy = await startFaultProxy(registry.host);
  client = clientOf(proxy.host);
  path = `team/${randomBytes(4).toString('hex')}`;
});
afterEach(() => proxy.stop());

async function blob(bytes: Buffer = randomBytes(2_000_000), at = path): Promise<string> {
  await client.uploadBlob(at, digestOf(bytes), sourceOf(bytes));
  return digestOf(bytes);
}

/** An artifact with a configuration of its own; `subject` is what it refers to. */
async function artifact(subject?: { digest: string; size: number }) {
  const config = Buffer.from(JSON.stringify({ nonce: randomBytes(8).toString('hex') }));
  await blob(config);
  const descriptor = { mediaType: 'application/json', digest: digestOf(config), size: config.byteLength };
  const bytes = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: imageType,
      config: descriptor,
      layers: [descriptor],
      ...(subject && { subject: { mediaType: imageType, ...subject } }),
    }),
  );
  return { mediaType: imageType, bytes, digest: digestOf(bytes) };
}

async function contents(parts: AsyncIterable<Uint8Array> | null): Promise<Buffer> {
  const read: Uint8Array[] = [];
  for await (const part of parts ?? []) read.push(part);
  return Buffer.concat(read);
}

describe('blobs', () => {
  test('go up and come down as they are', async () => {
    const bytes = randomBytes(5_000_000);
    expect(await client.blobSize(path, digestOf(bytes))).toBeNull();
    expect(await client.openBlob(path, digestOf(bytes))).toBeNull();
    await client.uploadBlob(path, digestOf(bytes), sourceOf(bytes));
    expect(await client.blobSize(path, digestOf(bytes))).toBe(bytes.byteLength);
    expect((await contents(await client.openBlob(path, digestOf(bytes)))).equals(bytes)).toBe(true);
  });

  test('are refused where they are not what their digest says, and nothing stays of the upload', async () => {
    const bytes = randomBytes(1000);
    const wrong = digestOf(randomBytes(10));
    await expect(client.uploadBlob(path, wrong, sourceOf(bytes))).rejects.toBeInstanceOf(RegistryRefusal);
    expect(proxy.requests.at(-1)?.method).toBe('DELETE');
    expect(await client.blobSize(path, wrong)).toBeNull();
  });

  test('are taken from another repository without being sent', async () => {
    const digest = await blob();
    proxy.forget();
    expect(await client.mountBlob(`${path}-other`, digest, path)).toBe(true);
    expect(proxy.requests.map(({ method }) => method)).toEqual(['POST']);
    expect(await client.blobSize(`${path}-other`, digest)).toBe(2_000_000);
    expect(await client.mountBlob(`${path}-other`, digestOf(randomBytes(9)), path)).toBe(false);
  });

  test('that changed on their way are told of', async () => {
    const bytes = Buffer.from('what was sent');
    const digest = await blob(bytes);
    const [hex = ''] = digest.split(':').slice(1);
    const store = join(registry.storage, 'docker/registry/v2/blobs/sha256', hex.slice(0, 2), hex);
    expect(await readdir(store)).toEqual(['data']);
    await writeFile(join(store, 'data'), 'what was senT');
    await expect(contents(await client.openBlob(path, digest))).rejects.toMatchObject({
      code: 'REGISTRY_BROKEN',
      detail: expect.stringContaining(digestOf(Buffer.from('what was senT'))),
    });
  });

  test('that stop coming are given up, however long the rest took', async () => {
    const bytes = randomBytes(3000);
    const digest = await blob(bytes);
    const hasty = clientOf(proxy.host, credentials, 1000);
    async function* slow() {
      for (const start of [0, 1000, 2000]) {
        await new Promise((resolve) => setTimeout(resolve, 400));
        yield bytes.subarray(start, start + 1000);
      }
    }
    await hasty.uploadBlob(`${path}-slow`, digest, { size: 3000, open: slow });
    expect(await client.blobSize(`${path}-slow`, digest)).toBe(3000);
    proxy.fault = ({ method }) => (method === 'GET' ? { type: 'hang' } : null);
    await expect(hasty.openBlob(path, digest)).rejects.toMatchObject({ why: 'no answer within 1 s' });
  });

  test('whose source breaks say so in the words of the source', async () => {
    const broken = new RegistryFailure('elsewhere.example.com', new Error('gone'), 1);
    async function* open() {
      yield randomBytes(10);
      throw broken;
    }
    const upload = client.uploadBlob(path, digestOf(randomBytes(1)), { size: 20, open });
    await expect(upload).rejects.toBe(broken);
  });

  test('are refused to strangers', async () => {
    await expect(
      clientOf(registry.host, null).blobSize(path, digestOf(randomBytes(1))),
    ).rejects.toMatchObject({
      status: 401,
    });
  });
});

describe('manifests', () => {
  test('are stored byte for byte, found by tag and digest, and taken out again', async () => {
    const { mediaType, bytes, digest } = await artifact();
    expect(await client.digestOf(path, 'v1')).toBeNull();
    expect(await client.putManifest(path, digest, { mediaType, bytes })).toEqual({
      digest,
      listsReferrers: false,
    });
    await client.putManifest(path, 'v1', { mediaType, bytes });
    expect(await client.digestOf(path, 'v1')).toBe(digest);
    expect(await client.tags(path)).toEqual(['v1']);
    const found = await client.manifest(path, 'v1');
    expect(found?.bytes.equals(bytes)).toBe(true);
    expect(found).toMatchObject({ digest, stated: digest, mediaType });
    expect(await client.deleteManifest(path, digest)).toBe(true);
    expect(await client.digestOf(path, 'v1')).toBeNull();
    expect(await client.deleteManifest(path, digest)).toBe(false);
  });

  test('whose blobs are not there are refused', async () => {
    const { mediaType, bytes } = await artifact();
    const refused = client.putManifest(`${path}-empty`, 'v1', { mediaType, bytes });
    await expect(refused).rejects.toMatchObject({ said: expect.stringContaining('MANIFEST_BLOB_UNKNOWN') });
  });

  test('have no tags where there is no repository', async () => {
    expect(await client.tags(`${path}-none`)).toBeNull();
  });
});

describe.each(['kept as a tag', 'kept by the registry'])('a list of referrers, %s', (kept) => {
  let standIn: Awaited<ReturnType<typeof startReferrersProxy>> | null = null;
  beforeEach(async () => {
    if (kept === 'kept as a tag') return;
    standIn = await startReferrersProxy(registry.host);
    client = clientOf(standIn.host);
  });
  afterEach(() => standIn?.stop());

  test('has all that was attached, each once', async () => {
    const image = await artifact();
    await client.putManifest(path, 'v1', image);
    expect(await referrersOf(client, path, image.digest)).toEqual([]);
    const subject = { digest: image.digest, size: image.bytes.byteLength };
    const attached = [await artifact(subject), await artifact(subject), await artifact(subject)];
    const described = { artifactType: 'application/vnd.test', annotations: { a: 'b' } };
    const [first = image, ...others] = attached;
    for (const some of [[first], others, [first]]) {
      const wanted = some.map((manifest) => ({ manifest, ...described }));
      expect(await attach(client, path, image.digest, wanted)).toEqual(some.map(({ digest }) => digest));
    }
    const found = await referrersOf(client, path, image.digest);
    expect(found.map(({ digest }) => digest).sort()).toEqual(attached.map(({ digest }) => digest).sort());
    const tags = (await client.tags(path)) ?? [];
    expect(tags.sort()).toEqual(
      kept === 'kept as a tag' ? [image.digest.replace(':', '-'), 'v1'].sort() : ['v1'],
    );
    if (kept === 'kept as a tag') expect(found[0]).toMatchObject(described);
  });

  test('loses nothing where several write it at once', async () => {
    const image = await artifact();
    await client.putManifest(path, 'v1', image);
    const subject = { digest: image.digest, size: image.bytes.byteLength };
    const attached = [await artifact(subject), await artifact(subject)];
    await Promise.all(attached.map((manifest) => attach(client, path, image.digest, [{ manifest }])));
    const found = await referrersOf(client, path, image.digest);
    expect(new Set(found.map(({ digest }) => digest))).toEqual(new Set(attached.map(({ digest }) => digest)));
  });
});

test('a list of referrers that is none is told of', async () => {
  const image = await artifact();
  await client.putManifest(path, 'v1', image);
  proxy.fault = ({ path: asked }) =>
    asked.includes('/referrers/') ? { type: 'answer', status: 200, body: { manifests: [3] } } : null;
  await expect(referrersOf(client, path, image.digest)).rejects.toMatchObject({ code: 'REGISTRY_BROKEN' });
});
