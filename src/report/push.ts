/** What `dwt push` did, for people. */
import type { PushResult } from '../workflows/push-result.ts';
import type { Paper } from './paper.ts';
import { renderTable } from './table.ts';
import { formatSeconds } from './units.ts';

const words = { pushed: 'pushed', present: 'present', push: 'to push' } as const;

export async function renderPush({ images }: PushResult, paper: Paper): Promise<string> {
  const rows = images.map(({ reference, digest, action, seconds, error }) => [
    reference,
    action === null ? (error?.exitStatus === 130 ? 'cancelled' : 'FAILED') : words[action],
    digest ?? '',
    action === 'pushed' ? formatSeconds(seconds) : '',
  ]);
  // A digest that is cut is of no use to anybody: where it does not fit, --json has it. Names may be cut.
  return renderTable(
    [
      { title: 'IMAGE', shrink: true },
      { title: 'RESULT' },
      { title: 'DIGEST', optional: 71 },
      { title: 'TIME', align: 'right' },
    ],
    rows,
    paper,
  );
}
