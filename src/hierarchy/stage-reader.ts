/** Walks through one stage as BuildKit would: substitutes variables and notes which files each instruction takes. */
import { posix } from 'node:path';
import type { Draft } from './draft.ts';
import { type ExpandOptions, expand } from './expand.ts';
import { atLine, SyntaxFault } from './failure.ts';
import { heredocOf } from './heredoc.ts';
import type { FileUse, Instruction } from './hierarchy.ts';
import { checkImageName } from './image-name.ts';
import { readMount } from './mounts.ts';
import { Scope } from './scope.ts';
import { splitAtSpace } from './space.ts';
import { readStatement, type Statement } from './statement.ts';
import { checkChecksum, checkMode, checkPorts, checkSignal } from './values.ts';

export interface StageReaderOptions {
  readonly escapeToken: string;
  readonly buildArguments: Readonly<Record<string, string>>;
  /** What ARG without a default takes its value from. */
  readonly globals: ReadonlyMap<string, string>;
}

export interface StageContents {
  readonly instructions: readonly Instruction[];
  readonly arguments: ReadonlyMap<string, string | null>;
}

/** Reads stages in file order, since each takes over its parent's variables and triggers. */
export class StageReader {
  readonly #drafts: readonly Draft[];
  readonly #byName: ReadonlyMap<string, Draft>;
  readonly #options: StageReaderOptions;
  readonly #expand: ExpandOptions;
  readonly #scopes = new Map<Draft, Scope>();

  constructor(drafts: readonly Draft[], options: StageReaderOptions) {
    this.#drafts = drafts;
    this.#byName = new Map(drafts.filter(({ named }) => named).map((draft) => [draft.name, draft]));
    this.#options = options;
    this.#expand = { escapeToken: options.escapeToken };
  }

