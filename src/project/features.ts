/** Features: the optional parts of stages, which `--without NAME` leaves out by an argument of the Dockerfile. */
import { DwtError, type Location } from '../errors.ts';
import type { Stage } from '../hierarchy/hierarchy.ts';
import { nearest } from '../hierarchy/select.ts';
import type { Feature, Project } from './project.ts';

/** The argument that a feature is in the Dockerfile: `WITH_` and its name, empty where it is left out. */
export const featureArgument = (feature: string): string =>
  `WITH_${feature.toUpperCase().replaceAll('-', '_')}`;

/** The build arguments that leave these features out. */
export const argumentsWithout = (features: Iterable<string>): Record<string, string> =>
  Object.fromEntries([...features].map((feature) => [featureArgument(feature), '']));

/**
 * What `--without` names, each once.
 *
 * @throws DwtError FEATURE_UNKNOWN with the nearest feature
 */
export function readWithout(words: readonly string[], features: ReadonlySet<string>): ReadonlySet<string> {
  for (const word of words) {
    if (features.has(word)) continue;
    const near = nearest(word, [...features]);
    throw new DwtError('FEATURE_UNKNOWN', `There is no feature "${word}" to be left out.`, {
      hint: near
        ? `Did you mean "${near}"?`
        : features.size > 0
          ? `Features are ${[...features].join(', ')}.`
          : 'No stage of this project has features; dwt.yaml names them under "features:" of a stage.',
    });
  }
  return new Set(words);
}

/**
 * A feature is left out in one way only, so that the image's label tells the truth of it.
 *
 * @throws DwtError USAGE for a `--build-arg` that is a feature's
 */
export function refuseFeatureArguments(
  buildArguments: Readonly<Record<string, string>>,
  features: ReadonlySet<string>,
): void {
  for (const feature of features) {
    const argument = featureArgument(feature);
    if (!Object.hasOwn(buildArguments, argument)) continue;
    throw new DwtError('USAGE', `${argument} is the argument of the feature "${feature}".`, {
      hint: `Leave the feature out with --without ${feature}, or take --build-arg ${argument} away to have it.`,
    });
  }
}

/**
 * A feature that the Dockerfile does not know could neither be left out nor be said to be in.
 *
 * @param at Where the project file names the feature.
 * @throws DwtError PROJECT_INVALID
 */
export function checkFeature(
  feature: string,
  stage: Stage,
  without: ReadonlySet<string>,
  dockerfile: string,
  at: Location,
): void {
  const argument = featureArgument(feature);
  const value = stage.arguments.get(argument);
  if (value || (value !== undefined && without.has(feature))) return;
  const where = `after line ${stage.lines.start} of ${dockerfile}`;
  throw new DwtError(
    'PROJECT_INVALID',
    value === undefined
      ? `The stage "${stage.name}" has the feature "${feature}" here and no ARG ${argument} in ${dockerfile}.`
      : `The feature "${feature}" of the stage "${stage.name}" is always left out: its ARG ${argument} is empty.`,
    { location: at, hint: `Write ARG ${argument}=yes ${where}: --without ${feature} makes it empty.` },
  );
}

/** Every feature of the stages, by name: one that several stages have is one feature. */
export const featuresOf = (project: Pick<Project, 'settings'>): ReadonlyMap<string, Feature> => {
  const features = new Map<string, Feature>();
  for (const settings of project.settings.values()) {
    for (const [name, { description, needs }] of settings.features) {
      const known = features.get(name);
      features.set(name, {
        description: known?.description ?? description,
        needs: [...new Set([...(known?.needs ?? []), ...needs])],
      });
    }
  }
  return features;
};
