/** Features: the optional parts of stages, which `--without NAME` leaves out, or `--with NAME` asks for, by an argument of the Dockerfile. */
import { DwtError, type Location } from '../errors.ts';
import type { Stage } from '../hierarchy/hierarchy.ts';
import { nearest } from '../hierarchy/select.ts';
import type { Feature, FeatureChoice, Project } from './project.ts';

/** The argument that a feature is in the Dockerfile: `WITH_` and its name, empty where it is left out. */
export const featureArgument = (feature: string): string =>
  `WITH_${feature.toUpperCase().replaceAll('-', '_')}`;

/** The build arguments that leave features out, and have those that are left out unless they are asked for. */
export const featureArguments = ({
  without,
  asked,
}: {
  readonly without: Iterable<string>;
  readonly asked: Iterable<string>;
}): Record<string, string> =>
  Object.fromEntries([
    ...[...without].map((feature) => [featureArgument(feature), '']),
    ...[...asked].map((feature) => [featureArgument(feature), 'yes']),
  ]);

/**
 * What `--with` and `--without` make of the features.
 *
 * @param features By name: whether the feature is left out unless it is asked for.
 * @throws DwtError FEATURE_UNKNOWN with the nearest feature; USAGE for one that both name
 */
export function chooseFeatures(
  words: { readonly with: readonly string[]; readonly without: readonly string[] },
  features: ReadonlyMap<string, boolean>,
): FeatureChoice {
  refuseUnknown(words.with, 'asked for', features);
  refuseUnknown(words.without, 'left out', features);
  const both = words.with.find((word) => words.without.includes(word));
  if (both !== undefined) {
    throw new DwtError('USAGE', `The feature "${both}" is asked for and left out.`, {
      hint: `Give --with ${both} or --without ${both}.`,
    });
  }
  const optional = [...features].filter(([, isOptional]) => isOptional).map(([name]) => name);
  const asked = new Set(optional.filter((name) => words.with.includes(name)));
  return { without: new Set([...words.without, ...optional.filter((name) => !asked.has(name))]), asked };
}

function refuseUnknown(words: readonly string[], what: string, features: ReadonlyMap<string, boolean>): void {
  const known = [...features.keys()];
  for (const word of words) {
    if (features.has(word)) continue;
    const near = nearest(word, known);
    throw new DwtError('FEATURE_UNKNOWN', `There is no feature "${word}" to be ${what}.`, {
      hint: near
        ? `Did you mean "${near}"?`
        : known.length > 0
          ? `Features are ${known.join(', ')}.`
          : 'No stage of this project has features; dwt.yaml names them under "features:" of a stage.',
    });
  }
}

/**
 * A feature is left out in one way only, so that the image's label tells the truth of it.
 *
 * @throws DwtError USAGE for a `--build-arg` that is a feature's
 */
export function refuseFeatureArguments(
  buildArguments: Readonly<Record<string, string>>,
  features: Iterable<string>,
): void {
  for (const feature of features) {
    const argument = featureArgument(feature);
    if (!Object.hasOwn(buildArguments, argument)) continue;
    throw new DwtError('USAGE', `${argument} is the argument of the feature "${feature}".`, {
      hint: `Take --build-arg ${argument} away; --without ${feature} leaves the feature out, --with ${feature} asks for one that is opt-in.`,
    });
  }
}

/**
 * A feature that the Dockerfile does not know could neither be left out nor be said to be in.
 *
 * @param optIn Whether the feature is left out unless it is asked for: `ARG WITH_NAME=` says the same to `docker build`.
 * @param at Where the project file names the feature.
 * @throws DwtError PROJECT_INVALID
 */
export function checkFeature(
  feature: string,
  optIn: boolean,
  stage: Stage,
  without: ReadonlySet<string>,
  dockerfile: string,
  at: Location,
): void {
  const argument = featureArgument(feature);
  const value = stage.arguments.get(argument);
  if (value || (value !== undefined && (optIn || without.has(feature)))) return;
  const where = `after line ${stage.lines.start} of ${dockerfile}`;
  throw new DwtError(
    'PROJECT_INVALID',
    value === undefined
      ? `The stage "${stage.name}" has the feature "${feature}" here and no ARG ${argument} in ${dockerfile}.`
      : `The feature "${feature}" of the stage "${stage.name}" is always left out: its ARG ${argument} is empty.`,
    {
      location: at,
      hint: optIn
        ? `Write ARG ${argument}= ${where}: --with ${feature} gives it a value.`
        : `Write ARG ${argument}=yes ${where}: --without ${feature} makes it empty.`,
    },
  );
}

/** Every feature of the stages, by name: one that several stages have is one feature. */
export const featuresOf = (project: Pick<Project, 'settings'>): ReadonlyMap<string, Feature> => {
  const features = new Map<string, Feature>();
  for (const settings of project.settings.values()) {
    for (const [name, { description, needs, optIn }] of settings.features) {
      const known = features.get(name);
      features.set(name, {
        description: known?.description ?? description,
        needs: [...new Set([...(known?.needs ?? []), ...needs])],
        optIn: known?.optIn || optIn,
      });
    }
  }
  return features;
};
