/** `dwt build`: builds what the plan says has changed, several targets at once, every shared stage once. */
import type { Engine } from '../engine/engine.ts';
import { DwtError } from '../errors.ts';
import type { Emit } from '../events.ts';
import type { Hierarchy } from '../hierarchy/hierarchy.ts';
import { closure } from '../hierarchy/select.ts';
import { engineTarget } from '../hierarchy/step.ts';
import type { Plan, PlannedStage } from '../plan/plan.ts';
import type { Project } from '../project/project.ts';
import { secondsSince } from '../task.ts';
import type { ObtainedArtifacts } from './obtain-artifacts.ts';
import { planBuild } from './plan.ts';

export interface BuildOptions {
  readonly project: Project;
  readonly engine: Engine;
  /** Names and globs; empty for every image. */
  readonly stages: readonly string[];
  readonly buildArguments: Readonly<Record<string, string>>;
  /** By id, contents read before. */
  readonly secrets: ReadonlyMap<string, Uint8Array>;
  readonly credentials: (host: string) => Promise<{ username: string; secret: string } | null>;
  /** How many targets are built at once. */
  readonly jobs: number;
  readonly keepGoing: boolean;
  readonly noCache: boolean;
  readonly cacheTtlMs: number | null;
  readonly platform: string | null;
  /** Absolute paths of the files that were given for artifacts, by name. */
  readonly artifacts: ReadonlyMap<string, string>;
  /** File of `--build-ca`, or null. */
  readonly buildCa: string | null;
  readonly environment: NodeJS.ProcessEnv;
  /** Asked once for the git revision of the project's folder, where something is built; answers null for none. */
  readonly revision: () => Promise<string | null>;
  readonly emit: Emit;
  readonly signal: AbortSignal;
}

export interface BuiltImage {
  readonly stage: string;
  readonly reference: string;
  /** Null where the build failed. */
  readonly id: string | null;
  readonly action: 'built' | 'reused' | null;
  readonly seconds: number;
  /** Bytes. */
  readonly size: number | null;
  readonly error?: DwtError;
}

export interface BuildResult {
  readonly images: readonly BuiltImage[];
  readonly seconds: number;
}

/**
 * Plans and builds. A target that fails is an entry with an error; without `keepGoing` the first failure cancels what
 * runs and what waits. Only what stops all targets alike (no engine, bad project) is thrown.
 */
export async function buildImages(options: BuildOptions): Promise<BuildResult> {
  const started = performance.now();
  const plan = await planBuild(options);
  const targets = plan.stages.filter(({ selected }) => selected);
  for (const { name } of targets) engineTarget(name, options.project.hierarchy);
  announce(plan, options.project.hierarchy, options.emit);
  const changed = targets.filter(({ action }) => action === 'build');
  const reused = targets
    .filter(({ action }) => action === 'reuse')
    .map((stage) => reuse(stage, options.emit));
  const built = changed.length === 0 ? [] : await buildChanged(changed, plan, options);
  const byName = new Map([...reused, ...built].map((image) => [image.stage, image]));
  return {
    images: targets.flatMap(({ name }) => byName.get(name) ?? []),
    seconds: secondsSince(started),
  };
}

function announce(plan: Plan, hierarchy: Hierarchy, emit: Emit): void {
  const planned = new Set(plan.stages.map(({ name }) => name));
  for (const stage of hierarchy.stages) {
    if (!planned.has(stage.name)) continue;
    emit({ type: 'task-queued', task: stage.name, parent: stage.parent, title: stage.name });
  }
  for (const { name, action, selected } of plan.stages) {
    if (action === 'reuse' && !selected)
      emit({ type: 'task-finished', task: name, outcome: 'reused', seconds: 0 });
  }
}

function reuse({ name, reference, image }: PlannedStage, emit: Emit): BuiltImage {
  if (!image) throw new DwtError('INTERNAL', `The plan reuses ${name} but names no image.`);
  emit({ type: 'task-finished', task: name, outcome: 'reused', seconds: 0, bytes: image.size });
  return { stage: name, reference, id: image.id, action: 'reused', seconds: 0, size: image.size };
}

/** What builds is loaded where something is to be built. */
async function buildChanged(
  targets: readonly PlannedStage[],
  plan: Plan,
  options: BuildOptions,
): Promise<BuiltImage[]> {
  const { files, failed } = await artifactsFor(targets, plan, options);
  const [possible, lacking]: [PlannedStage[], BuiltImage[]] = [[], []];
  for (const target of targets) {
    const error = [...artifactsOf(target, plan, options)]
      .map((name) => failed.get(name))
      .find((each) => each);
    if (error) lacking.push(withoutArtifact(target, error, options.emit));
    else possible.push(target);
  }
  if (possible.length === 0) return lacking;
  const { buildTargets } = await import('./build-targets.ts');
  return [...lacking, ...(await buildTargets(possible, plan, files, options))];
}

/** A target is built with all that its stages read, those that are in the engine's cache included. */
const artifactsOf = ({ name }: PlannedStage, { context }: Plan, { project }: BuildOptions): Set<string> =>
  context.artifacts(closure(project.hierarchy, [name]));

async function artifactsFor(
  targets: readonly PlannedStage[],
  plan: Plan,
  options: BuildOptions,
): Promise<ObtainedArtifacts> {
  const wanted = targets.map((target) => artifactsOf(target, plan, options));
  const names = new Set(wanted.flatMap((each) => [...each]));
  if (names.size === 0) return { files: new Map(), failed: new Map() };
  const { obtainArtifacts } = await import('./obtain-artifacts.ts');
  return obtainArtifacts(names, plan, {
    ...options,
    isSpared: (artifact) => wanted.some((each) => !each.has(artifact)),
  });
}

function withoutArtifact({ name, reference }: PlannedStage, error: DwtError, emit: Emit): BuiltImage {
  emit({ type: 'task-finished', task: name, outcome: 'failed', seconds: 0, error });
  return { stage: name, reference, id: null, action: null, seconds: 0, size: null, error };
}
