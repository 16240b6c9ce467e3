/** What `dwt build` did, for people. */
import type { BuildResult } from '../workflows/build.ts';
import type { Paper } from './paper.ts';
import { shortId } from './short-id.ts';
import { renderTable } from './table.ts';
import { formatBytes, formatSeconds } from './units.ts';

export async function renderBuild({ images, seconds }: BuildResult, paper: Paper): Promise<string> {
  if (images.length === 0) return 'No images.';
  const rows = images.map(({ reference, id, action, size, seconds: took, error }) => [
    reference.replace(/:latest$/, ''),
    action ?? (error?.exitStatus === 130 || error?.code === 'BUILD_CANCELLED' ? 'cancelled' : 'FAILED'),
    id === null ? '' : shortId(id),
    size === null ? '' : formatBytes(size),
    action === 'reused' ? '' : formatSeconds(took),
  ]);
  const table = await renderTable(
    [
      { title: 'IMAGE', shrink: true },
      { title: 'RESULT' },
      { title: 'ID', optional: 12 },
      { title: 'SIZE', align: 'right' },
      { title: 'TIME', align: 'right' },
    ],
    rows,
    paper,
  );
  const count = (wanted: string): number => rows.filter(([, result]) => result === wanted).length;
  const parts = (['built', 'reused', 'FAILED', 'cancelled'] as const)
    .map((word) => ({ word, number: count(word) }))
    .filter(({ number }) => number > 0)
    .map(({ word, number }) =>
      paper.paint(
        word === 'FAILED' ? 'red' : word === 'cancelled' ? 'yellow' : 'green',
        `${number} ${word.toLowerCase()}`,
      ),
    );
  return `${table}\n\n${parts.join(', ')} in ${formatSeconds(seconds)}`;
}
