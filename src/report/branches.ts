/** The lines that join the nodes of a drawn tree. */

export interface TreeNode {
  readonly name: string;
  readonly parent: string | null;
}

export interface TreeLine<T extends TreeNode> {
  readonly node: T;
  /** What stands before the node's own text: `│  ├─ `. */
  readonly branch: string;
  /** What stands before further lines of the node: the lines that go on to others. */
  readonly under: string;
}

/** Depth first, children in the order given; a node whose parent is not among them is a root. */
export function treeLines<T extends TreeNode>(nodes: readonly T[]): TreeLine<T>[] {
  const names = new Set(nodes.map(({ name }) => name));
  const children = new Map<string | null, T[]>();
  for (const node of nodes) {
    const parent = node.parent !== null && names.has(node.parent) ? node.parent : null;
    const siblings = children.get(parent);
    if (siblings) siblings.push(node);
    else children.set(parent, [node]);
  }
  const lines: TreeLine<T>[] = [];
  // A stack instead of recursion: a chain of a thousand stages is a legal Dockerfile.
  const stack = (children.get(null) ?? []).map((node) => ({ node, branch: '', indent: '' })).reverse();
  for (let next = stack.pop(); next; next = stack.pop()) {
    const { node, branch, indent } = next;
    const below = children.get(node.name) ?? [];
    lines.push({ node, branch, under: `${indent}${below.length > 0 ? '│  ' : '   '}` });
    for (let index = below.length - 1; index >= 0; index--) {
      const child = below[index];
      const last = index === below.length - 1;
      if (child)
        stack.push({
          node: child,
          branch: `${indent}${last ? '└─ ' : '├─ '}`,
          indent: `${indent}${last ? '   ' : '│  '}`,
        });
    }
  }
  return lines;
}
