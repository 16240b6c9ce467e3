/** Sends one image by the engine and looks at what arrived. */
import type { Engine, ImageDetails, TransferProgress } from '../engine/engine.ts';
import { DwtError } from '../errors.ts';
import { RegistryFailure, RegistryRefusal } from '../registry/answer.ts';
import { observe, type RegistryHost } from '../registry/observe.ts';
import { judgeFailure } from '../registry/push-failure.ts';
import { formatReference, type Reference } from '../registry/reference.ts';
import { type RetryLimits, withRetries } from '../registry/retry.ts';
import { withLogin } from '../registry/with-login.ts';
import { keepUnmoved } from './push-immutable.ts';
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
  /** Told of each layer that the registry has from then on, by its digest. */
  readonly arrived: (layer: string) => void;
  readonly signal: AbortSignal;
}

/**
 * Pushes with retries and answers the digest that the registry has under the tag afterwards. The engine's own tags are
 * left as they were.
 *
 * @throws DwtError PUSH_FAILED, PUSH_DENIED, TAG_IMMUTABLE, REGISTRY_UNREACHABLE, ENGINE_LOST, or the signal's reason.
 */
export async function send(parcel: Parcel, sending: Sending): Promise<string> {
  const { engine, report, signal } = sending;
  const retried = retrying(parcel, sending);
  const digest = await keepUnmoved(parcel, engine, () =>
    retried((gotOn) => withTag(parcel, sending, () => push(parcel, sending, gotOn))),
  );
  await report.step('verifying the digest', signal, () => retried(() => verify(parcel, digest, sending)));
  return digest;
}

/**
 * Gives one more tag to what the repository has already. The registry itself is told, byte for byte, so that all tags
 * are one digest; where only the engine reaches it, the engine pushes once more.
 *
 * @param digest of what the repository has
 * @returns the digest that the tag names then
 * @throws DwtError as `send`
 */
export async function putTag(parcel: Parcel, digest: string, sending: Sending): Promise<string> {
  const { engine, report, signal } = sending;
  const { reference, host } = parcel;
  const retried = retrying(parcel, sending);
  if (!(await host.sharedView)) return send(parcel, sending);
  const put = async (): Promise<string | null> => {
    try {
      const manifest = await host.client.manifest(reference.path, digest);
      if (manifest === null) throw gone(parcel, digest);
      await host.client.putManifest(reference.path, reference.tag ?? 'latest', manifest);
      return digest;
    } catch (error) {
      if (error instanceof RegistryFailure) return null;
      throw error;
    }
  };
  const known = await report.step(`tagging ${formatReference(reference)}`, signal, () =>
    keepUnmoved(parcel, engine, () => retried(put)),
  );
  if (known === null) return send(parcel, sending);
  await report.step('verifying the digest', signal, () => retried(() => verify(parcel, known, sending)));
  return known;
}

const gone = ({ host, reference }: Parcel, digest: string): DwtError =>
  new DwtError('PUSH_FAILED', `${host.domain} no longer has ${digest} of ${reference.path}.`, {
    hint: 'Somebody, or a rule of the registry, removed it meanwhile; push again.',
  });

const retrying =
  ({ host, reference }: Parcel, { limits, report, signal }: Sending) =>
  <T>(work: (gotOn: () => void) => Promise<T>): Promise<T> =>
    withRetries(
      work,
      (thrown) => judgeFailure(thrown, host, reference),
      limits,
      signal,
      (error, waitMs) => report.retry(error, waitMs),
    );

async function push(
  { image, reference, host }: Parcel,
  { engine, report, silenceMs, arrived, signal }: Sending,
  gotOn: () => void,
): Promise<string> {
  const name = formatReference(reference);
  const ended = new AbortController();
  const giveUp = () =>
    ended.abort(
      new DwtError(
        'REGISTRY_UNREACHABLE',
        `Nothing was heard of the push of ${name} for ${silenceMs / 1000} s.`,
        {
          hint: `Look at ${host.domain} and at the network to it, then push again; what it has already is not sent twice.`,
        },
      ),
    );
  let timer = setTimeout(giveUp, silenceMs);
  const doubted = new Set<string>();
  /** What cannot succeed is not waited for: an engine itself would try it five times. */
  const doubt = async (layer: string): Promise<void> => {
    if (doubted.has(layer)) return;
    doubted.add(layer);
    const refusal = await host.client.tryUpload(reference.path).catch((error: unknown) => error);
    if (!(refusal instanceof RegistryRefusal)) return;
    const { error, again } = await judgeFailure(refusal, host, reference);
    if (!again) ended.abort(error);
  };
  try {
    return await report.step(`pushing to ${name}`, signal, async (onProgress) => {
      const onEvery = (progress: TransferProgress) => {
        clearTimeout(timer);
        timer = setTimeout(giveUp, silenceMs);
        onProgress(progress);
        if (progress.struggles) void doubt(progress.layer);
        if (!progress.arrived) return;
        gotOn();
        for (const layer of image.layers) if (isNamed(layer, progress.layer)) arrived(layer);
      };
      const limits = AbortSignal.any([signal, ended.signal]);
      const { digest } = await withLogin(host, reference.path, (auth) =>
        engine.push(name, auth, onEvery, limits),
      );
      return digest;
    });
  } catch (error) {
    throw ended.signal.aborted ? ended.signal.reason : error;
  } finally {
    clearTimeout(timer);
  }
}

/** Engines shorten digests to their first twelve digits. */
const isNamed = (layer: string, name: string): boolean =>
  name.length >= 12 && layer.slice(layer.indexOf(':') + 1).startsWith(name);

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
