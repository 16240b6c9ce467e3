/** Builds several targets at once over one session, each step of a shared stage once. */
import pLimit from 'p-limit';
import { type ArtifactFile, contextTar } from '../context/tar.ts';
import type { BuildSession } from '../engine/engine.ts';
import { asDwtError, type DwtError } from '../errors.ts';
import { closure } from '../hierarchy/select.ts';
import { engineTarget } from '../hierarchy/step.ts';
import type { Plan, PlannedStage } from '../plan/plan.ts';
import { secondsSince } from '../task.ts';
import type { BuildOptions, BuiltImage } from './build.ts';
import { cancellation, explainFailure } from './build-failures.ts';
import { type StepTracker, trackSteps } from './build-steps.ts';
import { type TaskClock, taskClock } from './task-clock.ts';

/** BuildKit merges equal steps only while they are in flight, and engines lose builds when far more are. */
const mostBuildsInFlight = 64;

interface Run {
  readonly plan: Plan;
  readonly artifacts: ReadonlyMap<string, ArtifactFile>;
  readonly options: BuildOptions;
  readonly session: BuildSession;
  readonly steps: StepTracker;
  readonly tasks: TaskClock;
  readonly labels: (stage: string) => Readonly<Record<string, string>>;
  /** The stages that failed: what stands on one of them is not tried again. */
  readonly failed: Map<string, DwtError>;
  /** Ends all builds: by the user, or by the first failure. */
  readonly stop: AbortController;
  readonly signal: AbortSignal;
}

export async function buildTargets(
  targets: readonly PlannedStage[],
  plan: Plan,
  artifacts: ReadonlyMap<string, ArtifactFile>,
  options: BuildOptions,
): Promise<BuiltImage[]> {
  const { project, engine, credentials, secrets } = options;
  const [revision, session] = await Promise.all([
    options.revision(),
    engine.openSession({ credentials, secret: async (id) => secrets.get(id) ?? null }),
  ]);
  const stop = new AbortController();
  const tasks = taskClock(options.emit);
  const run: Run = {
    plan,
    artifacts,
    options,
    session,
    tasks,
    steps: trackSteps(project.hierarchy, options.emit, stageStarter(targets, tasks, options)),
    labels: ociLabels(options, revision),
    failed: new Map(),
    stop,
    signal: AbortSignal.any([options.signal, stop.signal]),
  };
  const limit = pLimit(Math.min(mostBuildsInFlight, options.noCache ? targets.length : options.jobs));
  try {
    return await Promise.all(targets.map((target, number) => limit(() => buildTarget(target, number, run))));
  } finally {
    await session.close();
    tasks.finishAll(run.signal.aborted || run.failed.size > 0 ? 'cancelled' : 'done');
  }
}

async function buildTarget(target: PlannedStage, number: number, run: Run): Promise<BuiltImage> {
  const { options, tasks, steps, failed, signal } = run;
  const { engine, project, keepGoing } = options;
  const needs = closure(project.hierarchy, [target.name]).map(({ name }) => name);
  const start = performance.now();
  const image = { stage: target.name, reference: target.reference };
  const fail = (error: DwtError): BuiltImage => {
    const cancelled = error.code === 'BUILD_CANCELLED' || error.code === 'INTERRUPTED';
    tasks.finish(target.name, cancelled ? 'cancelled' : 'failed', { error });
    return { ...image, id: null, action: null, seconds: secondsSince(start), size: null, error };
  };
  const failedBefore = () => needs.map((name) => failed.get(name)).find((error) => error !== undefined);
  const inherited = failedBefore();
  if (inherited) return fail(inherited);
  if (signal.aborted) return fail(cancellation(target.name, options.signal.aborted, failed.keys()));
  tasks.start(target.name);
  try {
    const id = await buildOne(target, number, run);
    const size = (await engine.inspectImage(id))?.size ?? null;
    tasks.finish(target.name, 'built', size === null ? {} : { bytes: size });
    for (const { name, selected, action } of run.plan.stages) {
      // What is reused was told of before, and is told again only where the engine ran a step of it after all.
      const open = action === 'build' || tasks.isRunning(name);
      if (needs.includes(name) && !selected && open) tasks.finish(name, 'done');
    }
    return { ...image, id, action: 'built', seconds: secondsSince(start), size };
  } catch (thrown) {
    const shared = failedBefore();
    if (shared) return fail(shared);
    if (signal.aborted) return fail(cancellation(target.name, options.signal.aborted, failed.keys()));
    const { error, stage } = explainFailure(asDwtError(thrown), {
      target: target.name,
      hierarchy: project.hierarchy,
      steps,
      secrets: new Set(options.secrets.keys()),
    });
    failed.set(stage, error);
    if (stage !== target.name) tasks.finish(stage, 'failed', { error });
    if (!keepGoing || error.code === 'ENGINE_LOST') run.stop.abort();
    return fail(error);
  } finally {
    steps.end(number);
  }
}

async function buildOne(target: PlannedStage, number: number, run: Run): Promise<string> {
  const { plan, session, steps, signal, options } = run;
  const { project, engine, noCache, platform } = options;
  const { id } = await engine.build({
    context: () => contextTar(plan.context, target.name, run.artifacts),
    dockerfile: project.dockerfile,
    target: engineTarget(target.name, project.hierarchy),
    tags: [target.reference],
    labels: { ...target.labels, ...run.labels(target.name) },
    buildArguments: target.buildArguments,
    platform,
    noCache,
    pull: false,
    session,
    onProgress: (progress) => steps.report(number, target.name, progress),
    signal,
  });
  return id;
}

/** A stage's steps run when those of its parent are done; a parent that was asked for has an image yet to be made. */
function stageStarter(targets: readonly PlannedStage[], tasks: TaskClock, { project }: BuildOptions) {
  const parents = new Map(project.hierarchy.stages.map(({ name, parent }) => [name, parent]));
  const asked = new Set(targets.map(({ name }) => name));
  return (stage: string): void => {
    tasks.start(stage);
    for (let parent = parents.get(stage); parent; parent = parents.get(parent)) {
      if (tasks.isRunning(parent) && !asked.has(parent)) tasks.finish(parent, 'done');
    }
  };
}

const ociLabels =
  ({ project }: BuildOptions, revision: string | null) =>
  (stage: string): Record<string, string> => ({
    'org.opencontainers.image.title': `${project.name}/${stage}`,
    'org.opencontainers.image.created': new Date().toISOString(),
    ...(revision !== null && { 'org.opencontainers.image.revision': revision }),
  });
