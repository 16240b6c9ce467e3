/** Which files of the context one source of COPY, ADD or a bind mount stands for, found as BuildKit finds them. */
import { posix } from 'node:path';
import type { ContextEntry } from './entry.ts';
import { compileGlob, splitGlob } from './glob.ts';
import { checkLink, resolvePath } from './links.ts';
import type { ContextTree, Node } from './tree.ts';

/** How the source's text is read: with wildcards in COPY and ADD, without in a mount. */
export type SourceKind = 'glob' | 'path';

export interface Missing {
  readonly path: string;
  readonly why: 'absent' | 'ignored' | 'link to nothing';
}

export interface Selection {
  /** Sorted by path, each once; folders above the source are not among them. */
  readonly entries: readonly ContextEntry[];
  /** What the engine would not find, or null. A plain path must be there; wildcards may match nothing. */
  readonly missing: Missing | null;
}

export function selectSource(tree: ContextTree, source: string, kind: SourceKind): Selection {
  const path = posix.join('/', source).slice(1).replace(/\/$/, '');
  const selected = new Map<string, ContextEntry>();
  const { base, glob } = kind === 'path' ? { base: path, glob: '' } : splitGlob(path);
  const { node, links } = resolvePath(tree, base);
  if (!node) return nothing(base, links.length > 0 ? 'link to nothing' : 'absent');
  if (!tree.isVisible(node)) return nothing(base, 'ignored');
  for (const link of links) selected.set(link.path, tree.entry(link));
  let missing: Missing | null = null;
  if (glob === '') addAll(tree, node, selected);
  else if (node.type === 'folder') {
    const depth = glob.split('/').length;
    for (const match of matching(tree, node, compileGlob(glob), depth)) {
      missing ??= addMatch(tree, match, selected);
    }
  }
  return { entries: sorted(selected), missing };
}

const nothing = (path: string, why: Missing['why']): Selection => ({ entries: [], missing: { path, why } });

const sorted = (selected: ReadonlyMap<string, ContextEntry>): ContextEntry[] =>
  [...selected.values()].sort(byPath);

export const byPath = (a: { path: string }, b: { path: string }): number =>
  a.path < b.path ? -1 : a.path > b.path ? 1 : 0;

/** A node and everything below it; the root itself is no entry. */
function addAll(tree: ContextTree, node: Node, selected: Map<string, ContextEntry>): void {
  if (node.type === 'symlink') checkLink(tree, node);
  if (node.path !== '') selected.set(node.path, tree.entry(node));
  if (node.type !== 'folder') return;
  for (const child of tree.children(node).values()) if (tree.isVisible(child)) addAll(tree, child, selected);
}

/** What matches below `base`, down to `depth`; what is below a match comes with it. */
function* matching(
  tree: ContextTree,
  base: Node,
  matches: (path: string) => boolean,
  depth: number,
  folder = base,
  level = 1,
): Generator<Node> {
  const start = base.path === '' ? 0 : base.path.length + 1;
  for (const child of tree.children(folder).values()) {
    if (!tree.isVisible(child)) continue;
    if (matches(child.path.slice(start))) yield child;
    else if (child.type === 'folder' && level < depth) {
      yield* matching(tree, base, matches, depth, child, level + 1);
    }
  }
}

/** COPY follows a link that is itself the source: both the link and what it leads to are read. */
function addMatch(tree: ContextTree, node: Node, selected: Map<string, ContextEntry>): Missing | null {
  if (node.type !== 'symlink') {
    addAll(tree, node, selected);
    return null;
  }
  const { node: target, links } = resolvePath(tree, node.path);
  if (!target) return { path: node.path, why: 'link to nothing' };
  if (!tree.isVisible(target)) return { path: target.path, why: 'ignored' };
  for (const link of links) selected.set(link.path, tree.entry(link));
  addAll(tree, target, selected);
  return null;
}
