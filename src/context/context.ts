/** The build context of a project: exactly the files that the stages to be built read, and the Dockerfile. */
import { existsSync, readFileSync } from 'node:fs';
import { join, posix } from 'node:path';
import { DwtError } from '../errors.ts';
import type { Instruction, Stage } from '../hierarchy/hierarchy.ts';
import { closure } from '../hierarchy/select.ts';
import type { Project } from '../project/project.ts';
import type { ContextEntry } from './entry.ts';
import { type IgnoreRules, parseIgnore } from './ignore.ts';
import { resolvePath } from './links.ts';
import { byPath, type Missing, type Selection, type SourceKind, selectSource } from './select.ts';
import { ContextTree, readFailure } from './tree.ts';

type ContextProject = Pick<Project, 'folder' | 'dockerfile' | 'hierarchy' | 'artifacts'>;

/**
 * A folder is listed when it is first asked for and not again: one value describes one moment, and the tar made from
 * it fails where a file has changed since.
 */
export class BuildContext {
  /** Absolute path. */
  readonly folder: string;
  readonly #project: ContextProject;
  readonly #tree: ContextTree;
  readonly #ignoreFile: string | null;
  readonly #selections = new Map<string, Selection>();

  /** @throws DwtError CONTEXT_INVALID for a `.dockerignore` that BuildKit refuses */
  constructor(project: ContextProject) {
    this.folder = project.folder;
    this.#project = project;
    const { file, rules } = readIgnore(project);
    this.#ignoreFile = file;
    this.#tree = new ContextTree(project.folder, rules, posix.normalize(project.dockerfile), [
      ...project.artifacts.keys(),
    ]);
  }

  /**
   * What the stage's own instructions read, one selection for each source, in the instructions' order. Equal sources
   * answer the same object.
   *
   * @throws DwtError CONTEXT_INVALID for a file that cannot be copied, or one that is not there
   */
  selections(stage: Stage): readonly Selection[] {
    return stage.instructions.flatMap((instruction) =>
      instruction.uses
        .filter(({ from }) => from.kind === 'context')
        .flatMap(({ sources }) => sources)
        .filter((source) => !isElsewhere(source))
        .map((source) => this.#select(source, instruction)),
    );
  }

  /** Names of the artifacts that these stages read. */
  artifacts(stages: Iterable<Stage>): Set<string> {
    const names = new Set<string>();
    for (const stage of stages) {
      for (const { entries } of this.selections(stage))
        for (const entry of entries) if (entry.type === 'artifact') names.add(entry.name);
    }
    return names;
  }

  /** What a build of the target reads: its stage, all that it stands on, the Dockerfile; folders before their files. */
  entriesFor(target: string): ContextEntry[] {
    return this.entries(closure(this.#project.hierarchy, [target]));
  }

  /** What these stages themselves read, and the Dockerfile. */
  entries(stages: Iterable<Stage>): ContextEntry[] {
    const selections = new Set<Selection>();
    for (const stage of stages) for (const selection of this.selections(stage)) selections.add(selection);
    const entries = new Map<string, ContextEntry>();
    for (const selection of selections) for (const entry of selection.entries) entries.set(entry.path, entry);
    for (const entry of this.#dockerfile()) entries.set(entry.path, entry);
    for (const path of [...entries.keys()]) addFolders(path, entries);
    return [...entries.values()].sort(byPath);
  }

  #dockerfile(): ContextEntry[] {
    const { node, links } = resolvePath(this.#tree, this.#project.dockerfile);
    if (!node) throw readFailure(this.#project.dockerfile, { code: 'ENOENT' });
    return [...links, node].map((part) => this.#tree.entry(part));
  }

  #select(source: string, instruction: Instruction): Selection {
    const kind: SourceKind = instruction.keyword === 'RUN' ? 'path' : 'glob';
    const key = `${kind} ${source}`;
    let selection = this.#selections.get(key);
    if (!selection) {
      selection = selectSource(this.#tree, source, kind);
      this.#selections.set(key, selection);
    }
    if (selection.missing) throw this.#missing(selection.missing, instruction);
    return selection;
  }

  #missing({ path, why }: Missing, { keyword, lines }: Instruction): DwtError {
    const { file } = this.#project.hierarchy;
    const ignoreFile = this.#ignoreFile ?? '.dockerignore';
    const [what, hint] = {
      absent: ['which is not there', `Paths are relative to ${this.folder}.`],
      'link to nothing': [
        'a symbolic link to something that is not there',
        'Mend the link, or leave it out.',
      ],
      ignored: [
        `which ${ignoreFile} leaves out`,
        `Add a line !${path} at the end of that file, or copy something else.`,
      ],
    }[why];
    return new DwtError(
      'CONTEXT_INVALID',
      `${keyword} at line ${lines.start} of ${file} reads ${path}, ${what}.`,
      { ...(hint && { hint }), location: { file, line: lines.start } },
    );
  }
}

/**
 * Exactly the files that these stages read, and the Dockerfile, sorted; each folder comes before what is in it.
 *
 * @throws DwtError CONTEXT_INVALID
 */
export const contextFiles = (project: ContextProject, stages: Iterable<Stage>): ContextEntry[] =>
  new BuildContext(project).entries(stages);

/** `Dockerfile.dockerignore` beside the Dockerfile is taken instead of `.dockerignore`, as BuildKit does. */
function readIgnore(project: ContextProject): { file: string | null; rules: IgnoreRules } {
  for (const file of [`${project.dockerfile}.dockerignore`, '.dockerignore']) {
    const path = join(project.folder, file);
    if (!existsSync(path)) continue;
    try {
      return { file, rules: parseIgnore(readFileSync(path, 'utf8'), file) };
    } catch (thrown) {
      throw readFailure(file, thrown);
    }
  }
  return { file: null, rules: parseIgnore('', '.dockerignore') };
}

/** What ADD fetches from a network, and here-documents, are not in the context. */
const isElsewhere = (source: string): boolean => /^(?:[a-z]+:\/\/|git@|<<)/i.test(source);

function addFolders(path: string, entries: Map<string, ContextEntry>): void {
  for (let slash = path.lastIndexOf('/'); slash !== -1; slash = path.lastIndexOf('/', slash - 1)) {
    const folder = path.slice(0, slash);
    if (entries.has(folder)) return;
    entries.set(folder, { type: 'folder', path: folder });
  }
}
