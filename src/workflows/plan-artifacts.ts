/** What a plan takes each artifact for. Files that were given are read; nothing is fetched. */
import type { PlannedArtifact, PlannedArtifacts, WantedArtifact } from '../artifacts/artifact.ts';
import type { BuildContext } from '../context/context.ts';
import { DwtError } from '../errors.ts';
import type { Emit } from '../events.ts';
import type { Stage } from '../hierarchy/hierarchy.ts';
import { nearest } from '../hierarchy/select.ts';
import type { KnownImages } from '../plan/known.ts';
import { featuresNeeding, isLeftOut } from '../project/artifacts.ts';
import type { Feature, Project } from '../project/project.ts';

export interface ArtifactsToPlan {
  readonly project: Project;
  readonly context: BuildContext;
  /** Those that are planned. */
  readonly stages: readonly Stage[];
  /** Absolute paths of the files that were given, by name. */
  readonly given: ReadonlyMap<string, string>;
  readonly known: KnownImages | null;
  readonly emit: Emit;
}

/**
 * @throws DwtError USAGE for a given file that is no artifact's or cannot be read, ARTIFACT_INVALID for a wrong one,
 *   PROJECT_INVALID for a stage that reads what it does not say to need
 */
export async function planArtifacts(options: ArtifactsToPlan): Promise<PlannedArtifacts> {
  const { project, given, emit } = options;
  refuseUnknown(project, given);
  const names = namesRead(options);
  warnOfUnused(given, names, emit);
  const artifacts = await Promise.all(
    [...names].map(async (name) => [name, await planArtifact(name, options)] as const),
  );
  for (const [name, artifact] of artifacts) if (isStandIn(project, name, artifact)) warnOfStandIn(name, emit);
  return new Map(artifacts);
}

/** Whether what is built with it is built with a stand-in. */
export const isStandIn = ({ artifacts }: Project, name: string, { kind }: PlannedArtifact): boolean =>
  kind !== 'left-out' && artifacts.get(name)?.standIn === true;

function warnOfStandIn(name: string, emit: Emit): void {
  emit({
    type: 'warning',
    message: `The artifact ${name} is a stand-in: what is built with it proves nothing of the real one.`,
  });
}

/** What is asked for under a name that is an artifact's. */
export function wantedArtifact(project: Project, name: string): WantedArtifact {
  const { url = '', sha256 = null } = project.artifacts.get(name) ?? {};
  return { name, url, sha256, features: featuresNeeding(name, project) };
}

async function planArtifact(
  name: string,
  { project, given, known, emit }: ArtifactsToPlan,
): Promise<PlannedArtifact> {
  if (isLeftOut(name, project)) return { kind: 'left-out', sha256: null };
  const wanted = wantedArtifact(project, name);
  const path = given.get(name);
  if (path !== undefined) {
    const { readGiven } = await import('../artifacts/given.ts');
    const { sha256, file } = await readGiven(wanted, path);
    if (wanted.sha256 === null) {
      emit({
        type: 'warning',
        message: `The artifact ${name} is taken as it was given: sha256 ${sha256}.`,
        hint: `If that is the file that you trust, write it down as artifacts.${name}.sha256 in dwt.yaml.`,
      });
    }
    return { kind: 'given', sha256, file };
  }
  if (wanted.sha256 !== null) return { kind: 'declared', sha256: wanted.sha256 };
  return { kind: 'missing', sha256: known?.artifact(name) ?? null };
}

function refuseUnknown({ artifacts }: Project, given: ReadonlyMap<string, string>): void {
  for (const name of given.keys()) {
    if (artifacts.has(name)) continue;
    const near = nearest(name, [...artifacts.keys()]);
    throw new DwtError('USAGE', `There is no artifact "${name}" to give a file for.`, {
      hint: near
        ? `Did you mean "${near}"?`
        : artifacts.size > 0
          ? `Artifacts are ${[...artifacts.keys()].join(', ')}.`
          : 'dwt.yaml names them under "artifacts:".',
    });
  }
}

/** What a feature leaves out is left out for all stages, so each has to say that it needs it. */
function namesRead({ project, context, stages }: ArtifactsToPlan): Set<string> {
  const names = new Set<string>();
  for (const stage of stages) {
    const { needs = [], features = new Map<string, Feature>() } = project.settings.get(stage.name) ?? {};
    const declared = [...needs, ...[...features.values()].flatMap((feature) => feature.needs)];
    for (const name of context.artifacts([stage])) {
      names.add(name);
      if (declared.includes(name)) continue;
      const { file } = project.hierarchy;
      throw new DwtError(
        'PROJECT_INVALID',
        `The stage "${stage.name}" reads artifacts/${name}, and dwt.yaml does not say that it needs the artifact ${name}.`,
        {
          location: { file, line: stage.lines.start },
          hint: `Add ${name} to "needs" of the stage there, or of the feature that takes it.`,
        },
      );
    }
  }
  return names;
}

function warnOfUnused(given: ReadonlyMap<string, string>, names: ReadonlySet<string>, emit: Emit): void {
  for (const name of given.keys()) {
    if (names.has(name)) continue;
    emit({
      type: 'warning',
      message: `The file for the artifact ${name} is not used: no stage at hand reads artifacts/${name}.`,
    });
  }
}
