/** An image as its registry has it: what its manifest and its configuration say. */
import * as z from 'zod';
import { DwtError } from '../errors.ts';
import type { Manifest, RegistryClient } from '../registry/client.ts';
import { parseJson } from './document.ts';

const configSchema = z.looseObject({
  created: z.string().optional(),
  config: z.looseObject({ Labels: z.record(z.string(), z.string()).nullish() }).nullish(),
});

export interface RemoteImage {
  readonly manifest: Manifest;
  readonly labels: Readonly<Record<string, string>>;
}

/**
 * Null where the registry has nothing under that name.
 *
 * @throws DwtError EVIDENCE_MISSING for what is no single image
 */
export async function remoteImage(
  client: Pick<RegistryClient, 'manifest' | 'openBlob'>,
  path: string,
  tagOrDigest: string,
): Promise<RemoteImage | null> {
  const manifest = await client.manifest(path, tagOrDigest);
  if (manifest === null) return null;
  const blob = manifest.config === null ? null : await client.openBlob(path, manifest.config);
  if (blob === null) {
    throw new DwtError('EVIDENCE_MISSING', `${path}@${manifest.digest} is no image that dwt publishes.`, {
      hint: 'It is an index of several images, or something else than an image: name the image itself by its digest.',
    });
  }
  const parts: Uint8Array[] = [];
  for await (const part of blob) parts.push(part);
  const { data } = configSchema.safeParse(parseJson(Buffer.concat(parts)));
  return { manifest, labels: data?.config?.Labels ?? {} };
}
