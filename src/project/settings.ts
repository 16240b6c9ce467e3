/** What holds of each stage: the project file's words, completed by what the hierarchy says. */
import { DwtError, type Location } from '../errors.ts';
import type { Hierarchy, Stage } from '../hierarchy/hierarchy.ts';
import { nearest } from '../hierarchy/select.ts';
import { checksOfKinds, mergeChecks, readChecks } from './checks.ts';
import type { ChecksData } from './checks-schema.ts';
import { checkFeature } from './features.ts';
import { checkSuffix, checkTag, isArtifactName, isFeatureName } from './names.ts';
import type { Feature, Kind, Publish, StageSettings } from './project.ts';
import type { ProjectFile } from './project-file.ts';
import type { StageData } from './schema.ts';
import { packageSources } from './vocabulary.ts';

/** Settings of every stage of a folder that has no project file. */
export function defaultSettings(hierarchy: Hierarchy): Map<string, StageSettings> {
  return settingsOf(hierarchy, () => undefined);
}

/**
 * Settings of every stage by the project file, which names every stage or none.
 *
 * @param without Names of the features that are left out; the hierarchy was read with their arguments empty.
 */
export function declaredSettings(
  hierarchy: Hierarchy,
  file: ProjectFile,
  without: ReadonlySet<string>,
): Map<string, StageSettings> {
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
  checkArtifactNames(file);
  for (const stage of hierarchy.stages) {
    const declared = byName.get(stage.name);
    if (!declared) continue;
    const { name, stage: data } = declared;
    const kind = data.kind ?? defaultKind(stage, hierarchy);
    checkStage(name, { ...data, kind }, Object.keys(artifacts ?? {}), file);
    for (const [feature, own] of Object.entries(data.features ?? {})) {
      const at = file.locate(['stages', name, 'features', feature], 'key');
      checkFeature(feature, own?.['opt-in'] ?? false, stage, without, hierarchy.file, at);
    }
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
      features: featuresOf(data?.features ?? {}),
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

const featuresOf = (features: NonNullable<StageData['features']>): Map<string, Feature> =>
  new Map(
    Object.entries(features).map(([name, feature]) => [
      name,
      {
        description: feature?.description ?? null,
        needs: feature?.needs ?? [],
        optIn: feature?.['opt-in'] ?? false,
      },
    ]),
  );

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
  artifacts: readonly string[],
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
  checkNeeds(stage.needs, ['stages', name, 'needs'], artifacts, file);
  for (const [feature, data] of Object.entries(stage.features ?? {})) {
    const path = ['stages', name, 'features', feature];
    if (!isFeatureName(feature))
      throw invalid(
        `stages.${name}.features has "${feature}", which is no name of a feature.`,
        file.locate(path, 'key'),
        'It has lower case letters and digits, with dashes between them, and starts with a letter.',
      );
    checkNeeds(data?.needs, [...path, 'needs'], artifacts, file);
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

function checkNeeds(
  needs: readonly string[] | undefined,
  path: readonly string[],
  artifacts: readonly string[],
  file: ProjectFile,
): void {
  const allowed = [...packageSources, ...artifacts];
  for (const [index, need] of (needs ?? []).entries()) {
    if (allowed.includes(need)) continue;
    const near = nearest(need, allowed);
    throw new DwtError(
      'PROJECT_INVALID',
      `${path.join('.')} has "${need}", which is neither a package source nor an artifact of this file.`,
      {
        location: file.locate([...path, index]),
        hint: near ? `Did you mean "${near}"?` : `Package sources are ${packageSources.join(', ')}.`,
      },
    );
  }
}

function checkArtifactNames(file: ProjectFile): void {
  for (const name of Object.keys(file.data.artifacts ?? {})) {
    const location = file.locate(['artifacts', name], 'key');
    if (!isArtifactName(name))
      throw new DwtError('PROJECT_INVALID', `The artifact "${name}" has a name that no file can have.`, {
        location,
        hint: 'It has letters, digits, "_", "." and "-", and starts with a letter or digit.',
      });
    if (!(packageSources as readonly string[]).includes(name)) continue;
    throw new DwtError('PROJECT_INVALID', `The artifact "${name}" has the name of a package source.`, {
      location,
      hint: 'Give it another name: a stage that needs it could mean either.',
    });
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
