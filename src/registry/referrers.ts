/**
 * What refers to a manifest by its `subject`: by the registry's own list where it keeps one, else by the index under the
 * tag `sha256-HEX` that the distribution specification has clients keep instead.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import * as z from 'zod';
import { DwtError } from '../errors.ts';
import { digestOfBytes, type NewManifest, type RegistryClient } from './client.ts';

const indexType = 'application/vnd.oci.image.index.v1+json';

const descriptorSchema = z.looseObject({
  mediaType: z.string(),
  digest: z.string(),
  size: z.number(),
  artifactType: z.string().optional(),
  annotations: z.record(z.string(), z.string()).optional(),
});
const indexSchema = z.looseObject({ manifests: z.array(descriptorSchema).nullish() });

export type Descriptor = z.infer<typeof descriptorSchema>;

type Client = Pick<RegistryClient, 'manifest' | 'putManifest' | 'listReferrers'>;

/** Everything that refers to the manifest; the order is the registry's. */
export async function referrersOf(client: Client, path: string, digest: string): Promise<Descriptor[]> {
  const pages = await client.listReferrers(path, digest);
  if (pages !== null) return pages.flatMap((page) => readIndex(page, path, digest));
  return (await fallbackIndex(client, path, digest)).manifests;
}

/** A manifest with a `subject`, and what a list of referrers says of it. */
export interface Attachment extends Pick<Descriptor, 'artifactType' | 'annotations'> {
  readonly manifest: NewManifest;
}

/**
 * Stores manifests that refer to another one by their `subject`, and sees to it that `referrersOf` finds them. Their blobs
 * have to be there. What is attached already stays as it is. Answers their digests.
 */
export async function attach(
  client: Client,
  path: string,
  subject: string,
  attachments: readonly Attachment[],
): Promise<string[]> {
  const unlisted: Descriptor[] = [];
  const digests: string[] = [];
  for (const { manifest, ...described } of attachments) {
    const digest = digestOfBytes(manifest.bytes);
    const { listsReferrers } = await client.putManifest(path, digest, manifest);
    digests.push(digest);
    const { mediaType, bytes } = manifest;
    if (!listsReferrers) unlisted.push({ mediaType, digest, size: bytes.byteLength, ...described });
  }
  if (unlisted.length > 0) await list(client, path, subject, unlisted);
  return digests;
}

/**
 * Registries cannot compare and swap: two that write the index at once lose entries. So what was written is read again,
 * after whoever read it before will have written.
 */
async function list(
  client: Client,
  path: string,
  subject: string,
  entries: readonly Descriptor[],
): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    const started = performance.now();
    const index = await fallbackIndex(client, path, subject);
    const missing = entries.filter(({ digest }) => !index.manifests.some((each) => each.digest === digest));
    if (missing.length === 0) return;
    if (attempt > mostAttempts) break;
    const bytes = Buffer.from(JSON.stringify({ ...index, manifests: [...index.manifests, ...missing] }));
    await client.putManifest(path, fallbackTag(subject), { mediaType: indexType, bytes });
    await sleep(Math.max(settleMs, 3 * (performance.now() - started)) * (1 + Math.random()));
  }
  throw new DwtError('PUSH_FAILED', `${path}@${subject} does not keep what is attached to it.`, {
    hint: `Somebody else writes the tag ${fallbackTag(subject)} at the same time; try again when that has ended.`,
  });
}

const settleMs = 200;
const mostAttempts = 5;

/** `sha256:HEX` as a tag. */
const fallbackTag = (digest: string): string => digest.replace(':', '-').slice(0, 128);

async function fallbackIndex(
  client: Client,
  path: string,
  digest: string,
): Promise<{ manifests: Descriptor[] } & Record<string, unknown>> {
  const found = await client.manifest(path, fallbackTag(digest));
  if (found === null) return { schemaVersion: 2, mediaType: indexType, manifests: [] };
  const index = parsed(found.bytes);
  if (index) return { ...index, manifests: index.manifests ?? [] };
  throw brokenList(path, digest);
}

function readIndex(page: Buffer, path: string, digest: string): Descriptor[] {
  const index = parsed(page);
  if (index) return index.manifests ?? [];
  throw brokenList(path, digest);
}

function parsed(bytes: Buffer): z.infer<typeof indexSchema> | null {
  try {
    return indexSchema.parse(JSON.parse(bytes.toString('utf8')));
  } catch {
    return null;
  }
}

const brokenList = (path: string, digest: string): DwtError =>
  new DwtError(
    'REGISTRY_BROKEN',
    `The list of what refers to ${path}@${digest} is not an index of the OCI.`,
    {
      hint: 'Nothing attached to the image can be trusted until the registry is mended.',
    },
  );
