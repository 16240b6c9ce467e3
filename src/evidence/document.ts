/** A document kept in a registry as an artifact of the OCI: one blob, and a manifest that may refer to an image. */
import * as z from 'zod';
import { sourceOf } from '../registry/blobs.ts';
import { digestOfBytes, type NewManifest, type RegistryClient } from '../registry/client.ts';

const ociManifestType = 'application/vnd.oci.image.manifest.v1+json';
const emptyType = 'application/vnd.oci.empty.v1+json';
const empty = Buffer.from('{}');

/** Documents are read whole; none of ours comes near. */
const longestDocument = 64 << 20;

export interface Document {
  readonly artifactType: string;
  readonly mediaType: string;
  readonly bytes: Buffer;
  readonly annotations: Readonly<Record<string, string>>;
}

export interface Subject {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
}

const descriptorSchema = z.looseObject({ mediaType: z.string(), digest: z.string(), size: z.number() });
const manifestSchema = z.looseObject({
  artifactType: z.string().optional(),
  config: z.looseObject({ mediaType: z.string(), digest: z.string() }).optional(),
  layers: z.array(descriptorSchema),
  subject: descriptorSchema.optional(),
  annotations: z.record(z.string(), z.string()).optional(),
});

/** Sends the document's blobs; answers the manifest that is to be stored. Equal documents are equal manifests. */
export async function sendDocument(
  client: Pick<RegistryClient, 'uploadBlob' | 'blobSize'>,
  path: string,
  { artifactType, mediaType, bytes, annotations }: Document,
  subject: Subject | null,
): Promise<NewManifest> {
  const blobs = [empty, bytes].map((blob) => ({ blob, digest: digestOfBytes(blob) }));
  for (const { blob, digest } of blobs) {
    if ((await client.blobSize(path, digest)) === null) await client.uploadBlob(path, digest, sourceOf(blob));
  }
  const manifest = {
    schemaVersion: 2,
    mediaType: ociManifestType,
    artifactType,
    config: { mediaType: emptyType, digest: digestOfBytes(empty), size: empty.byteLength },
    layers: [{ mediaType, digest: digestOfBytes(bytes), size: bytes.byteLength }],
    ...(subject && { subject }),
    annotations,
  };
  return { mediaType: ociManifestType, bytes: Buffer.from(JSON.stringify(manifest)) };
}

export interface ReadDocument {
  readonly artifactType: string | null;
  /** Of the manifest that it refers to. */
  readonly subject: string | null;
  readonly annotations: Readonly<Record<string, string>>;
  readonly bytes: Buffer;
}

/**
 * The document of an artifact's manifest, its bytes checked against the digest; null where the repository has no such
 * manifest, or one that is no document.
 */
export async function readDocument(
  client: Pick<RegistryClient, 'manifest' | 'openBlob'>,
  path: string,
  tagOrDigest: string,
): Promise<ReadDocument | null> {
  const manifest = await client.manifest(path, tagOrDigest);
  const parsed = manifest && manifestSchema.safeParse(parseJson(manifest.bytes)).data;
  const [layer] = parsed?.layers ?? [];
  if (!parsed || !layer || layer.size > longestDocument) return null;
  const blob = await client.openBlob(path, layer.digest);
  if (blob === null) return null;
  const parts: Uint8Array[] = [];
  for await (const part of blob) parts.push(part);
  return {
    artifactType: parsed.artifactType ?? null,
    subject: parsed.subject?.digest ?? null,
    annotations: parsed.annotations ?? {},
    bytes: Buffer.concat(parts),
  };
}

/** Undefined for what is no JSON. */
export function parseJson(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch {
    return undefined;
  }
}
