/** What `dwt release`, `promote` and `rollback` did, for people. */
import type { PromoteResult } from '../workflows/promote.ts';
import type { ReleasedImage, ReleaseResult } from '../workflows/release-result.ts';
import type { RollbackResult } from '../workflows/rollback.ts';
import type { Paper } from './paper.ts';
import { renderTable } from './table.ts';

/** A tag that there was not before the release has nothing to be put back to. */
const takenAway = 'taken away';

const words = {
  released: 'released',
  prepared: 'prepared',
  present: 'present',
  release: 'to release',
} as const;

export async function renderRelease(result: ReleaseResult, paper: Paper): Promise<string> {
  return `${await renderImages(result.images, words, paper)}\n\n${summary(result)}`;
}

export async function renderPromotion(result: PromoteResult, paper: Paper): Promise<string> {
  const table = await renderImages(
    result.images,
    { ...words, released: 'promoted', release: 'to promote' },
    paper,
  );
  const { id } = result.from;
  return `${table}\n\n${summary(result)} From ${result.from.environment}${id === null ? '' : `, release ${id}`}.`;
}

export async function renderRollback(result: RollbackResult, paper: Paper): Promise<string> {
  const table = await renderImages(
    result.images,
    { ...words, released: 'put back', release: 'to put back' },
    paper,
  );
  const taken = `${result.id === null ? 'Would take' : 'Took'} back ${result.undone.join(', ')}.`;
  const now =
    result.inForce === null
      ? 'No release is in force in'
      : `${result.id === null ? 'In force would be' : 'In force is'} ${result.inForce} in`;
  return `${table}\n\n${taken} ${now} ${result.environment}.`;
}

function renderImages(
  images: readonly ReleasedImage[],
  names: Record<keyof typeof words, string>,
  paper: Paper,
): Promise<string> {
  const rows = images.map(({ reference, digest, action, error }) => [
    reference,
    action !== null
      ? action === 'released' && digest === null
        ? takenAway
        : names[action]
      : error === undefined
        ? 'not released'
        : error.exitStatus === 130
          ? 'cancelled'
          : 'FAILED',
    digest ?? '',
  ]);
  return renderTable(
    [{ title: 'IMAGE', shrink: true }, { title: 'RESULT' }, { title: 'DIGEST', optional: 71 }],
    rows,
    paper,
  );
}

function summary({ id, environment, images }: ReleaseResult): string {
  const failed = images.some(({ action }) => action === null);
  if (failed) return `Nothing was released to ${environment}: every tag is as it was.`;
  if (images.some(({ action }) => action === 'prepared'))
    return `Prepared as ${id}. \`dwt release --env ${environment} --id ${id} --finish\` moves the tags.`;
  if (images.every(({ action }) => action === 'present')) return `${environment} has all of this already.`;
  return id === null ? `Nothing was sent to ${environment}.` : `Release ${id} is in force in ${environment}.`;
}
