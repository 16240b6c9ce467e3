/** What the labels of the images on an engine tell of earlier builds of a project. */
import type { EngineImage } from '../engine/engine.ts';
import { imageReference, type Project } from '../project/project.ts';
import { readRecords, type StageRecord } from './record.ts';

export interface KnownImages {
  /** The image that has the stage's name, if that stage made it. */
  own(stage: string): EngineImage | null;
  /** What is recorded of the stage, its own image's record first. */
  records(stage: string): readonly StageRecord[];
  /** What an image from outside was when something was last built on it, or null. */
  identity(reference: string): string | null;
  /** The sha256 of an artifact that something was last built with, or null. */
  artifact(name: string): string | null;
  /** Values of `dwt.epoch`. */
  readonly epochs: readonly (string | undefined)[];
}

/**
 * @param images Those that carry `dwt.project` with the project's name. Their records are read when first asked for: a
 *   plan that changes nothing needs none.
 */
export function knownImages(project: Pick<Project, 'name'>, images: readonly EngineImage[]): KnownImages {
  const own = new Map<string, EngineImage>();
  for (const image of images) {
    const stage = image.labels['dwt.stage'];
    if (stage !== undefined && image.references.includes(imageReference(project, stage)))
      own.set(stage, image);
  }
  let read: Records | null = null;
  const records = (): Records => {
    read ??= readAll(images, own);
    return read;
  };
  return {
    own: (stage) => own.get(stage) ?? null,
    records: (stage) => records().byStage.get(stage) ?? [],
    identity: (reference) => records().identities.get(reference) ?? null,
    artifact: (name) => records().artifacts.get(name) ?? null,
    epochs: images.map(({ labels }) => labels['dwt.epoch']),
  };
}

interface Records {
  readonly byStage: ReadonlyMap<string, readonly StageRecord[]>;
  readonly identities: ReadonlyMap<string, string>;
  readonly artifacts: ReadonlyMap<string, string>;
}

function readAll(images: readonly EngineImage[], own: ReadonlyMap<string, EngineImage>): Records {
  const byStage = new Map<string, StageRecord[]>();
  const identities = new Map<string, string>();
  const artifacts = new Map<string, string>();
  // Images that have their name come first: what is recorded there is what the user last built.
  const current = new Set(own.values());
  for (const image of [...current, ...images.filter((other) => !current.has(other))]) {
    for (const [stage, record] of readRecords(image.labels['dwt.inputs'])) {
      const known = byStage.get(stage) ?? [];
      if (image === own.get(stage)) known.unshift(record);
      else if (!known.some(({ key }) => key === record.key)) known.push(record);
      byStage.set(stage, known);
      for (const [reference, identity] of Object.entries(record.images ?? {})) {
        if (identity !== null && !identities.has(reference)) identities.set(reference, identity);
      }
      for (const [name, sum] of Object.entries(record.artifacts ?? {})) {
        if (sum !== null && !artifacts.has(name)) artifacts.set(name, sum);
      }
    }
  }
  return { byStage, identities, artifacts };
}
