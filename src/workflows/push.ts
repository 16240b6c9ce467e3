/** `dwt push`: publishes images under their names in a registry, sending what is not there. */
import pLimit from 'p-limit';
import type { Engine, ImageDetails } from '../engine/engine.ts';
import { EngineRefusal } from '../engine/failure.ts';
import { asDwtError, DwtError } from '../errors.ts';
import type { Emit } from '../events.ts';
import type { Project } from '../project/project.ts';
import { authProvider } from '../registry/login.ts';
import { type Observed, observe, type RegistryHost, registryHost } from '../registry/observe.ts';
import { judgeFailure } from '../registry/push-failure.ts';
import { formatReference } from '../registry/reference.ts';
import { type RetryLimits, usualLimits } from '../registry/retry.ts';
import { refuseIncomplete } from './push-features.ts';
import { isSame, type Parcel, send } from './push-image.ts';
import { PushReport } from './push-report.ts';
import { warnOfStale } from './push-stale.ts';
import type { PushTarget } from './push-targets.ts';
import { inTurns } from './push-turns.ts';

export interface PushOptions {
  readonly project: Project;
  readonly engine: Engine;
  readonly targets: readonly PushTarget[];
  /** How many images are sent at once. */
  readonly jobs: number;
  /** Only looks at what is there. */
  readonly dryRun: boolean;
  /** Whether to warn of images that are older than their sources: yes, if not given; needless right after a build. */
  readonly compareSources?: boolean;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly limits?: RetryLimits;
  /** For one question to the registry, in milliseconds. */
  readonly answerMs?: number;
  /** A push of which nothing is heard for so long is given up, in milliseconds. */
  readonly silenceMs?: number;
  readonly emit: Emit;
  readonly signal: AbortSignal;
}

export interface PushedImage {
  readonly stage: string;
  readonly reference: string;
  /** What the registry has under the reference; null where nothing of ours is there. */
  readonly digest: string | null;
  /** `push` in a dry run: it would be pushed. Null where it failed. */
  readonly action: 'pushed' | 'present' | 'push' | null;
  readonly seconds: number;
  readonly error?: DwtError;
}

export interface PushResult {
  readonly images: readonly PushedImage[];
}

/** An image that has to be sent. */
interface Waiting extends Parcel {
  readonly target: PushTarget;
  readonly report: PushReport;
  readonly layers: readonly string[];
}

/** How many images are looked at at once. */
const looksAtOnce = 16;

/**
 * Publishes each target. One that fails, an interruption included, is an entry with an error, and the others go on.
 *
 * @throws DwtError FEATURE_MISSING before anything is sent
 */
