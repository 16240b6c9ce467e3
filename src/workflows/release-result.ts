/** What a release hands back: an entry for each image, in the order of the Dockerfile. */
import type { DwtError } from '../errors.ts';
import type { Emit } from '../events.ts';
import { formatReference } from '../registry/reference.ts';
import type { ReleaseRecord } from '../release/record.ts';
import type { BuiltImage } from './build.ts';
import type { PushTarget } from './push-targets.ts';
import type { Before } from './release-state.ts';
import type { TestedImage } from './smoke-test.ts';

export interface ReleasedImage {
  readonly stage: string;
  readonly reference: string;
  /** What the registry has of it; null where it is not there. */
  readonly digest: string | null;
  /** What the tag pointed to before; null for nothing, absent where it did not come to that. */
  readonly former?: string | null;
  /**
   * `released`: its tag moved. `prepared`: it is up and its tag has not moved. `present`: it was there. `release`: it
   * would be released. Null: it was not released.
   */
  readonly action: 'released' | 'prepared' | 'present' | 'release' | null;
  readonly error?: DwtError;
}

export interface ReleaseResult {
  readonly id: string | null;
  readonly environment: string;
  readonly images: readonly ReleasedImage[];
  /** What was built on the way, or found. */
  readonly built?: readonly BuiltImage[];
  /** What was judged on the way. */
  readonly tested: readonly TestedImage[];
}

/** Nothing of what failed, and nothing of the others. */
export const stoppedEntries = (
  targets: readonly PushTarget[],
  failed: ReadonlyMap<string, DwtError>,
): ReleasedImage[] =>
  targets.map(({ stage, reference }) => {
    const error = failed.get(stage);
    return {
      stage,
      reference: formatReference(reference),
      digest: null,
      action: null,
      ...(error && { error }),
    };
  });

export const presentEntry = ({ stage, reference }: PushTarget, { images }: Before): ReleasedImage => ({
  stage,
  reference: formatReference(reference),
  digest: images.get(stage)?.digest ?? null,
  action: 'present',
});

/** One of what would be released, without a digest so far. */
export const dryEntry = ({ stage, reference }: PushTarget): ReleasedImage => ({
  stage,
  reference: formatReference(reference),
  digest: null,
  action: 'release',
});

export const recordedEntries = (
  { images }: ReleaseRecord,
  domain: string,
  action: 'released' | 'prepared',
): ReleasedImage[] =>
  images.map(({ stage, repository: path, tag, digest, former }) => ({
    stage,
    reference: formatReference({ domain, path, tag, digest: null }),
    digest,
    ...(former !== undefined && { former }),
    action: former !== undefined && former === digest ? 'present' : action,
  }));

/** A stage that needs nothing has a line in the display all the same. */
export function tellPresent({ stage }: PushTarget, { images }: Before, emit: Emit): void {
  const { repository, digest } = images.get(stage) ?? {};
  emit({ type: 'task-queued', task: stage, parent: null, title: stage });
  emit({
    type: 'task-finished',
    task: stage,
    outcome: 'present',
    seconds: 0,
    detail: `${repository}@${digest}`,
  });
}
