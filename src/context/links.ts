/** Where symbolic links lead, step by step, as a kernel would follow them, but never out of the context. */
import { DwtError } from '../errors.ts';
import type { ContextTree, Node } from './tree.ts';

// As many as Linux follows before it says that they go round in a circle.
const mostLinks = 40;

export interface Resolution {
  /** What the path leads to, or null where there is nothing. */
  readonly node: Node | null;
  /** The links that were followed on the way. */
  readonly links: readonly Node[];
}

/**
 * Follows a path from the context's root, links in its middle and at its end included.
 *
 * @throws DwtError CONTEXT_INVALID where a link on the way leaves the context
 */
export function resolvePath(tree: ContextTree, path: string): Resolution {
  const links: Node[] = [];
  /** What is still to be walked, last first, and the link that it was read from. */
  const rest: { readonly part: string; readonly link: Node | null }[] = [];
  const push = (text: string, link: Node | null): void => {
    for (const part of text.split('/').reverse()) rest.push({ part, link });
  };
  push(path, null);
  const trail: Node[] = [tree.root];
  /** Elements below something that is not there, or is no folder. */
  let beyond = 0;
  for (let next = rest.pop(); next !== undefined; next = rest.pop()) {
    const { part, link } = next;
    if (part === '' || part === '.') continue;
    if (part === '..') {
      if (beyond > 0) beyond--;
      else if (trail.length > 1) trail.pop();
      else if (link) throw leaves(link, tree);
      continue;
    }
    const here = trail.at(-1) ?? tree.root;
    const found = beyond === 0 && here.type === 'folder' ? tree.children(here).get(part) : undefined;
    if (!found) {
      beyond++;
    } else if (found.type === 'symlink') {
      if (links.length >= mostLinks) return { node: null, links };
      const target = tree.linkTarget(found);
      if (target.startsWith('/')) throw leaves(found, tree);
      links.push(found);
      push(target, found);
    } else {
      trail.push(found);
    }
  }
  return { node: beyond > 0 ? null : (trail.at(-1) ?? tree.root), links };
}

/** @throws DwtError CONTEXT_INVALID where the link, or one that it leads through, leaves the context */
export function checkLink(tree: ContextTree, link: Node): void {
  resolvePath(tree, link.path);
}

function leaves(link: Node, tree: ContextTree): DwtError {
  return new DwtError(
    'CONTEXT_INVALID',
    `${link.path} is a symbolic link that leaves the build context: it points to ${tree.linkTarget(link)}.`,
    {
      hint: 'Put the file itself there, make the link relative and inside the folder, or name it in .dockerignore.',
    },
  );
}