export async function pushImages(options: PushOptions): Promise<PushResult> {
  const {
    project,
    targets,
    jobs,
    dryRun,
    compareSources = true,
    engine,
    emit,
    signal,
    limits = usualLimits,
    silenceMs = 300_000,
  } = options;
  await refuseIncomplete(project, targets, engine);
  const hosts = knownHosts(options);
  const limit = pLimit(looksAtOnce);
  const entries = new Map<string, PushedImage>();
  const waiting: Waiting[] = [];
  const there = new Set<string>();
  const unreachable = new Map<string, DwtError>();

  const conclude = (
    target: PushTarget,
    report: PushReport,
    digest: string | null,
    action: 'pushed' | 'present' | 'push',
  ) => {
    entries.set(target.stage, {
      stage: target.stage,
      reference: formatReference(target.reference),
      digest,
      action,
      seconds: report.seconds,
    });
    const reference = formatReference(target.reference);
    if (action === 'push') report.finish('done', { detail: `would be pushed to ${reference}` });
    else report.finish(action, { detail: `${reference}@${digest}` });
  };
  const fail = (target: PushTarget, report: PushReport, thrown: unknown) => {
    const reference = formatReference(target.reference);
    const error = signal.aborted
      ? new DwtError('INTERRUPTED', `The push of ${reference} was interrupted.`)
      : asDwtError(thrown);
    entries.set(target.stage, {
      stage: target.stage,
      reference,
      digest: null,
      action: null,
      seconds: report.seconds,
      error,
    });
    report.finish(signal.aborted ? 'cancelled' : 'failed', { error });
  };

  const look = async (target: PushTarget, report: PushReport): Promise<void> => {
    report.start();
    try {
      signal.throwIfAborted();
      const [image, host] = await Promise.all([
        imageOf(target, project, engine),
        hosts(target.reference.domain),
      ]);
      const parcel = { image, host, reference: target.reference };
      const observed = await report.step('looking at what is there', signal, () =>
        lookAt(parcel, engine, dryRun),
      );
      if (isSame(image, observed)) {
        for (const layer of image.layers) there.add(layer);
        conclude(target, report, observed.digest, 'present');
      } else if (dryRun) {
        conclude(target, report, null, 'push');
      } else {
        waiting.push({ ...parcel, target, report, layers: image.layers });
      }
    } catch (thrown) {
      fail(target, report, thrown);
    }
  };

  const sendOne = async (item: Waiting): Promise<boolean> => {
    const { target, report, host } = item;
    try {
      signal.throwIfAborted();
      const known = unreachable.get(host.domain);
      if (known) throw known;
      conclude(target, report, await send(item, { engine, report, limits, silenceMs, signal }), 'pushed');
      return true;
    } catch (thrown) {
      if (thrown instanceof DwtError && thrown.code === 'REGISTRY_UNREACHABLE')
        unreachable.set(host.domain, thrown);
      fail(target, report, thrown);
      return false;
    }
  };

  const reports = targets.map((target) => new PushReport(emit, target.stage));
  await Promise.all([
    ...targets.map((target, index) => limit(look, target, reports[index] as PushReport)),
    compareSources && warnOfStale({ project, engine, stages: targets.map(({ stage }) => stage), emit }),
  ]);
  await inTurns(waiting, jobs, there, sendOne);
  return { images: targets.flatMap(({ stage }) => entries.get(stage) ?? []) };
}

/** Each registry's login is asked for once, and anew when it has expired, however many images go there. */
function knownHosts({
  environment,
  signal,
  answerMs,
}: PushOptions): (domain: string) => Promise<RegistryHost> {
  const known = new Map<string, Promise<RegistryHost>>();
  const open = async (domain: string): Promise<RegistryHost> => {
    const auth = authProvider(domain, environment);
    // What cannot work at all is told before anything is asked.
    await auth.current();
    return registryHost(domain, auth, signal, answerMs);
  };
  return (domain) => {
    const host = known.get(domain) ?? open(domain);
    known.set(domain, host);
    return host;
  };
}

async function imageOf(
  { stage, image }: PushTarget,
  project: Project,
  engine: Engine,
): Promise<ImageDetails> {
  const found = await engine.inspectImage(image);
  if (found?.labels['dwt.project'] === project.name && found.labels['dwt.stage'] === stage) return found;
  if (found) {
    throw new DwtError('IMAGE_NOT_BUILT', `${image} on the engine is no image that dwt built of ${stage}.`, {
      hint: `Somebody gave that name to another image. Run \`dwt build ${stage}\` and push again.`,
    });
  }
  throw new DwtError('IMAGE_NOT_BUILT', `The engine has no image of ${stage} (${image}).`, {
    hint: `Run \`dwt build ${stage}\` first.`,
  });
}

async function lookAt(
  { host, reference }: Parcel,
  engine: Engine,
  dryRun: boolean,
): Promise<Observed | null> {
  try {
    return await observe(engine, host, reference);
  } catch (thrown) {
    if (thrown instanceof DwtError && !(thrown instanceof EngineRefusal)) throw thrown;
    // A login may be allowed to push and not to pull, and a registry may have a bad moment: the push will tell.
    if (!dryRun) return null;
    throw (await judgeFailure(thrown, host, reference)).error;
  }
}
