/** A tag that goes away while the image stays, on registries that were not made for it too. */
import pLimit from 'p-limit';
import { RegistryRefusal } from '../registry/answer.ts';
import type { RegistryClient } from '../registry/client.ts';

const questionsAtOnce = 8;

/**
 * Takes a tag away. Docker's own registry, before its version 3, deletes a manifest with all its tags or nothing: there it
 * is deleted, and stored again under all its other tags.
 *
 * @throws RegistryRefusal where the registry lets nothing be deleted
 */
export async function takeTagAway(client: RegistryClient, path: string, tag: string): Promise<void> {
  const manifest = await client.manifest(path, tag);
  if (manifest === null) return;
  try {
    await client.deleteManifest(path, tag);
    return;
  } catch (error) {
    if (!(error instanceof RegistryRefusal && [400, 404, 405].includes(error.status))) throw error;
  }
  const tags = (await client.tags(path)) ?? [];
  const limit = pLimit(questionsAtOnce);
  const digests = await Promise.all(tags.map((each) => limit(() => client.digestOf(path, each))));
  const others = tags.filter((each, index) => each !== tag && digests[index] === manifest.digest);
  await client.deleteManifest(path, manifest.digest);
  for (const other of [manifest.digest, ...others]) await client.putManifest(path, other, manifest);
}