  read(draft: Draft): StageContents {
    const scope = draft.parent
      ? (this.#scopes.get(draft.parent)?.inherited() ?? Scope.onImage(''))
      : Scope.onImage(draft.image ?? '');
    this.#scopes.set(draft, scope);
    const instructions: Instruction[] = [];
    const declared = new Map<string, string | null>();
    const step = (statement: Statement, start: number, end: number): void => {
      const uses = atLine(start, () => this.#apply(statement, draft, scope, declared));
      instructions.push({ keyword: statement.keyword, text: statement.text, lines: { start, end }, uses });
    };
    const { start, end } = draft.line;
    for (const { statement: onBuild, line } of draft.parent?.body ?? []) {
      const { trigger } = onBuild;
      if (!trigger) continue;
      const triggered = atLine(start, () =>
        readStatement({ ...trigger, heredocs: line.heredocs }, this.#options.escapeToken),
      );
      step(triggered, start, end);
    }
    for (const { statement, line } of draft.body) step(statement, line.start, line.end);
    return { instructions, arguments: declared };
  }

  #apply(statement: Statement, draft: Draft, scope: Scope, declared: Map<string, string | null>): FileUse[] {
    const value = (word: string): string | undefined => expand(word, scope.lookup, this.#expand);
    switch (statement.keyword) {
      case 'ARG':
        this.#declare(statement, scope, declared);
        return [];
      case 'ENV': {
        const pairs = statement.pairs.map(([name, written]) => [value(name), value(written ?? '')] as const);
        for (const [name, text] of pairs) if (name !== undefined) scope.set(name, text);
        return [];
      }
      case 'LABEL':
        for (const pair of statement.pairs) for (const word of pair) value(word ?? '');
        return [];
      case 'COPY':
      case 'ADD':
        return this.#copy(statement, draft, value);
      case 'RUN':
        return (statement.flags.get('mount') ?? []).flatMap((mount) => this.#mount(mount, draft, scope));
      default:
        for (const word of statement.words) checkWord(statement.keyword, value(word));
        return [];
    }
  }

  #declare(statement: Statement, scope: Scope, declared: Map<string, string | null>): void {
    const { buildArguments, globals } = this.#options;
    for (const [name, written] of statement.pairs) {
      let value: string | null | undefined = Object.hasOwn(buildArguments, name)
        ? buildArguments[name]
        : null;
      if (value === null)
        value = written === null ? (globals.get(name) ?? null) : expand(written, scope.lookup, this.#expand);
      if (value !== null) scope.set(name, value);
      declared.set(name, value ?? null);
    }
  }

  #copy(statement: Statement, draft: Draft, value: (word: string) => string | undefined): FileUse[] {
    value(statement.flags.get('chown')?.[0] ?? '');
    const mode = value(statement.flags.get('chmod')?.[0] ?? '');
    if (mode) checkMode(mode);
    const words = statement.words.slice(0, -1).filter((word) => heredocOf(word) === null);
    value(statement.words.at(-1) ?? '');
    const from = statement.flags.get('from')?.[0] ?? '';
    // A source that cannot be known stands for everything: too many files are safe, too few are not.
    const written = words.map((word) => value(word) ?? '.');
    const { local, remote } = splitSources(statement, written);
    if (from !== '' && expand(from, () => null, this.#expand) !== from) {
      throw new SyntaxFault(
        'COPY --from takes no variables.',
        'Give the image a stage of its own, whose FROM may have variables, and name that stage.',
      );
    }
    const checksum = statement.flags.get('checksum')?.[0] ?? '';
    const uses: FileUse[] = remote.map((source) => ({
      from: { kind: 'remote', fixed: checksum !== '' || isCommit(source) },
      sources: [source],
    }));
    if (local.length === 0 && from === '') return uses;
    const origin: FileUse['from'] = from === '' ? { kind: 'context' } : this.#origin(from, draft, true);
    return [...uses, { from: origin, sources: local.map(inRoot) }];
  }

  #mount(text: string, draft: Draft, scope: Scope): FileUse[] {
    const { type, from, source } = readMount(text, scope.lookup, this.#expand);
    if (type === 'secret' || type === 'ssh' || type === 'tmpfs' || (type === 'cache' && from === null))
      return [];
    return [
      {
        from: from === null ? { kind: 'context' } : this.#origin(from, draft, false),
        sources: [inRoot(source ?? '.')],
      },
    ];
  }

  /** What `--from` names: a stage above, by name or (COPY only) by number, else an image. */
  #origin(from: string, draft: Draft, byNumber: boolean): FileUse['from'] {
    const number = byNumber && /^[+-]?\d+$/.test(from) ? Number(from) : null;
    const stage = number === null ? this.#byName.get(from.toLowerCase()) : this.#drafts[number];
    if (number !== null && !stage)
      throw new SyntaxFault(
        `There is no stage number ${from}.`,
        `The stages are numbered from 0 to ${this.#drafts.length - 1}.`,
      );
    if (stage === draft) throw new SyntaxFault(`The stage "${draft.name}" takes files from itself.`);
    if (stage && stage.index > draft.index) {
      throw new SyntaxFault(
        `The stage "${stage.name}" stands below "${draft.name}", which takes files from it.`,
        `Move "${stage.name}" above it.`,
      );
    }
    if (stage) return { kind: 'stage', name: stage.name };
    if (from !== 'scratch') checkImageName(from);
    return { kind: 'image', reference: from };
  }
}

function checkWord(keyword: string, value: string | undefined): void {
  if (value === undefined) return;
  if (keyword === 'EXPOSE') for (const word of splitAtSpace(value)) if (word !== '') checkPorts(word);
  if (keyword === 'STOPSIGNAL') checkSignal(value);
  if (keyword === 'VOLUME' && value === '') throw new SyntaxFault('VOLUME has an empty path.');
}

interface Sources {
  readonly local: readonly string[];
  readonly remote: readonly string[];
}

/** The sources that are files, and the URLs and repositories that ADD takes too. */
function splitSources(statement: Statement, sources: readonly string[]): Sources {
  if (statement.keyword === 'COPY') {
    const url = sources.find((source) => /^https?:\/\//.test(source));
    if (url !== undefined) throw new SyntaxFault(`COPY cannot download ${url}.`, 'ADD can.');
    return { local: sources, remote: [] };
  }
  const checksum = statement.flags.get('checksum')?.[0] ?? '';
  if (checksum !== '' && !checksum.includes('$')) checkChecksum(checksum, sources, isRemote);
  return {
    local: sources.filter((source) => !isRemote(source)),
    remote: sources.filter(isRemote),
  };
}

/** A repository at a commit of that full name never changes; a branch or tag, or no name, may. */
const isCommit = (source: string): boolean => /#[0-9a-f]{40}(?::|$)/.test(source);

const isRemote = (source: string): boolean => /^(?:https?|git|ssh):\/\/|^git@/.test(source);

/** A path as BuildKit roots it: `..` cannot leave the root, and the root itself is `.`. */
const inRoot = (source: string): string => posix.join('/', source).slice(1).replace(/\/$/, '') || '.';
