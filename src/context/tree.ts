/** The context's folder as BuildKit would see it: read where asked, each folder once, ignored files left out. */
import { type BigIntStats, type Dirent, lstatSync, readdirSync, readlinkSync } from 'node:fs';
import { basename, join } from 'node:path';
import { DwtError } from '../errors.ts';
import type { ContextEntry, FileStamp } from './entry.ts';
import type { IgnoreRules, MatchInfo } from './ignore.ts';

export interface Node {
  /** Relative to the context's root, with `/`; empty for the root. */
  readonly path: string;
  readonly type: 'folder' | 'file' | 'symlink' | 'artifact' | 'other';
  readonly ignored: boolean;
  readonly info: MatchInfo;
}

/** Artifacts are in this folder of the context, by name, whatever the project's own folder has there. */
const artifactFolder = 'artifacts';

export class ContextTree {
  readonly folder: string;
  readonly root: Node = { path: '', type: 'folder', ignored: false, info: null };
  readonly #rules: IgnoreRules;
  readonly #neverIgnored: string;
  readonly #artifacts: readonly string[];
  readonly #children = new Map<string, ReadonlyMap<string, Node>>();
  readonly #entries = new Map<string, ContextEntry>();
  readonly #visible = new Map<string, boolean>();

  /**
   * @param folder Absolute path.
   * @param neverIgnored Path of the Dockerfile: an engine reads it from the context, whatever `.dockerignore` says.
   * @param artifacts Names of the files that a build adds to the folder; `.dockerignore` is not about them.
   */
  constructor(folder: string, rules: IgnoreRules, neverIgnored: string, artifacts: readonly string[] = []) {
    this.folder = folder;
    this.#rules = rules;
    this.#neverIgnored = neverIgnored;
    this.#artifacts = artifacts;
  }

  /** What is in a folder, by name, in the order of the names; ignored entries included. */
  children(node: Node): ReadonlyMap<string, Node> {
    let known = this.#children.get(node.path);
    if (!known) {
      known = this.#list(node);
      this.#children.set(node.path, known);
    }
    return known;
  }

  /** True where the entry is in the context: not ignored, or a folder with something in it that is not. */
  isVisible(node: Node): boolean {
    if (!node.ignored) return true;
    if (node.type !== 'folder') return false;
    const mayHold =
      this.#rules.hasExceptions ||
      this.#neverIgnored.startsWith(`${node.path}/`) ||
      (node.path === artifactFolder && this.#artifacts.length > 0);
    if (!mayHold) return false;
    let visible = this.#visible.get(node.path);
    if (visible === undefined) {
      visible = [...this.children(node).values()].some((child) => this.isVisible(child));
      this.#visible.set(node.path, visible);
    }
    return visible;
  }

  /** @throws DwtError CONTEXT_INVALID for what no build can copy */
  entry(node: Node): ContextEntry {
    let known = this.#entries.get(node.path);
    if (!known) {
      known = this.#read(node);
      this.#entries.set(node.path, known);
    }
    return known;
  }

  /** Where a link points, as written. */
  linkTarget(node: Node): string {
    return attempt(node.path, () => readlinkSync(this.#absolute(node.path)));
  }

  #absolute(path: string): string {
    return join(this.folder, path);
  }

  #list(node: Node): ReadonlyMap<string, Node> {
    if (this.#artifacts.length === 0) return this.#listOwn(node);
    if (node.path === '') return this.#withArtifactFolder(node);
    return node.path === artifactFolder ? this.#withArtifacts(node) : this.#listOwn(node);
  }

  #withArtifactFolder(root: Node): ReadonlyMap<string, Node> {
    const own = this.#listOwn(root);
    const found = own.get(artifactFolder);
    if (found?.type === 'folder') return own;
    const folder: Node = { path: artifactFolder, type: 'folder', ignored: false, info: null };
    return sorted([...own.values()].filter((node) => node !== found).concat(folder));
  }

  #withArtifacts(folder: Node): ReadonlyMap<string, Node> {
    const names = new Set(this.#artifacts);
    const isThere = lstatSync(this.#absolute(folder.path), { throwIfNoEntry: false })?.isDirectory();
    const own = isThere ? [...this.#listOwn(folder).values()] : [];
    return sorted([
      ...own.filter(({ path }) => !names.has(basename(path))),
      ...this.#artifacts.map((name) => ({
        path: `${folder.path}/${name}`,
        type: 'artifact' as const,
        ignored: false,
        info: null,
      })),
    ]);
  }

