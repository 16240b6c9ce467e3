/** `dwt push`: publishes images under their names in a registry, sending what is not there. */
import pLimit from 'p-limit';
import type { Engine, ImageDetails } from '../engine/engine.ts';
import { EngineRefusal } from '../engine/failure.ts';
import { DwtError } from '../errors.ts';
import type { Emit } from '../events.ts';
import type { Project, RepositorySettings } from '../project/project.ts';
import { authProvider } from '../registry/login.ts';
import { type Observed, observe, type RegistryHost, registryHost } from '../registry/observe.ts';
import { judgeFailure } from '../registry/push-failure.ts';
import type { Reference } from '../registry/reference.ts';
import { type RetryLimits, usualLimits } from '../registry/retry.ts';
import { untilAborted } from '../until-aborted.ts';
import { refuseIncomplete } from './push-features.ts';
import { type Parcel, putTag, send } from './push-image.ts';
import { isSame, refuseUnmovable } from './push-immutable.ts';
import { refuseUnproved } from './push-proof.ts';
import { PushReport } from './push-report.ts';
import { createRepositories as createMissing } from './push-repositories.ts';
import {
  type Concluded,
  type PushAction,
  PushEntries,
  type PushedTag,
  type PushResult,
} from './push-result.ts';
import { warnOfStale } from './push-stale.ts';
import { furtherNames } from './push-tags.ts';
import type { PushTarget } from './push-targets.ts';
import { inTurns } from './push-turns.ts';

export interface PushOptions {
  readonly project: Project;
  readonly engine: Engine;
  readonly targets: readonly PushTarget[];
  /** Templates of further tags, such as `{revision}`; a stage's own tag moves after them. */
  readonly tags?: readonly string[];
  /** How many images are sent at once. */
  readonly jobs: number;
  /** Only looks at what is there. */
  readonly dryRun: boolean;
  /** How repositories that ECR lacks are made first; null or nothing to leave that to others. */
  readonly createRepositories?: RepositorySettings | null;
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

/** An image that has to be sent. */
interface Waiting extends Omit<Parcel, 'reference'>, Concluded, Named {
  /** What has to be sent of it. */
  readonly layers: readonly string[];
}

interface Named {
  readonly target: PushTarget;
  /** All names of the image, its stage's own the last. */
  readonly names: readonly Reference[];
  /** What the registry is known to have of it so far, by tag. */
  readonly digests: Map<string, string>;
  /** The tags that were there before. */
  readonly found: ReadonlySet<string>;
}

/** How many images are looked at at once. */
const looksAtOnce = 16;

/**
 * Publishes each target. One that fails, an interruption included, is an entry with an error, and the others go on.
 *
 * @throws DwtError FEATURE_MISSING, NOT_PROVED, or what `furtherNames` throws, before anything is sent; what `createRepositories`
 * throws
 */
export async function pushImages(options: PushOptions): Promise<PushResult> {
  const {
    project,
    targets,
    tags: templates = [],
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
  await refuseUnproved(project, targets, engine, options.environment);
  const further = await furtherNames(targets, templates, engine);
  const { createRepositories: settings = null } = options;
  const created = settings && (await createMissing({ targets, settings, dryRun, emit }));
  const hosts = knownHosts(options);
  const limit = pLimit(looksAtOnce);
  const entries = new PushEntries(signal);
  const waiting: Waiting[] = [];
  const unreachable = new Map<string, DwtError>();

  const look = async (target: PushTarget, report: PushReport): Promise<void> => {
    report.start();
    try {
      signal.throwIfAborted();
      const [image, host] = await Promise.all([
        imageOf(target, project, engine),
        hosts(target.reference.domain),
      ]);
      const names = [...(further.get(target.stage) ?? []), target.reference];
      const observed = await report.step('looking at what is there', signal, () =>
        Promise.all(names.map((reference) => lookAt({ image, host, reference }, engine, dryRun))),
      );
      const digests = new Map<string, string>();
      for (const [index, seen] of observed.entries()) {
        const reference = names[index] as Reference;
        if (isSame(image, seen)) digests.set(tagOf(reference), seen.digest);
        else if (seen) await refuseUnmovable({ reference }, seen);
      }
      const item = { image, host, target, report, names, digests, found: new Set(digests.keys()) };
      if (digests.size === names.length) entries.conclude(item, digestOf(item), tagsOf(item, null));
      else if (dryRun) entries.conclude(item, null, tagsOf(item, 'push'));
      else waiting.push({ ...item, layers: digests.size === 0 ? image.layers : [] });
    } catch (thrown) {
      entries.fail({ target, report }, thrown);
    }
  };

  /** Further tags come first; the stage's own, which is what people pull, moves when all of them are there. */
  const sendOne = async (item: Waiting, arrived: (layer: string) => void): Promise<boolean> => {
    const { report, host, image, names, digests } = item;
    const sending = { engine, report, limits, silenceMs, arrived, signal };
    try {
      for (const reference of names) {
        if (digests.has(tagOf(reference))) continue;
        signal.throwIfAborted();
        const known = unreachable.get(host.domain);
        if (known) throw known;
        const parcel = { image, host, reference };
        const there = digestOf(item);
        const digest = there === null ? await send(parcel, sending) : await putTag(parcel, there, sending);
        digests.set(tagOf(reference), digest);
      }
      entries.conclude(item, digestOf(item), tagsOf(item, null));
      return true;
    } catch (thrown) {
      if (thrown instanceof DwtError && thrown.code === 'REGISTRY_UNREACHABLE')
        unreachable.set(host.domain, thrown);
      entries.fail(item, thrown, tagsOf(item, null));
      return false;
    }
  };

  const reports = targets.map((target) => new PushReport(emit, target.stage));
  await Promise.all([
    ...targets.map((target, index) => limit(look, target, reports[index] as PushReport)),
    compareSources && warnOfStale({ project, engine, stages: targets.map(({ stage }) => stage), emit }),
  ]);
  // The smallest image of those that share layers has least beside them, so that the others wait least for it.
  const ordered = waiting.toSorted((one, other) => one.image.size - other.image.size);
  await inTurns(ordered, jobs, sendOne);
  return { ...entries.result(targets), ...(created && { created }) };
}

const tagOf = ({ tag }: Reference): string => tag ?? 'latest';

/** What the repository has of the image: under its own tag if it is there, else under any. */
const digestOf = ({ target, digests }: Named): string | null =>
  digests.get(tagOf(target.reference)) ?? [...digests.values()][0] ?? null;

const tagsOf = ({ names, digests, found }: Named, missing: PushAction): PushedTag[] =>
  names.map(tagOf).map((tag) => ({
    tag,
    action: found.has(tag) ? 'present' : digests.has(tag) ? 'pushed' : missing,
  }));

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
    await untilAborted(signal, auth.current());
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
