/** Tells of images that are about to be published although the sources have moved on since they were built. */
import type { Engine } from '../engine/engine.ts';
import { asDwtError } from '../errors.ts';
import type { Emit } from '../events.ts';
import { closure } from '../hierarchy/select.ts';
import type { PlannedStage } from '../plan/plan.ts';
import type { Project } from '../project/project.ts';

export interface StaleOptions {
  readonly project: Project;
  readonly engine: Engine;
  readonly stages: readonly string[];
  readonly emit: Emit;
}

/** What a push can know of: build arguments, features and platform are those of the build, which is over. */
const ofSources = new Set<string>(['instructions', 'files']);

/** Emits one warning for all of them; fails nothing. */
export async function warnOfStale({ project, engine, stages, emit }: StaleOptions): Promise<void> {
  try {
    const { planBuild } = await import('./plan.ts');
    const plan = await planBuild({
      project,
      engine,
      stages,
      buildArguments: {},
      noCache: false,
      cacheTtlMs: null,
      platform: null,
      emit: () => undefined,
    });
    const byName = new Map(plan.stages.map((stage) => [stage.name, stage]));
    const stale = stages.flatMap((stage) => {
      if (byName.get(stage)?.action !== 'build') return [];
      const why = closure(project.hierarchy, [stage]).flatMap(({ name }) => changeOf(byName.get(name)));
      return why.length === 0 ? [] : [{ stage, why: why.join('; ') }];
    });
    if (stale.length === 0) return;
    emit({
      type: 'warning',
      message: `What is pushed was built before its sources changed: ${stale.map(({ stage, why }) => `${stage} (${why})`).join(', ')}.`,
      hint: `Run \`dwt build ${stale.map(({ stage }) => stage).join(' ')}\` and push again, unless the former state is meant.`,
    });
  } catch (thrown) {
    const { message } = asDwtError(thrown);
    emit({ type: 'warning', message: `Whether the images are up to date is not known: ${message}` });
  }
}

const changeOf = (stage: PlannedStage | undefined): string[] =>
  (stage?.why ?? [])
    .filter(({ reason }) => ofSources.has(reason))
    .map(({ detail }) => `${stage?.name}: ${detail}`);
