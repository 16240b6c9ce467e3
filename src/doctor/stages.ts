/** Which stages can be built with what answers. Pure. */
import type { Project } from '../project/project.ts';
import type { Check } from './check.ts';

export interface StageVerdict {
  readonly name: string;
  readonly buildable: boolean;
  /** What is missing, or what is not known; null where all that it needs was seen. */
  readonly why: string | null;
}

/** One thing that a build needs; with the feature that can be left out where nothing else needs it. */
interface Need {
  readonly check: string;
  readonly feature: string | null;
}

/** A stage needs the engine, room, its own package sources and artifacts, and those of its parents and of the stages that it takes files from. */
export function judgeStages(project: Project, checks: readonly Check[]): StageVerdict[] {
  const verdicts = new Map(checks.map((check) => [check.name, check.verdict]));
  const needs = needsOf(project);
  return project.hierarchy.stages.map(({ name }) => {
    const required = [plain('engine'), plain('disk'), ...needs(name)];
    const failed = required.filter(({ check }) => verdicts.get(check) === 'fail');
    const firm = failed.filter(({ feature }) => feature === null);
    const unknown = required.filter(
      ({ check }) => check !== 'disk' && (verdicts.get(check) ?? 'warn') === 'warn',
    );
    const why =
      firm.length > 0
        ? `fails: ${listed(firm)}`
        : failed.length > 0
          ? `with ${[...new Set(failed.map(({ feature }) => `--without ${feature}`))].join(' ')}: ${listed(failed)} fails`
          : unknown.length > 0
            ? `not known: ${listed(unknown)}`
            : null;
    return { name, buildable: firm.length === 0, why };
  });
}

const plain = (check: string): Need => ({ check, feature: null });

const listed = (needs: readonly Need[]): string => [...new Set(needs.map(({ check }) => check))].join(', ');

function needsOf({ hierarchy, settings, artifacts }: Project): (name: string) => Need[] {
  const stages = new Map(hierarchy.stages.map((stage) => [stage.name, stage]));
  const checkOf = (need: string) => `${artifacts.has(need) ? 'artifact' : 'source'} ${need}`;
  const all = (name: string, seen: Set<string>): Need[] => {
    const stage = stages.get(name);
    if (!stage || seen.has(name)) return [];
    seen.add(name);
    const { needs = [], features = new Map() } = settings.get(name) ?? {};
    return [
      ...needs.map((need) => plain(checkOf(need))),
      // What nobody has to ask for.
      ...[...features].flatMap(([feature, own]) =>
        (own.optIn ? [] : own.needs).map((need: string) => ({ check: checkOf(need), feature })),
      ),
      ...[...(stage.parent === null ? [] : [stage.parent]), ...stage.uses].flatMap((other) =>
        all(other, seen),
      ),
    ];
  };
  return (name) => {
    const found = all(name, new Set());
    const firm = new Set(found.filter(({ feature }) => feature === null).map(({ check }) => check));
    const byCheck = new Map(
      found.map((need) => [need.check, firm.has(need.check) ? plain(need.check) : need]),
    );
    return [...byCheck.values()];
  };
}
