/** Copies an image from one repository to another, byte for byte, through this machine and never onto it. */
import pLimit from 'p-limit';
import * as z from 'zod';
import { DwtError } from '../errors.ts';
import type { RegistryClient } from './client.ts';

export interface CopyPlace {
  readonly domain: string;
  readonly path: string;
  readonly client: RegistryClient;
}

export interface CopyOptions {
  readonly from: CopyPlace;
  readonly to: CopyPlace;
  readonly digest: string;
  /** Told of each layer as it goes. */
  readonly onProgress: (blob: string, current: number, total: number) => void;
}

const descriptor = z.looseObject({ digest: z.string(), size: z.number() });
const manifestSchema = z.looseObject({
  config: descriptor.optional(),
  layers: z.array(descriptor).optional(),
  manifests: z.array(descriptor).optional(),
});
type Blob = z.infer<typeof descriptor>;

/** Layers of an image that travel at once. */
const blobsAtOnce = 4;

/**
 * Copies what the digest names, and all that it names, under the same digests; what is there already is not sent.
 *
 * @throws DwtError MANIFEST_GONE, REGISTRY_BROKEN; RegistryRefusal, RegistryFailure
 */
export async function copyImage(options: CopyOptions): Promise<void> {
  const { from, to, digest } = options;
  if ((await to.client.digestOf(to.path, digest)) === digest) return;
  const manifest = await from.client.manifest(from.path, digest);
  if (manifest === null) throw gone(from, digest);
  const { config, layers = [], manifests = [] } = manifestSchema.parse(JSON.parse(manifest.bytes.toString()));
  for (const each of manifests) await copyImage({ ...options, digest: each.digest });
  const blobs = new Map([...(config ? [config] : []), ...layers].map((blob) => [blob.digest, blob]));
  const limit = pLimit(blobsAtOnce);
  await Promise.all([...blobs.values()].map((blob) => limit(() => copyBlob(blob, options))));
  await to.client.putManifest(to.path, digest, manifest);
}

async function copyBlob({ digest, size }: Blob, { from, to, onProgress }: CopyOptions): Promise<void> {
  if ((await to.client.blobSize(to.path, digest)) !== null) return;
  if (from.domain === to.domain && (await to.client.mountBlob(to.path, digest, from.path))) return;
  await to.client.uploadBlob(to.path, digest, {
    size,
    async *open() {
      const source = await from.client.openBlob(from.path, digest);
      if (source === null) throw gone(from, digest);
      let current = 0;
      for await (const part of source) {
        current += part.byteLength;
        onProgress(digest, current, size);
        yield part;
      }
    },
  });
}

const gone = ({ domain, path }: CopyPlace, digest: string): DwtError =>
  new DwtError('MANIFEST_GONE', `${domain}/${path} no longer has ${digest}.`, {
    hint: 'A rule of the registry, or somebody, deleted it: release that image again.',
  });
