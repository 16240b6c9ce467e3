/** A plan as a file for `docker buildx bake`, which then does the same without `dwt`. */
import type { Project } from '../project/project.ts';
import { soundsSecret } from '../redact.ts';
import type { Plan, PlannedStage } from './plan.ts';

interface BakeTarget {
  readonly context: string;
  readonly dockerfile: string;
  readonly target: string;
  readonly tags: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
  readonly args?: Readonly<Record<string, string>>;
  readonly platforms?: readonly string[];
  readonly 'no-cache'?: true;
  readonly secret?: readonly string[];
}

export interface BakeFile {
  /** Arguments that sound secret: bake takes their values from the environment, and this file holds none. */
  readonly variable?: Readonly<Record<string, { readonly default: '' }>>;
  /** `default` is what the plan builds, `all` also what it reuses. */
  readonly group: Readonly<Record<'default' | 'all', { readonly targets: readonly string[] }>>;
  readonly target: Readonly<Record<string, BakeTarget>>;
}

/** @param secrets As `--secret` takes them: `id=ID,src=FILE`. */
export function bakeFile(
  plan: Plan,
  project: Pick<Project, 'folder' | 'dockerfile'>,
  secrets: readonly string[] = [],
): BakeFile {
  const selected = plan.stages.filter((stage) => stage.selected);
  const names = targetNames(selected);
  const nameOf = (stage: PlannedStage): string => names.get(stage.name) ?? stage.name;
  const hidden = [
    ...new Set(selected.flatMap((stage) => Object.keys(stage.buildArguments).filter(isHidden))),
  ];
  return {
    ...(hidden.length > 0 && {
      variable: Object.fromEntries(hidden.map((name) => [name, { default: '' as const }])),
    }),
    group: {
      default: { targets: selected.filter(({ action }) => action === 'build').map(nameOf) },
      all: { targets: selected.map(nameOf) },
    },
    target: Object.fromEntries(
      selected.map((stage) => [nameOf(stage), bakeTarget(stage, plan, project, secrets)]),
    ),
  };
}

/** What to tell whoever builds with bake, which knows the project's own folder alone. */
export const bakeWarnings = ({ artifacts }: Plan): string[] =>
  [...artifacts].map(
    ([name, { kind }]) =>
      `docker buildx bake reads artifacts/${name} from the project's folder: put ${kind === 'left-out' ? 'an empty file' : 'the artifact'} there.`,
  );

function bakeTarget(
  stage: PlannedStage,
  plan: Plan,
  project: Pick<Project, 'folder' | 'dockerfile'>,
  secrets: readonly string[],
): BakeTarget {
  const given = Object.entries(stage.buildArguments);
  return {
    context: literal(project.folder),
    dockerfile: literal(project.dockerfile),
    target: stage.name,
    tags: [stage.reference],
    labels: literals(Object.entries(stage.labels)),
    ...(given.length > 0 && {
      args: {
        ...literals(given.filter(([name]) => !isHidden(name))),
        ...Object.fromEntries(given.flatMap(([name]) => (isHidden(name) ? [[name, `\${${name}}`]] : []))),
      },
    }),
    ...(plan.platform !== null && { platforms: [plan.platform] }),
    ...(plan.noCache && { 'no-cache': true as const }),
    ...(secrets.length > 0 && { secret: secrets.map(literal) }),
  };
}

/** What can be a variable of bake and sounds secret. */
const isHidden = (name: string): boolean => /^[A-Za-z_]\w*$/.test(name) && soundsSecret(name);

/** Bake reads `${…}` and `%{…}` in JSON as its own language. */
const literal = (text: string): string => text.replace(/[$%](?=\{)/g, '$&$&');

const literals = (entries: readonly [string, string][]): Record<string, string> =>
  Object.fromEntries(entries.map(([name, value]) => [literal(name), literal(value)]));

/** Names of bake targets have letters, digits, `_` and `-`; a stage's may have dots as well. */
function targetNames(stages: readonly PlannedStage[]): ReadonlyMap<string, string> {
  const names = new Map<string, string>();
  const taken = new Set<string>(['default', 'all']);
  for (const { name } of stages) {
    let target = name.replace(/[^a-zA-Z0-9_-]/g, '_');
    while (taken.has(target)) target += '_';
    taken.add(target);
    names.set(name, target);
  }
  return names;
}
