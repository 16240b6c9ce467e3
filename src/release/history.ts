/** What the releases of an environment amount to: which image each tag has, and had. */
import type { RecordedImage, ReleaseRecord } from './record.ts';

export interface Place {
  readonly stage: string;
  readonly repository: string;
  readonly tag: string;
}

export interface Standing extends Place {
  /** Null where there is to be no such tag. */
  readonly digest: string | null;
}

const placeOf = ({ repository, tag }: Place): string => `${repository}:${tag}`;

/**
 * The newest image of every place.
 *
 * @param records those in force, newest first
 */
export function standingImages(records: Iterable<ReleaseRecord>): RecordedImage[] {
  const images = new Map<string, RecordedImage>();
  for (const record of records)
    for (const image of record.images) if (!images.has(placeOf(image))) images.set(placeOf(image), image);
  return [...images.values()];
}

/**
 * What every tag that these releases moved pointed to before the oldest of them.
 *
 * @param records those that are to be taken back, newest first
 */
export function formerImages(records: Iterable<ReleaseRecord>): Standing[] {
  const former = new Map<string, Standing>();
  // A release that never came to move its tags has nothing to take back.
  for (const record of records)
    for (const { stage, repository, tag, former: digest } of record.images)
      if (digest !== undefined) former.set(`${repository}:${tag}`, { stage, repository, tag, digest });
  return [...former.values()];
}
