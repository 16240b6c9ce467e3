/** `dwt plan`, and the first thing that every build does: what is to be built, what is there, and why. */
import pLimit from 'p-limit';
import { BuildContext } from '../context/context.ts';
import type { FileEntry } from '../context/entry.ts';
import { hashFiles } from '../context/hash.ts';
import type { Engine } from '../engine/engine.ts';
import type { Emit } from '../events.ts';
import type { Stage } from '../hierarchy/hierarchy.ts';
import { closure, selectStages } from '../hierarchy/select.ts';
import { cacheFolder } from '../host/cache-folder.ts';
import { chooseEpoch, declaresEpoch } from '../plan/epoch.ts';
import { filesDigester } from '../plan/files.ts';
import { type BaseImage, imagesOf } from '../plan/inputs.ts';
import { type KnownImages, knownImages } from '../plan/known.ts';
import { type Plan, planStages } from '../plan/plan.ts';
import { epochArgument } from '../plan/why.ts';
import type { Project } from '../project/project.ts';
import { parseReference } from '../registry/reference.ts';
import { isStandIn, planArtifacts } from './plan-artifacts.ts';

// A registry that is slow to say what an image is now is not waited for: what it was last time stands.
const registryPatienceMs = 5000;
const mostLookups = 16;

export interface PlanOptions {
  readonly project: Project;
  /** Null where none can be reached: then everything is to be built. */
  readonly engine: Engine | null;
  /** Names and globs; empty for every image of the project. */
  readonly stages: readonly string[];
  readonly buildArguments: Readonly<Record<string, string>>;
  readonly noCache: boolean;
  /** Milliseconds, or null for no limit. */
  readonly cacheTtlMs: number | null;
  /** Such as `linux/arm64`; null for the engine's own. */
  readonly platform: string | null;
  /** Absolute paths of the files that were given for artifacts, by name. */
  readonly artifacts?: ReadonlyMap<string, string>;
  /** For registries that are asked what a base image is. */
  readonly credentials?: (host: string) => Promise<{ username: string; secret: string } | null>;
  /** Milliseconds since 1970. */
  readonly now?: number;
  readonly environment?: NodeJS.ProcessEnv;
  readonly emit: Emit;
}

/**
 * Changes nothing, on the engine or elsewhere, but for the record of file hashes in the user's cache folder.
 *
 * @throws DwtError STAGE_UNKNOWN, CONTEXT_INVALID, CONTEXT_CHANGED, what `planArtifacts` throws and what the engine fails with
 */
export async function planBuild(options: PlanOptions): Promise<Plan> {
  const { project, engine, buildArguments, noCache } = options;
  const selected = selectStages(options.stages, candidates(options));
  const stages = closure(project.hierarchy, selected);
  warnOfUnused(options);
  const context = new BuildContext(project);
  const [listed, version, identities, hashes] = await Promise.all([
    engine?.imagesByLabel([`dwt.project=${project.name}`]) ?? null,
    options.platform === null ? (engine?.version() ?? null) : null,
    identify(stages, options),
    hashFiles(project.folder, filesOf(stages, context), cacheFolder(options.environment ?? process.env)),
  ]);
  const known = listed && knownImages(project, listed);
  warnOfAge(options);
  const epoch = chooseEpoch(
    project.hierarchy,
    known?.epochs ?? [],
    options.cacheTtlMs,
    options.now ?? Date.now(),
  );
  const artifacts = await planArtifacts({
    project,
    context,
    stages,
    given: options.artifacts ?? new Map(),
    known,
    emit: options.emit,
  });
  const inputs = [...artifacts].map(
    ([name, artifact]) =>
      [name, { sha256: artifact.sha256, standIn: isStandIn(project, name, artifact) }] as const,
  );
  const digest = filesDigester(hashes, new Map(inputs));
  const planned = planStages({
    project,
    selected: new Set(selected),
    stages,
    known,
    epoch,
    noCache,
    buildArguments,
    platform: options.platform ?? (version && `${version.os}/${version.architecture}`),
    images: withRecorded(identities, known),
    files: (stage) => digest(context.selections(stage)),
    artifacts,
  });
  return { stages: planned, platform: options.platform, noCache, artifacts, context };
}

