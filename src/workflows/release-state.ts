/** What an environment has, so that only what differs is released. */
import pLimit from 'p-limit';
import type { Project } from '../project/project.ts';
import { contractDigest } from '../proof/contract-digest.ts';
import { standingImages } from '../release/history.ts';
import { usualLockTimes } from '../release/lock.ts';
import type { RecordedImage, ReleaseRecord } from '../release/record.ts';
import type { PushTarget } from './push-targets.ts';
import { refuseUnfinished } from './release-publish.ts';
import type { ReleaseRegistry } from './release-registry.ts';

/** How many tags are asked for at once. */
const questionsAtOnce = 16;

/** What an environment has of the images that are asked for. */
export interface Before {
  /** The release in force; null for none. */
  readonly inForce: string | null;
  /** By stage: what the last release says, where its tag still points there. */
  readonly images: ReadonlyMap<string, RecordedImage>;
  /** Stages that were released, and whose tag somebody else has moved since. */
  readonly moved: ReadonlySet<string>;
}

/** @throws DwtError RELEASE_UNFINISHED */
export async function stateOf(
  env: string,
  targets: readonly PushTarget[],
  registry: ReleaseRegistry,
): Promise<Before> {
  const { client, ledger, reliably } = registry;
  const limit = pLimit(questionsAtOnce);
  const [digests, history] = await Promise.all([
    Promise.all(
      targets.map(({ reference: { path, tag } }) =>
        limit(() => reliably(path, tag ?? 'latest', () => client.digestOf(path, tag ?? 'latest'))),
      ),
    ),
    historyOf(targets, ledger),
  ]);
  await refuseUnfinished({ id: '', environment: env }, ledger, {
    // What was begun since may be at work: the lock will tell.
    olderThanMs: usualLockTimes.expiryMs,
  });
  const standing = new Map(
    standingImages(history).map((image) => [`${image.repository}:${image.tag}`, image]),
  );
  const images = new Map<string, RecordedImage>();
  const moved = new Set<string>();
  for (const [index, { stage, reference }] of targets.entries()) {
    const image = standing.get(`${reference.path}:${reference.tag ?? 'latest'}`);
    if (!image || image.digest === null) continue;
    if (image.digest === digests[index]) images.set(stage, image);
    else moved.add(stage);
  }
  return { inForce: history[0]?.id ?? null, images, moved };
}

/** The releases in force, as far back as the images that are asked for are in them. */
async function historyOf(
  targets: readonly PushTarget[],
  ledger: ReleaseRegistry['ledger'],
): Promise<ReleaseRecord[]> {
  const missing = new Set(targets.map(({ reference: { path, tag } }) => `${path}:${tag ?? 'latest'}`));
  const history: ReleaseRecord[] = [];
  for await (const record of ledger.history()) {
    history.push(record);
    for (const { repository, tag } of record.images) missing.delete(`${repository}:${tag}`);
    if (missing.size === 0) break;
  }
  return history;
}

/** Whether an image is released already, and proved by all that is asked for. */
export function isThere(
  imageId: string | null,
  stage: string,
  { images }: Before,
  project: Project,
  withPages: boolean,
): boolean {
  const image = images.get(stage);
  const settings = project.settings.get(stage);
  if (imageId === null || image?.imageId !== imageId || !image.report || !settings) return false;
  const { contract, withPages: looked } = image.report;
  return contract === contractDigest(settings.kind, settings.checks) && (looked || !withPages);
}
