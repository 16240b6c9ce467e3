/** The later parts of a release: what was prepared is put together, and what broke off goes on, with the same bits. */
import type { Engine } from '../engine/engine.ts';
import { DwtError } from '../errors.ts';
import { imageReference, type Project } from '../project/project.ts';
import { whoami } from '../release/ledger.ts';
import type { RecordedImage, ReleaseRecord } from '../release/record.ts';
import { pushTargets } from './push-targets.ts';
import { uploadAll } from './release.ts';
import type { Candidate } from './release-images.ts';
import { inState, publish } from './release-publish.ts';
import { environmentRegistry, type ReleaseRegistry, type TagWork } from './release-registry.ts';
import { type ReleaseResult, recordedEntries, stoppedEntries } from './release-result.ts';

interface Going extends TagWork {
  readonly env: string;
}

export interface FinishOptions extends Going {
  readonly id: string;
  /** Names and globs of the stages that have to be prepared; empty for those that are. */
  readonly stages: readonly string[];
}

/**
 * Moves the tags of all that was prepared under an id, together.
 *
 * @throws DwtError RELEASE_UNKNOWN, RELEASE_UNFINISHED, and what `publish` throws
 */
export async function finishRelease(options: FinishOptions): Promise<ReleaseResult> {
  const { project, env, id, environment } = options;
  const registry = await environmentRegistry(project, env, options);
  const begun = await registry.ledger.read(id);
  // It was finished before, or broke off while it was: both go on with what that record says.
  if (begun) return goOn(begun, registry, options);
  const parts = await registry.ledger.parts(id);
  const [first] = parts;
  if (!first) {
    throw new DwtError('RELEASE_UNKNOWN', `Nothing was prepared for ${env} under the id ${id}.`, {
      hint: `Prepare it first: dwt release STAGE… --env ${env} --id ${id} --prepare`,
    });
  }
  const images = together(parts);
  if (options.stages.length > 0) {
    const wanted = pushTargets(project, options.stages, { env }, environment).map(({ stage }) => stage);
    refuseUnprepared(
      wanted.filter((stage) => !images.has(stage)),
      options,
    );
  }
  const order = new Map(project.hierarchy.stages.map(({ name }, index) => [name, index]));
  const place = ({ stage }: RecordedImage): number => order.get(stage) ?? order.size;
  const now = new Date().toISOString();
  const ready: ReleaseRecord = {
    ...inState(first, 'prepared'),
    by: whoami(environment),
    startedAt: parts.map(({ startedAt }) => startedAt).sort()[0] ?? now,
    images: [...images.values()].sort((a, b) => place(a) - place(b)),
  };
  return goOn(await registry.ledger.write(ready), registry, options);
}

/** Of an image that several parts have, all have to have the same. */
function together(parts: readonly ReleaseRecord[]): Map<string, RecordedImage> {
  const images = new Map<string, RecordedImage>();
  for (const image of parts.flatMap((part) => part.images)) {
    const other = images.get(image.stage);
    if (other && other.digest !== image.digest) {
      throw new DwtError(
        'RELEASE_UNFINISHED',
        `${image.stage} was prepared twice, as two different images.`,
        {
          hint: 'Prepare each stage once, or choose another --id for the second try.',
        },
      );
    }
    images.set(image.stage, image);
  }
  return images;
}

function refuseUnprepared(missing: readonly string[], { env, id }: FinishOptions): void {
  if (missing.length === 0) return;
  throw new DwtError(
    'RELEASE_UNFINISHED',
    `${missing.join(', ')} ${missing.length === 1 ? 'is' : 'are'} not prepared under the id ${id}.`,
    {
      hint: `Prepare them first: dwt release ${missing.join(' ')} --env ${env} --id ${id} --prepare`,
    },
  );
}

export interface ResumeOptions extends Going {
  readonly engine: () => Promise<Engine>;
  /** Null for the last one that was begun. */
  readonly id: string | null;
  readonly uploads: number;
  readonly buildArguments: Readonly<Record<string, string>>;
}

/**
 * Goes on with a release that broke off, with the images that it had.
 *
 * @throws DwtError RELEASE_UNKNOWN, IMAGE_NOT_BUILT, and what `publish` throws
 */
export async function resumeRelease(options: ResumeOptions): Promise<ReleaseResult> {
  const { project, env, environment } = options;
  const registry = await environmentRegistry(project, env, options);
  const record = options.id === null ? await registry.ledger.last() : await registry.ledger.read(options.id);
  if (record === null) {
    throw new DwtError(
      'RELEASE_UNKNOWN',
      options.id === null
        ? `Nothing was released to ${env} so far.`
        : `There is no release ${options.id} in ${env}.`,
      { hint: `Begin one: dwt release --env ${env}` },
    );
  }
  if (record.state !== 'begun') return goOn(record, registry, options);
  const stages = record.images.map(({ stage }) => stage);
  const targets = pushTargets(project, stages, { env }, environment);
  const engine = await options.engine();
  const candidates = await Promise.all(
    record.images
      .filter(({ digest }) => digest === null)
      .map((image) => candidateAgain(image, project, engine)),
  );
  const ready = await uploadAll(record, candidates, targets, registry, {
    ...options,
    engine,
    build: { buildArguments: options.buildArguments },
  });
  if (ready instanceof Map)
    return { id: record.id, environment: env, images: stoppedEntries(targets, ready), tested: [] };
  return goOn(ready, registry, options);
}

async function candidateAgain(image: RecordedImage, project: Project, engine: Engine): Promise<Candidate> {
  const { stage, imageId, report } = image;
  const found = await engine.inspectImage(imageReference(project, stage));
  if (imageId !== null && report !== null && found?.id === imageId) return { ...image, imageId, report };
  throw new DwtError(
    'IMAGE_NOT_BUILT',
    `The engine has ${found?.id ?? 'no image'} as ${stage}, and the release was begun with ${imageId}.`,
    { hint: 'The same bits are gone, so it cannot go on: run `dwt release` without --resume.' },
  );
}

async function goOn(
  record: ReleaseRecord,
  registry: ReleaseRegistry,
  options: Going,
): Promise<ReleaseResult> {
  const done = record.state === 'completed';
  const completed = done ? record : await publish(record, { ...options, registry });
  const entries = recordedEntries(completed, registry.domain, 'released');
  return {
    id: record.id,
    environment: options.env,
    images: done ? entries.map((entry) => ({ ...entry, action: 'present' as const })) : entries,
    tested: [],
  };
}
