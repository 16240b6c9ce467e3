/** Further tags of what is pushed, beside the one that its stage has in dwt.yaml. */
import type { Engine, ImageDetails } from '../engine/engine.ts';
import { DwtError } from '../errors.ts';
import { formatReference, type Reference, withTag } from '../registry/reference.ts';
import type { PushTarget } from './push-targets.ts';

const revisionLabel = 'org.opencontainers.image.revision';

/** What a template may name. All of it is the image's own, so that the same image has the same tags whenever it is pushed. */
const values: Readonly<Record<string, (target: PushTarget, image: ImageDetails) => string | undefined>> = {
  tag: ({ reference }) => reference.tag ?? undefined,
  stage: ({ stage }) => stage,
  revision: (_, { labels }) => labels[revisionLabel],
  date: (_, { created }) => /^\d{4}-\d\d-\d\d/.exec(created)?.[0],
};

const placeholder = /\{([^{}]*)\}/g;

/** @throws DwtError USAGE for a placeholder that there is not; REFERENCE_INVALID for what no tag can be */
export function checkTagTemplate(template: string): void {
  for (const [whole, name = ''] of template.matchAll(placeholder)) {
    if (Object.hasOwn(values, name)) continue;
    throw new DwtError('USAGE', `--tag ${template} asks for ${whole}, and there is no such thing.`, {
      hint: `A tag may hold ${Object.keys(values)
        .map((known) => `{${known}}`)
        .join(', ')}.`,
    });
  }
  // Whatever a placeholder stands for is what a tag may hold, from its first letter on.
  withTag({ domain: 'registry.example.com', path: 'image' }, template.replaceAll(placeholder, 'x'));
}

/**
 * The further names of each target, by its stage, in the order of the templates; the target's own is not among them.
 *
 * @throws DwtError USAGE where an image does not have what a template asks for, or two images would get one name
 */
export async function furtherNames(
  targets: readonly PushTarget[],
  templates: readonly string[],
  engine: Pick<Engine, 'inspectImage'>,
): Promise<Map<string, Reference[]>> {
  const names = new Map<string, Reference[]>();
  if (templates.length === 0) return names;
  await Promise.all(
    targets.map(async (target) => {
      const image = await engine.inspectImage(target.image);
      // An image that is not there is told of by the push itself.
      if (image) names.set(target.stage, namesOf(target, templates, image));
    }),
  );
  refuseClashes(targets, names);
  return names;
}

function namesOf(target: PushTarget, templates: readonly string[], image: ImageDetails): Reference[] {
  const tags = new Set(templates.map((template) => expand(template, target, image)));
  tags.delete(target.reference.tag ?? '');
  return [...tags].map((tag) => withTag(target.reference, tag));
}

function expand(template: string, target: PushTarget, image: ImageDetails): string {
  return template.replaceAll(placeholder, (whole, name: string) => {
    const value = values[name]?.(target, image);
    if (value !== undefined) return value;
    throw new DwtError('USAGE', `--tag ${template}: the image of ${target.stage} has no ${name}.`, {
      hint: `Build it in a git checkout, with git installed, so that it gets one; or push without ${whole}. Nothing was pushed.`,
    });
  });
}

function refuseClashes(
  targets: readonly PushTarget[],
  names: ReadonlyMap<string, readonly Reference[]>,
): void {
  const owners = new Map(targets.map(({ stage, reference }) => [formatReference(reference), stage]));
  for (const { stage } of targets) {
    for (const name of (names.get(stage) ?? []).map(formatReference)) {
      const other = owners.get(name);
      if (other !== undefined) {
        throw new DwtError('USAGE', `${other} and ${stage} would both be published as ${name}.`, {
          hint: "They share a repository: put {tag} or {stage} into --tag, such as --tag '{tag}-{revision}'. Nothing was pushed.",
        });
      }
      owners.set(name, stage);
    }
  }
}
