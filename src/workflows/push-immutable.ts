/** Tags that a registry lets nobody move. */

import { ecrHost } from '../ecr/host.ts';
import type { Engine, ImageDetails } from '../engine/engine.ts';
import { DwtError } from '../errors.ts';
import { type Observed, observe, type RegistryHost } from '../registry/observe.ts';
import { unmovable } from '../registry/push-failure.ts';
import type { Reference } from '../registry/reference.ts';

interface Wanted {
  readonly image: ImageDetails;
  readonly reference: Reference;
  readonly host: RegistryHost;
}

/**
 * Whether what the registry has is this image. Engines name an image by its configuration, or by its manifest where
 * they keep images as containerd does; the configuration holds the digests of all layers.
 */
export const isSame = (image: ImageDetails, observed: Observed | null): observed is Observed =>
  observed !== null && (observed.config === image.id || observed.digest === image.id);

/**
 * Refuses to move a tag that is another image before anything of it is sent, where that can be known: ECR tells of its
 * repositories whoever may ask. Elsewhere the registry's answer to the push tells.
 *
 * @throws DwtError TAG_IMMUTABLE
 */
export async function refuseUnmovable(
  { reference: { domain, path, tag } }: Pick<Wanted, 'reference'>,
  { digest }: Observed,
): Promise<void> {
  const ecr = ecrHost(domain);
  if (ecr?.type !== 'private') return;
  const { PrivateRegistry } = await import('../ecr/private.ts');
  const repository = await new PrivateRegistry(domain, ecr).repository(path).catch(() => null);
  if (!repository?.immutable) return;
  const { message, hint } = unmovable({ domain }, `${path}:${tag}`);
  throw new DwtError('TAG_IMMUTABLE', `${message} It is ${digest}. Nothing was sent.`, {
    ...(hint !== undefined && { hint }),
  });
}

/**
 * Does `work`, which moves a tag. Where the registry refuses to move it, and the tag is this image already, that is what
 * was wanted, and its digest is the answer.
 *
 * @throws DwtError TAG_IMMUTABLE, naming what the tag is instead
 */
export async function keepUnmoved<T>(
  { image, reference, host }: Wanted,
  engine: Engine,
  work: () => Promise<T>,
): Promise<T | string> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof DwtError && error.code === 'TAG_IMMUTABLE')) throw error;
    const observed = await observe(engine, host, reference).catch(() => null);
    if (observed === null) throw error;
    const { digest } = observed;
    if (isSame(image, observed)) return digest;
    throw new DwtError('TAG_IMMUTABLE', `${error.message} It is ${digest}.`, {
      ...(error.hint !== undefined && { hint: error.hint }),
      ...(error.detail !== undefined && { detail: error.detail }),
      cause: error,
    });
  }
}