  #listOwn(node: Node): ReadonlyMap<string, Node> {
    const found = attempt(node.path === '' ? '.' : node.path, () =>
      readdirSync(this.#absolute(node.path), { withFileTypes: true }),
    );
    found.sort((a, b) => (a.name < b.name ? -1 : 1));
    return new Map(found.map((item) => [item.name, this.#node(node, item)]));
  }

  #node(parent: Node, item: Dirent): Node {
    const path = parent.path === '' ? item.name : `${parent.path}/${item.name}`;
    const judged = this.#rules.isEmpty ? visible : this.#rules.judge(path, parent.info);
    const ignored = judged.ignored && path !== this.#neverIgnored;
    return { path, type: typeOf(item), ignored, info: judged.info };
  }

  #read(node: Node): ContextEntry {
    const { path, type } = node;
    if (type === 'folder') return { type, path };
    if (type === 'artifact') return { type, path, name: basename(path) };
    if (type === 'symlink') return { type, path, target: this.linkTarget(node) };
    const stat = attempt(path, () => lstatSync(this.#absolute(path), { bigint: true }));
    if (!stat.isFile()) throw notAFile(path, stat);
    return { type: 'file', path, executable: (stat.mode & 0o100n) !== 0n, stamp: stampOf(stat) };
  }
}

const sorted = (nodes: readonly Node[]): ReadonlyMap<string, Node> =>
  new Map([...nodes].sort((a, b) => (a.path < b.path ? -1 : 1)).map((node) => [basename(node.path), node]));

const visible = { ignored: false, info: null } as const;

export const stampOf = (stat: BigIntStats): FileStamp => ({
  size: Number(stat.size),
  mtimeNs: stat.mtimeNs,
  ctimeNs: stat.ctimeNs,
  inode: stat.ino,
});

const typeOf = (item: Dirent): Node['type'] => {
  if (item.isFile()) return 'file';
  if (item.isDirectory()) return 'folder';
  return item.isSymbolicLink() ? 'symlink' : 'other';
};

function notAFile(path: string, stat: BigIntStats): DwtError {
  const what = stat.isSocket() ? 'a socket' : stat.isFIFO() ? 'a named pipe' : 'a device';
  return new DwtError('CONTEXT_INVALID', `${path} is ${what}, which cannot be copied into an image.`, {
    hint: 'Remove it, or name it in .dockerignore.',
  });
}

/** Does what touches the file system, and says in people's words why it cannot be done. */
export function attempt<Result>(path: string, read: () => Result): Result {
  try {
    return read();
  } catch (thrown) {
    throw readFailure(path, thrown);
  }
}

/** @param path Relative to the context's root. */
export function readFailure(path: string, thrown: unknown): DwtError {
  if (thrown instanceof DwtError) return thrown;
  const code = typeof thrown === 'object' && thrown !== null && 'code' in thrown ? String(thrown.code) : '';
  if (code === 'EACCES' || code === 'EPERM') {
    return new DwtError('CONTEXT_INVALID', `${path} cannot be read: permission denied.`, {
      hint: `Make it readable (chmod u+r), or name it in .dockerignore if no image needs it.`,
      cause: thrown,
    });
  }
  if (code === 'ENOENT' && path.includes('\uFFFD')) {
    return new DwtError('CONTEXT_INVALID', `${path} has a name that is not valid UTF-8.`, {
      hint: 'Rename it, or name it in .dockerignore with ? for the character that is wrong.',
      cause: thrown,
    });
  }
  if (code === 'ENOENT' || code === 'ENOTDIR') return changed(path, 'is gone', thrown);
  return new DwtError('CONTEXT_INVALID', `${path} cannot be read (${code || 'unknown error'}).`, {
    hint: 'Look at the disk that holds it.',
    cause: thrown,
  });
}

/** A file that is not what it was when the plan was made. */
export const changed = (path: string, how: string, cause?: unknown): DwtError =>
  new DwtError('CONTEXT_CHANGED', `${path} ${how}: the build context changed while it was being read.`, {
    hint: 'Run again when nothing writes to it.',
    cause,
  });

/** @throws DwtError CONTEXT_CHANGED where the file does not look as it did */
export function expectSame(stat: BigIntStats, path: string, stamp: FileStamp): void {
  const now = stampOf(stat);
  if (now.size !== stamp.size) throw changed(path, `was ${stamp.size} bytes long and is ${now.size}`);
  if (now.inode !== stamp.inode) throw changed(path, 'was replaced');
  if (now.mtimeNs !== stamp.mtimeNs || now.ctimeNs !== stamp.ctimeNs) throw changed(path, 'was written to');
}
