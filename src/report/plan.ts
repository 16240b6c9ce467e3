/** The plan, for programs and for people. */
import { families } from '../hierarchy/families.ts';
import type { Hierarchy } from '../hierarchy/hierarchy.ts';
import type { Plan } from '../plan/plan.ts';
import { treeLines } from './branches.ts';
import type { Paper } from './paper.ts';
import { shortId } from './short-id.ts';
import { renderTable } from './table.ts';

/** What the interface promises of each stage, and what helps beside it. */
export const planJson = ({ stages }: Plan, hierarchy: Hierarchy) => ({
  stages: stages.map(({ name, key, action, why, selected, reference }) => ({
    name,
    key,
    action,
    why,
    selected,
    reference,
  })),
  families: families(hierarchy, new Set(stages.filter(({ selected }) => selected).map(({ name }) => name))),
});

export async function renderPlan({ stages }: Plan, hierarchy: Hierarchy, paper: Paper): Promise<string> {
  const parents = new Map(hierarchy.stages.map(({ name, parent }) => [name, parent]));
  const nodes = stages.map((stage) => ({ ...stage, parent: parents.get(stage.name) ?? null }));
  const rows = treeLines(nodes).map(({ node, branch }) => [
    branch + node.name,
    node.action,
    shortId(node.key),
    node.why.map(({ detail }) => detail).join('; '),
  ]);
  const table = await renderTable(
    [{ title: 'STAGE' }, { title: 'ACTION' }, { title: 'KEY' }, { title: 'WHY', shrink: true }],
    rows,
    paper,
  );
  const builds = stages.filter(({ action }) => action === 'build').length;
  return `${table}\n\n${builds} to build, ${stages.length - builds} to reuse`;
}
