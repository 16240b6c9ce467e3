/** What holds of each stage: the project file's words, completed by what the hierarchy says. */
import { DwtError, type Location } from '../errors.ts';
import type { Hierarchy, Stage } from '../hierarchy/hierarchy.ts';
import { nearest } from '../hierarchy/select.ts';
import { checksOfKinds, mergeChecks, readChecks } from './checks.ts';
import type { ChecksData } from './checks-schema.ts';
import { checkSuffix, checkTag } from './names.ts';
import type { Kind, Publish, StageSettings } from './project.ts';
import type { ProjectFile } from './project-file.ts';
import type { StageData } from './schema.ts';
import { packageSources } from './vocabulary.ts';

/** Settings of every stage of a folder that has no project file. */
export function defaultSettings(hierarchy: Hierarchy): Map<string, StageSettings> {
  return settingsOf(hierarchy, () => undefined);
}

/** Settings of every stage by the project file, which names every stage or none. */
export function declaredSettings(hierarchy: Hierarchy, file: ProjectFile): Map<string, StageSettings> {
  const { stages, artifacts } = file.data;
  const byName = new Map(
    Object.entries(stages ?? {}).map(([name, stage]) => [name.toLowerCase(), { stage: stage ?? {}, name }]),
  );
  if (stages)
    refuseMismatch(
      hierarchy,
      [...byName.values()].map(({ name }) => name),
      file,
    );
  const needs = [...packageSources, ...Object.keys(artifacts ?? {})];
  for (const stage of hierarchy.stages) {
    const declared = byName.get(stage.name);
    if (!declared) continue;
    const kind = declared.stage.kind ?? defaultKind(stage, hierarchy);
    checkStage(declared.name, { ...declared.stage, kind }, needs, file);
  }
  const settings = settingsOf(hierarchy, (stage) => byName.get(stage.name)?.stage);
  refuseEqualTargets(settings, (stage) =>
    file.locate(['stages', byName.get(stage)?.name ?? stage, 'publish'], 'key'),
  );
  return settings;
}

const isUnnamed = (stage: Stage): boolean => /^\d+$/.test(stage.name);

function settingsOf(
  hierarchy: Hierarchy,
  declared: (stage: Stage) => StageData | undefined,
): Map<string, StageSettings> {
  const settings = new Map<string, StageSettings>();
  const raw = new Map<string, ChecksData>();
  for (const stage of hierarchy.stages) {
    const data = declared(stage);
    const kind = data?.kind ?? defaultKind(stage, hierarchy);
    const checks = mergeChecks(stage.parent === null ? undefined : raw.get(stage.parent), data?.checks);
    raw.set(stage.name, checks);
    settings.set(stage.name, {
      kind,
      description: data?.description ?? null,
      publish: kind === 'shared' ? null : publishOf(stage.name, data?.publish),
      needs: data?.needs ?? [],
      checks: readChecks(checks),
    });
  }
  return settings;
}

/** Engines build a stage without a name on its own only where it is the last one. */
function defaultKind(stage: Stage, hierarchy: Hierarchy): Kind {
  const buildable = !isUnnamed(stage) || stage.index === hierarchy.stages.length - 1;
  return stage.children.length === 0 && buildable ? 'tool' : 'shared';
}

const publishOf = (stage: string, publish: StageData['publish']): Publish => ({
  suffix: publish?.suffix ?? stage,
  tag: publish?.tag ?? 'latest',
});

function refuseMismatch(hierarchy: Hierarchy, declared: readonly string[], file: ProjectFile): void {
  const known = new Set(declared.map((name) => name.toLowerCase()));
  const names = hierarchy.stages.map((stage) => stage.name);
  for (const name of declared) {
    if (names.includes(name.toLowerCase())) continue;
    const near = nearest(
      name,
      names.filter((other) => !known.has(other)),
    );
    throw new DwtError(
      'STAGE_MISMATCH',
      `The stage "${name}" is in the project file and not in ${hierarchy.file}.`,
      {
        location: file.locate(['stages', name], 'key'),
        hint: near ? `Did you mean "${near}"?` : 'Add the stage to the Dockerfile, or remove it here.',
      },
    );
  }
  for (const stage of hierarchy.stages) {
    if (known.has(stage.name) || isUnnamed(stage)) continue;
    throw new DwtError(
      'STAGE_MISMATCH',
      `The stage "${stage.name}" is in the Dockerfile and not in ${file.locate([]).file}.`,
      {
        location: { file: hierarchy.file, line: stage.lines.start },
        hint: `Add "${stage.name}:" under "stages:" there; kind: shared if it is no image of its own.`,
      },
    );
  }
}

function checkStage(
  name: string,
  stage: StageData & { readonly kind: Kind },
  needs: readonly string[],
  file: ProjectFile,
): void {
  const at = (...path: (string | number)[]): Location => file.locate(['stages', name, ...path]);
  const invalid = (message: string, location: Location, hint: string): DwtError =>
    new DwtError('PROJECT_INVALID', message, { location, hint });
  if (stage.publish) {
    checkSuffix(stage.publish.suffix, at('publish', 'suffix'));
    if (stage.publish.tag !== undefined) checkTag(stage.publish.tag, at('publish', 'tag'));
    if (stage.kind === 'shared')
      throw invalid(
        `stages.${name} is of the kind shared and has "publish".`,
        file.locate(['stages', name, 'publish'], 'key'),
        'Shared stages are not published: give it another kind, or remove "publish".',
      );
  }
  for (const [index, need] of (stage.needs ?? []).entries()) {
    if (needs.includes(need)) continue;
    const near = nearest(need, needs);
    throw invalid(
      `stages.${name}.needs has "${need}", which is neither a package source nor an artifact of this file.`,
      at('needs', index),
      near ? `Did you mean "${near}"?` : `Package sources are ${packageSources.join(', ')}.`,
    );
  }
  for (const [check, allowed] of Object.entries(checksOfKinds)) {
    const kind = stage.kind;
    if (!stage.checks?.[check as keyof ChecksData] || kind === 'shared' || allowed.includes(kind)) continue;
    throw invalid(
      `stages.${name} is of the kind ${kind} and declares the check "${check}".`,
      file.locate(['stages', name, 'checks', check], 'key'),
      `That is a check of ${allowed.map((each) => `the kind ${each}`).join(' and ')}.`,
    );
  }
}

function refuseEqualTargets(
  settings: ReadonlyMap<string, StageSettings>,
  locate: (stage: string) => Location,
): void {
  const taken = new Map<string, string>();
  for (const [stage, { publish }] of settings) {
    if (!publish) continue;
    const target = `${publish.suffix}:${publish.tag}`;
    const other = taken.get(target);
    if (other !== undefined) {
      throw new DwtError(
        'PROJECT_INVALID',
        `The stages "${other}" and "${stage}" are both published as ${target}.`,
        {
          location: locate(stage),
          hint: 'Give one of them another suffix or tag.',
        },
      );
    }
    taken.set(target, stage);
  }
}
