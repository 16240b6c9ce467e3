/** Gets the files of the artifacts that something is to be built with: before the first build begins. */
import pLimit from 'p-limit';
import type { Dispatcher } from 'undici';
import { shownUrl } from '../artifacts/address.ts';
import { type PlannedArtifact, waysOut } from '../artifacts/artifact.ts';
import { ArtifactCache } from '../artifacts/cache.ts';
import { openDispatcher } from '../artifacts/dispatcher.ts';
import { fetchArtifact } from '../artifacts/fetch.ts';
import type { ArtifactFile } from '../context/tar.ts';
import { asDwtError, DwtError } from '../errors.ts';
import type { Emit } from '../events.ts';
import { cacheFolder } from '../host/cache-folder.ts';
import type { Plan } from '../plan/plan.ts';
import type { Project } from '../project/project.ts';
import { runTask } from '../task.ts';
import { wantedArtifact } from './plan-artifacts.ts';

export interface ObtainOptions {
  readonly project: Project;
  readonly environment: NodeJS.ProcessEnv;
  /** File of `--build-ca`, or null. */
  readonly buildCa: string | null;
  readonly keepGoing: boolean;
  /** Whether something of what is to be built does without the artifact. */
  readonly isSpared: (artifact: string) => boolean;
  readonly emit: Emit;
  readonly signal: AbortSignal;
}

export interface ObtainedArtifacts {
  /** By name; those that are left out are not in it. */
  readonly files: ReadonlyMap<string, ArtifactFile>;
  /** Why there is no file, by name; empty unless `keepGoing`. */
  readonly failed: ReadonlyMap<string, DwtError>;
}

interface Sum {
  readonly name: string;
  readonly sha256: string;
}

const mostAtOnce = 4;
/** A server that says nothing for so long is given up, in milliseconds. */
const silenceMs = 60_000;
const firstWaitMs = 1000;

/**
 * @param names Of the artifacts that what is to be built reads.
 * @throws DwtError ARTIFACT_MISSING before anything is fetched, or the first failure, unless `keepGoing`; INTERRUPTED.
 */
export async function obtainArtifacts(
  names: ReadonlySet<string>,
  plan: Plan,
  options: ObtainOptions,
): Promise<ObtainedArtifacts> {
  const { keepGoing } = options;
  const files = new Map<string, ArtifactFile>();
  const failed = new Map<string, DwtError>();
  const toFetch: Sum[] = [];
  for (const name of names) {
    const artifact = plan.artifacts.get(name);
    if (artifact?.kind === 'given') files.set(name, artifact.file);
    else if (artifact?.kind === 'declared') toFetch.push({ name, sha256: artifact.sha256 });
    else if (artifact?.kind === 'missing') failed.set(name, missing(name, artifact, options));
  }
  const [untold] = failed.values();
  if (untold && !keepGoing) throw untold;
  if (toFetch.length > 0) await fetchAll(toFetch, options, files, failed);
  return { files, failed };
}

async function fetchAll(
  sums: readonly Sum[],
  options: ObtainOptions,
  files: Map<string, ArtifactFile>,
  failed: Map<string, DwtError>,
): Promise<void> {
  const { environment, buildCa, keepGoing } = options;
  const cache = new ArtifactCache(cacheFolder(environment));
  let opened: Promise<Dispatcher> | null = null;
  const dispatcher = (): Promise<Dispatcher> => {
    opened ??= openDispatcher(environment, buildCa, silenceMs);
    return opened;
  };
  const stop = new AbortController();
  const signal = AbortSignal.any([options.signal, stop.signal]);
  let first: DwtError | null = null;
  const fetchOne = async (sum: Sum): Promise<void> => {
    try {
      files.set(sum.name, await fetchTold(sum, { ...options, cache, dispatcher, signal }));
    } catch (thrown) {
      const error = asDwtError(thrown);
      failed.set(sum.name, error);
      first ??= error;
      if (!keepGoing) stop.abort(new DwtError('INTERRUPTED', `Fetching ${sum.name} was ended.`));
    }
  };
  const limit = pLimit(mostAtOnce);
  try {
    await Promise.all(sums.map((sum) => limit(fetchOne, sum)));
  } finally {
    await (opened as Promise<Dispatcher> | null)?.then((each) => each.destroy());
  }
  options.signal.throwIfAborted();
  if (first && !keepGoing) throw first;
}

interface Way extends ObtainOptions {
  readonly cache: ArtifactCache;
  readonly dispatcher: () => Promise<Dispatcher>;
}

/** As a task with a line of its own. */
function fetchTold({ name, sha256 }: Sum, way: Way): Promise<ArtifactFile> {
  const { emit, project, signal } = way;
  const wanted = { ...wantedArtifact(project, name), sha256 };
  return runTask(emit, `artifact ${name}`, `artifact ${name}`, async (step) => {
    signal.throwIfAborted();
    const value = await step(shownUrl(wanted.url), ({ progress }) =>
      fetchArtifact(wanted, {
        ...way,
        firstWaitMs,
        onProgress: (current, total) => progress(name, current, total),
        onRetry: (message) => emit({ type: 'warning', message }),
      }),
    );
    return { value, detail: `sha256 ${sha256.slice(0, 12)} verified` };
  });
}

function missing(
  name: string,
  { sha256 }: Extract<PlannedArtifact, { kind: 'missing' }>,
  { project, isSpared }: ObtainOptions,
): DwtError {
  const wanted = wantedArtifact(project, name);
  const location = project.artifacts.get(name)?.location;
  return new DwtError(
    'ARTIFACT_MISSING',
    `The artifact ${name} has no sha256, so that what its URL has now cannot be trusted.`,
    {
      hint: `Write its sha256 into dwt.yaml, or ${waysOut(wanted)}; it is at ${shownUrl(wanted.url)}.${isSpared(name) ? ' --keep-going builds what does without it.' : ''}`,
      ...(location && { location }),
      ...(sha256 !== null && { detail: `The images at hand were built with sha256 ${sha256}` }),
    },
  );
}
