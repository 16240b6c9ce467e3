/** Environments that take an image only with every feature of its stage, and with no stand-in. */
import type { Engine } from '../engine/engine.ts';
import { DwtError } from '../errors.ts';
import { closure } from '../hierarchy/select.ts';
import { standInsOf } from '../plan/stand-ins.ts';
import { featureArgument, featuresOf } from '../project/features.ts';
import type { Project } from '../project/project.ts';
import type { PushTarget } from './push-targets.ts';

/**
 * Looks at the labels of all images before anything is sent.
 *
 * @throws DwtError FEATURE_MISSING, naming every image and what it lacks, or has only a stand-in for
 */
export async function refuseIncomplete(
  project: Project,
  targets: readonly PushTarget[],
  engine: Pick<Engine, 'inspectImage'>,
): Promise<void> {
  const labels = new Map<string, Readonly<Record<string, string>> | null>();
  await Promise.all(
    targets.map(async ({ stage, image, completeFor }) => {
      if (completeFor !== undefined) labels.set(stage, (await engine.inspectImage(image))?.labels ?? null);
    }),
  );
  // An image that is not there is told of by the push itself.
  refuseLabelled(project, targets, (stage) => labels.get(stage) ?? null);
}

/**
 * The same of labels that are known, or planned.
 *
 * @throws DwtError FEATURE_MISSING, naming every image and what it lacks
 */
export function refuseLabelled(
  project: Project,
  targets: readonly PushTarget[],
  labelsOf: (stage: string) => Readonly<Record<string, string>> | null,
): void {
  const incomplete = targets.flatMap(({ stage, completeFor }) => {
    const labels = completeFor === undefined ? null : labelsOf(stage);
    const lacks = labels ? lackingFeatures(project, stage, labels) : [];
    const standIns = labels ? standInsOf(labels) : [];
    return lacks.length + standIns.length > 0 ? [{ stage, lacks, standIns, completeFor }] : [];
  });
  if (incomplete.length === 0) return;
  const images = incomplete
    .map(({ stage, lacks, standIns }) => {
      const flaws = [
        ...(lacks.length > 0 ? [`lacks ${lacks.join(' and ')}`] : []),
        ...(standIns.length > 0 ? [`has a stand-in for ${standIns.join(' and ')}`] : []),
      ];
      return `${stage} ${flaws.join(' and ')}`;
    })
    .join('; ');
  const names = incomplete.map(({ stage }) => stage).join(' ');
  const how = incomplete.some(({ standIns }) => standIns.length > 0) ? 'the real files' : 'them';
  throw new DwtError(
    'FEATURE_MISSING',
    `${incomplete[0]?.completeFor} takes images with all their features, and ${images}. Nothing was pushed.`,
    { hint: `Build again with ${how}: dwt build ${names}` },
  );
}

/** Features of the stage, and of what it stands on, that the label does not say to be in; of those that nobody has to ask for. */
export function lackingFeatures(
  project: Project,
  stage: string,
  labels: Readonly<Record<string, string>>,
): string[] {
  const said = labels['dwt.features']?.split(',') ?? [];
  const stages = closure(project.hierarchy, [stage]);
  const features = featuresOf(project);
  const demanded = [...features].filter(([, { optIn }]) => !optIn).map(([name]) => name);
  const own = demanded.filter((feature) =>
    stages.some((each) => each.arguments.has(featureArgument(feature))),
  );
  const leftOut = said
    .filter((text) => text.startsWith('-'))
    .map((text) => text.slice(1))
    .filter((feature) => !features.get(feature)?.optIn);
  return [...new Set([...own.filter((feature) => !said.includes(feature)), ...leftOut])].sort();
}
