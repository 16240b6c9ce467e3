/** Which stages can be built with what answers. Pure. */
import type { Project } from '../project/project.ts';
import type { Check } from './check.ts';

export interface StageVerdict {
  readonly name: string;
  readonly buildable: boolean;
  /** What is missing, or what is not known; null where all that it needs was seen. */
  readonly why: string | null;
}

/** A stage needs the engine, room, its own package sources, and those of its parents and of the stages that it takes files from. */
export function judgeStages(project: Project, checks: readonly Check[]): StageVerdict[] {
  const verdicts = new Map(checks.map((check) => [check.name, check.verdict]));
  const stages = new Map(project.hierarchy.stages.map((stage) => [stage.name, stage]));
  const needs = (name: string, seen = new Set<string>()): Set<string> => {
    const stage = stages.get(name);
    if (!stage || seen.has(name)) return new Set();
    seen.add(name);
    const others = [...(stage.parent === null ? [] : [stage.parent]), ...stage.uses];
    return new Set([
      ...(project.settings.get(name)?.needs ?? []),
      ...others.flatMap((other) => [...needs(other, seen)]),
    ]);
  };
  return project.hierarchy.stages.map(({ name }) => {
    const required = ['engine', 'disk', ...[...needs(name)].map((source) => `source ${source}`)];
    const failed = required.filter((check) => verdicts.get(check) === 'fail');
    const unknown = required.filter(
      (check) => check !== 'disk' && (verdicts.get(check) ?? 'warn') === 'warn',
    );
    const why =
      failed.length > 0
        ? `fails: ${failed.join(', ')}`
        : unknown.length > 0
          ? `not known: ${unknown.join(', ')}`
          : null;
    return { name, buildable: failed.length === 0, why };
  });
}