/** What no pattern means is every image; a pattern may name any stage. */
function candidates({ project, stages }: PlanOptions): string[] {
  return project.hierarchy.stages
    .map(({ name }) => name)
    .filter((name) => stages.length > 0 || project.settings.get(name)?.kind !== 'shared');
}

// What BuildKit takes without a declaration.
const predefined = /^(?:(?:https?|ftp|no|all)_proxy|SOURCE_DATE_EPOCH|BUILDKIT_\w+)$/i;

function warnOfUnused({ project: { hierarchy }, buildArguments, emit }: PlanOptions): void {
  const unused = Object.keys(buildArguments).filter(
    (name) =>
      !predefined.test(name) &&
      !hierarchy.globalArguments.has(name) &&
      !hierarchy.stages.some((stage) => stage.arguments.has(name)),
  );
  for (const name of unused) {
    emit({
      type: 'warning',
      message: `The build argument ${name} changes nothing: ${hierarchy.file} declares no ARG ${name}.`,
    });
  }
}

function warnOfAge({ project: { hierarchy }, cacheTtlMs, emit }: PlanOptions): void {
  if (cacheTtlMs === null || declaresEpoch(hierarchy)) return;
  emit({
    type: 'warning',
    message: `--cache-ttl changes nothing: ${hierarchy.file} declares no ARG ${epochArgument}.`,
    hint: `Declare it before the first step that installs packages, and packages are looked for again when it changes.`,
  });
}

function filesOf(stages: readonly Stage[], context: BuildContext): Set<FileEntry> {
  const selections = new Set(stages.flatMap((stage) => context.selections(stage)));
  const files = new Set<FileEntry>();
  for (const { entries } of selections)
    for (const entry of entries) if (entry.type === 'file') files.add(entry);
  return files;
}

/** What the images from outside are now, by reference; null where neither the engine nor a registry can tell. */
async function identify(
  stages: readonly Stage[],
  options: PlanOptions,
): Promise<ReadonlyMap<string, string | null>> {
  const references = [...new Set(stages.flatMap(imagesOf))];
  const limit = pLimit(mostLookups);
  const found = references.map((reference) =>
    limit(async () => [reference, await identifyOne(reference, options)] as const),
  );
  return new Map(await Promise.all(found));
}

async function identifyOne(reference: string, { engine, credentials }: PlanOptions): Promise<string | null> {
  if (!engine) return null;
  const { domain, path } = parseReference(reference);
  const image = await engine.inspectImage(reference);
  if (image) {
    // The digest is the same whether the image is here or still in its registry; an id is not.
    const own = image.digests.find((digest) => isOf(digest, domain, path));
    return own ? own.slice(own.lastIndexOf('@') + 1) : `id ${image.id}`;
  }
  const asked = (async () => {
    const login = (await credentials?.(domain)) ?? null;
    return engine.remoteDigest(reference, login && { username: login.username, password: login.secret });
  })();
  return inTime(asked, registryPatienceMs).catch(() => null);
}

function isOf(digest: string, domain: string, path: string): boolean {
  try {
    const parsed = parseReference(digest);
    return parsed.domain === domain && parsed.path === path;
  } catch {
    return false;
  }
}

async function inTime<Result>(work: Promise<Result>, milliseconds: number): Promise<Result | null> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<null>((resolve) => {
    timer = setTimeout(() => resolve(null), milliseconds);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** A registry that does not answer must not make every image look changed: what was recorded last stands in for it. */
function withRecorded(
  identities: ReadonlyMap<string, string | null>,
  known: KnownImages | null,
): ReadonlyMap<string, BaseImage> {
  return new Map(
    [...identities].map(([reference, identity]) => [
      reference,
      { reference, identity: identity ?? known?.identity(reference) ?? null },
    ]),
  );
}
