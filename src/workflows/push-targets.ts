/** Which image goes where. */
import { DwtError } from '../errors.ts';
import { selectStages } from '../hierarchy/select.ts';
import { resolveEnvironment } from '../project/environments.ts';
import { imageReference, type Project, type Publish, type RepositorySettings } from '../project/project.ts';
import { formatReference, parseReference, parseRegistry, type Reference } from '../registry/reference.ts';

export interface PushTarget {
  readonly stage: string;
  /** The image's name on the engine. */
  readonly image: string;
  readonly reference: Reference;
  /** Environment that takes the image only with every feature of its stage. */
  readonly completeFor?: string;
  /** The environment that takes the image only if it was proved, and whether its page has to be. */
  readonly proof?: { readonly env: string; readonly page: boolean };
}

/** An environment of the project file, or `HOST[/PATH]` in its place. */
export type Destination = { readonly env: string } | { readonly registry: string };

/**
 * The targets that a command line means, in file order. Without patterns, every stage that is published; a glob leaves
 * out the stages that are not.
 *
 * @param patterns names and globs
 * @throws DwtError STAGE_UNKNOWN; USAGE for a stage that is named and not published; REFERENCE_INVALID; PROJECT_INVALID
 * where two stages would be published under one name; what `resolveEnvironment` throws.
 */
export function pushTargets(
  project: Project,
  patterns: readonly string[],
  destination: Destination,
  environment: Readonly<Record<string, string | undefined>>,
): PushTarget[] {
  const published = publishedStages(project);
  const name = naming(project, destination, environment);
  const env = 'env' in destination ? destination.env : undefined;
  const { allFeatures = false, proved = null } = (env !== undefined && project.environments.get(env)) || {};
  const targets = selectPublished(project, patterns, published).map((stage) => {
    const publish = published.get(stage) as Publish;
    return {
      stage,
      image: imageReference(project, stage),
      reference: parseReference(name(publish)),
      ...(env !== undefined && allFeatures && { completeFor: env }),
      ...(env !== undefined && proved !== null && { proof: { env, page: proved === 'page' } }),
    };
  });
  refuseDoubles(targets);
  return targets;
}

function publishedStages(project: Project): Map<string, Publish> {
  const published = new Map<string, Publish>();
  for (const { name } of project.hierarchy.stages) {
    const publish = project.settings.get(name)?.publish;
    if (publish) published.set(name, publish);
  }
  if (published.size > 0 || project.environments.size > 0) return published;
  // A project that says nothing of publishing publishes its images under their own names.
  for (const { name } of project.hierarchy.stages) {
    const { kind = 'shared' } = project.settings.get(name) ?? {};
    if (kind !== 'shared') published.set(name, { suffix: name, tag: 'latest' });
  }
  return published;
}

function selectPublished(
  project: Project,
  patterns: readonly string[],
  published: ReadonlyMap<string, Publish>,
): string[] {
  const all = project.hierarchy.stages.map(({ name }) => name);
  const selected = selectStages(patterns, all);
  const unpublished = patterns.find(
    (pattern) => all.includes(pattern.toLowerCase()) && !published.has(pattern.toLowerCase()),
  );
  if (unpublished !== undefined) {
    throw new DwtError('USAGE', `Stage ${unpublished} is not published.`, {
      hint: `Give it \`publish: {suffix: …, tag: …}\` in dwt.yaml, or choose from ${[...published.keys()].join(', ') || 'none so far'}.`,
    });
  }
  const stages = selected.filter((stage) => published.has(stage));
  if (stages.length > 0) return stages;
  throw new DwtError(
    'USAGE',
    patterns.length === 0
      ? 'No stage of this project is published.'
      : `No stage that ${patterns.join(' or ')} matches is published.`,
    {
      hint: 'Give a stage `publish: {suffix: …, tag: …}` in dwt.yaml.',
    },
  );
}

function naming(
  project: Project,
  destination: Destination,
  environment: Readonly<Record<string, string | undefined>>,
): (publish: Publish) => string {
  if ('registry' in destination) {
    const { domain, path } = parseRegistry(destination.registry);
    const prefix = path === null ? domain : `${domain}/${path}`;
    return ({ suffix, tag }) => `${prefix}/${suffix}:${tag}`;
  }
  const { registry, repository } = resolveEnvironment(project, destination.env, environment);
  const { domain, path } = parseRegistry(registry);
  const prefix = path === null ? domain : `${domain}/${path}`;
  return ({ suffix, tag }) => `${prefix}/${repository.replaceAll('{suffix}', suffix)}:${tag}`;
}

function refuseDoubles(targets: readonly PushTarget[]): void {
  const taken = new Map<string, string>();
  for (const { stage, reference } of targets) {
    const name = formatReference(reference);
    const other = taken.get(name);
    if (other !== undefined) {
      throw new DwtError('PROJECT_INVALID', `${other} and ${stage} would both be published as ${name}.`, {
        hint: 'Give one of them another publish.suffix or publish.tag in dwt.yaml; nothing was sent.',
      });
    }
    taken.set(name, stage);
  }
}

/** How a destination's missing repositories are made. */
export const repositorySettings = (project: Project, destination: Destination): RepositorySettings =>
  ('env' in destination && project.environments.get(destination.env)?.create) || {
    immutable: false,
    scan: false,
  };
