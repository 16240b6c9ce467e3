/** What an image was judged by, as one value: a verdict counts for as long as the same is asked of the image. Pure. */
import { createHash } from 'node:crypto';
import type { CheckSettings, Kind } from '../project/project.ts';

/** Raised when the judges learn something that images which passed before may fail. */
const judges = 1;

/** Of the kind, and of what the stage declares beyond its contract. */
export function contractDigest(kind: Kind, checks: CheckSettings): string {
  const asked = JSON.stringify({ judges, kind, checks }, (_key, value: unknown) =>
    typeof value === 'object' && value !== null && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1)))
      : value,
  );
  return createHash('sha256').update(asked).digest('hex');
}
