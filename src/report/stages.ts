/** The hierarchy of stages, for people. */
import type { ListedStage } from '../workflows/stages.ts';
import { treeLines } from './branches.ts';
import type { Paper } from './paper.ts';
import { renderTable } from './table.ts';
import { formatBytes } from './units.ts';

export async function renderStages(stages: readonly ListedStage[], paper: Paper): Promise<string> {
  // Few projects have them, and the table is wide as it is.
  const hasFeatures = stages.some(({ features }) => features.length > 0);
  const rows = treeLines(stages).map(({ node, branch }) => [
    branch + node.name,
    node.kind,
    node.publish ? `${node.publish.suffix}:${node.publish.tag}` : '',
    builtWords(node),
    ...(hasFeatures ? [node.features.map(({ name }) => name).join(', ')] : []),
    node.description ?? '',
  ]);
  const columns = [
    { title: 'STAGE', shrink: true },
    { title: 'KIND' },
    { title: 'PUBLISHED AS', optional: 10 },
    { title: 'BUILT', align: 'right' as const },
    ...(hasFeatures ? [{ title: 'FEATURES' }] : []),
    { title: 'DESCRIPTION', shrink: true, optional: 20 },
  ];
  return renderTable(columns, rows, paper);
}

/** A shared stage gets no image of its own unless it is asked for. */
function builtWords({ kind, built, size }: ListedStage): string {
  if (built === null) return '?';
  if (built) return size === null ? 'yes' : formatBytes(size);
  return kind === 'shared' ? '' : 'no';
}
