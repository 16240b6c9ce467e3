/** Sends one image by the engine and looks at what arrived. */
import type { Engine, ImageDetails, TransferProgress } from '../engine/engine.ts';
import { DwtError } from '../errors.ts';
import { type Observed, observe, type RegistryHost } from '../registry/observe.ts';
import { judgeFailure } from '../registry/push-failure.ts';
import { formatReference, type Reference } from '../registry/reference.ts';
import { type RetryLimits, withRetries } from '../registry/retry.ts';
import { withLogin } from '../registry/with-login.ts';
import type { PushReport } from './push-report.ts';

export interface Parcel {
  readonly image: ImageDetails;
  readonly reference: Reference;
  readonly host: RegistryHost;
}

export interface Sending {
  readonly engine: Engine;
  readonly report: PushReport;
  readonly limits: RetryLimits;
  /** A push of which nothing is heard for so long is given up, in milliseconds. */
  readonly silenceMs: number;
  readonly signal: AbortSignal;
}

/**
 * Whether what the registry has is this image. Engines name an image by its configuration, or by its manifest where
 * they keep images as containerd does; the configuration holds the digests of all layers.
 */
export const isSame = (image: ImageDetails, observed: Observed | null): observed is Observed =>
  observed !== null && (observed.config === image.id || observed.digest === image.id);

/**
 * Pushes with retries and answers the digest that the registry has under the tag afterwards. The engine's own tags are
 * left as they were.
 *
 * @throws DwtError PUSH_FAILED, PUSH_DENIED, REGISTRY_UNREACHABLE, ENGINE_LOST, or the signal's reason.
 */
export async function send(parcel: Parcel, sending: Sending): Promise<string> {
  const { report, limits, signal } = sending;
  const { reference, host } = parcel;
  const retried = <T>(work: () => Promise<T>): Promise<T> =>
    withRetries(
      work,
      (thrown) => judgeFailure(thrown, host, reference),
      limits,
      signal,
      (error, waitMs) => report.retry(error, waitMs),
    );
  const digest = await retried(() => withTag(parcel, sending, () => push(parcel, sending)));
  await report.step('verifying the digest', signal, () => retried(() => verify(parcel, digest, sending)));
  return digest;
}

async function push(
  { reference, host }: Parcel,
  { engine, report, silenceMs, signal }: Sending,
): Promise<string> {
  const name = formatReference(reference);
  const silence = new AbortController();
  const giveUp = () =>
    silence.abort(
      new DwtError(
        'REGISTRY_UNREACHABLE',
        `Nothing was heard of the push of ${name} for ${silenceMs / 1000} s.`,
        {
          hint: `Look at ${host.domain} and at the network to it, then push again; what it has already is not sent twice.`,
        },
      ),
    );
  let timer = setTimeout(giveUp, silenceMs);
  try {
    return await report.step(`pushing to ${name}`, signal, async (onProgress) => {
      const onEvery = (progress: TransferProgress) => {
        clearTimeout(timer);
        timer = setTimeout(giveUp, silenceMs);
        onProgress(progress);
      };
      const limits = AbortSignal.any([signal, silence.signal]);
      const { digest } = await withLogin(host, reference.path, (auth) =>
        engine.push(name, auth, onEvery, limits),
      );
      return digest;
    });
  } catch (error) {
    throw silence.signal.aborted ? silence.signal.reason : error;
  } finally {
    clearTimeout(timer);
  }
}

/** An engine pushes only what has the name of its target, so the image has it for as long as that takes. */
async function withTag<T>(
  { image, reference }: Parcel,
  { engine, report }: Sending,
  work: () => Promise<T>,
): Promise<T> {
  const name = formatReference(reference);
  const before = (await engine.inspectImage(name))?.id;
  if (before === image.id) return work();
  await engine.tag(image.id, name);
  try {
    return await work();
  } finally {
    const restored = before === undefined ? engine.removeImage(name) : engine.tag(before, name);
    await restored.catch(() =>
      report.warn(`The tag ${name} is left on the engine.`, `Take it off with \`docker rmi ${name}\`.`),
    );
  }
}

async function verify({ reference, host }: Parcel, digest: string, { engine }: Sending): Promise<void> {
  const observed = await observe(engine, host, reference);
  if (observed?.digest === digest) return;
  throw new DwtError(
    'PUSH_FAILED',
    `${host.domain} has ${observed ? observed.digest : 'nothing'} as ${reference.path}:${reference.tag}, after ${digest} was pushed.`,
    {
      hint: 'Somebody else pushed to that tag at the same time, or the registry is broken; push again to find out.',
    },
  );
}
