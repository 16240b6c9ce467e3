/** `dwt rollback`: puts every tag back to what it was before the last release, or right after an earlier one. */
import { DwtError } from '../errors.ts';
import { formerImages, type Standing } from '../release/history.ts';
import { whoami } from '../release/ledger.ts';
import { isHalfMoved, type ReleaseRecord } from '../release/record.ts';
import { newReleaseId } from '../release/release-id.ts';
import { toolVersion } from '../tool-version.ts';
import { publish } from './release-publish.ts';
import { environmentRegistry, type ReleaseRegistry, type TagWork } from './release-registry.ts';
import { type ReleaseResult, recordedEntries } from './release-result.ts';

export interface RollbackOptions extends TagWork {
  readonly env: string;
  /** The release to go back to; null for the one before the last. */
  readonly to: string | null;
  readonly dryRun: boolean;
}

export interface RollbackResult extends ReleaseResult {
  /** The releases that were taken back, newest first. */
  readonly undone: readonly string[];
  /** What is in force then; null for no release at all. */
  readonly inForce: string | null;
}

/** @throws DwtError RELEASE_UNKNOWN, MANIFEST_GONE, and what `publish` throws */
export async function rollback(options: RollbackOptions): Promise<RollbackResult> {
  const { project, env, environment, dryRun } = options;
  const registry = await environmentRegistry(project, env, options);
  const { undone, inForce } = await whatToUndo(registry, options);
  const now = new Date();
  const draft: ReleaseRecord = {
    version: 1,
    id: `${newReleaseId(now, null)}-rollback`,
    kind: 'rollback',
    state: 'prepared',
    project: project.name,
    environment: env,
    revision: null,
    by: whoami(environment),
    tool: toolVersion(),
    startedAt: now.toISOString(),
    at: now.toISOString(),
    previous: (await registry.ledger.current())?.inForce ?? null,
    inForce,
    images: formerImages(undone).map(recorded),
  };
  const result = (record: ReleaseRecord) => ({
    id: dryRun ? null : record.id,
    environment: env,
    images: recordedEntries(record, registry.domain, 'released').map((image) =>
      dryRun ? { ...image, action: 'release' as const } : image,
    ),
    tested: [],
    undone: undone.map(({ id }) => id),
    inForce,
  });
  if (dryRun) return result(draft);
  return result(await publish(draft, { ...options, registry, undoes: undone.map(({ id }) => id) }));
}

async function whatToUndo(
  { ledger }: ReleaseRegistry,
  { to, env }: RollbackOptions,
): Promise<{ undone: ReleaseRecord[]; inForce: string | null }> {
  const last = await ledger.last();
  const undone: ReleaseRecord[] = [];
  if (last && isHalfMoved(last)) {
    const inForce = (await ledger.current())?.inForce ?? null;
    undone.push(last);
    if (to === null || to === inForce) return { undone, inForce };
  }
  for await (const record of ledger.history()) {
    if (to === null && undone.length === 1) return { undone, inForce: record.id };
    if (record.id === to) return { undone: enough(undone, to, env), inForce: to };
    undone.push(record);
  }
  if (to === null && undone.length === 1) return { undone, inForce: null };
  throw to === null
    ? new DwtError('RELEASE_UNKNOWN', `Nothing was released to ${env} so far.`, {
        hint: `There is nothing to put back; dwt release --env ${env} begins.`,
      })
    : new DwtError('RELEASE_UNKNOWN', `${to} is no release that ${env} could go back to.`, {
        hint:
          undone.length > 0
            ? `Those are ${undone
                .map(({ id }) => id)
                .slice(0, 10)
                .join(', ')}.`
            : 'Nothing was released there so far.',
      });
}

function enough(undone: readonly ReleaseRecord[], to: string, env: string): ReleaseRecord[] {
  if (undone.length > 0) return [...undone];
  throw new DwtError('USAGE', `${to} is what ${env} has now.`, { hint: 'Name an earlier release.' });
}

const recorded = ({ stage, repository, tag, digest }: Standing) => ({
  stage,
  repository,
  tag,
  releaseTag: tag,
  imageId: null,
  digest,
  key: null,
  revision: null,
  report: null,
});
