/** Which stages have most in common: what a CI server gives to one agent, so that no layer is built twice. */
import type { Hierarchy } from './hierarchy.ts';

export interface Family {
  /** The stage next to the root that all of them stand on. */
  readonly name: string;
  readonly stages: readonly string[];
}

/** The stages asked for, by the stage that each has next to the root that it stands on; in file order. */
export function families({ stages }: Hierarchy, asked: ReadonlySet<string>): Family[] {
  const parents = new Map(stages.map(({ name, parent }) => [name, parent]));
  const found = new Map<string, string[]>();
  for (const { name } of stages) {
    if (!asked.has(name)) continue;
    const family = familyOf(name, parents);
    const members = found.get(family);
    if (members) members.push(name);
    else found.set(family, [name]);
  }
  return [...found].map(([name, members]) => ({ name, stages: members }));
}

function familyOf(stage: string, parents: ReadonlyMap<string, string | null>): string {
  let family = stage;
  for (let parent = parents.get(stage); parent; parent = parents.get(parent)) {
    if (!parents.get(parent)) return family;
    family = parent;
  }
  return family;
}
