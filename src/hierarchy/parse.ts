/** A Dockerfile's text as a hierarchy of stages, by BuildKit's rules. Pure: nothing is read but the text. */
import { DwtError } from '../errors.ts';
import type { Draft } from './draft.ts';
import { type ExpandOptions, expand, type Lookup } from './expand.ts';
import { atLine, DockerfileFault, invalidDockerfile, SyntaxFault } from './failure.ts';
import type { Hierarchy, Instruction, LineRange, Stage } from './hierarchy.ts';
import { checkImageName } from './image-name.ts';
import { type LogicalLine, logicalLines } from './logical-lines.ts';
import { checkPlatform, localPlatform, platformArguments } from './platform.ts';
import { StageReader } from './stage-reader.ts';
import { readStatement, type Statement } from './statement.ts';

export interface ParseOptions {
  /** File name for errors. */
  readonly file: string;
  /** Values given with `--build-arg`. */
  readonly buildArguments?: Readonly<Record<string, string>>;
  /** The platform that is built for, such as `linux/arm64`; by default this machine's. */
  readonly platform?: string;
}

/**
 * Parses a Dockerfile. What BuildKit refuses for any stage is refused here with `DOCKERFILE_INVALID` and the line;
 * two stages of one name are refused with `STAGE_DUPLICATE`.
 */
export function parseDockerfile(source: string, options: ParseOptions): Hierarchy {
  try {
    return parse(source, options);
  } catch (thrown) {
    if (thrown instanceof DockerfileFault) throw invalidDockerfile(options.file, source, thrown);
    throw thrown;
  }
}

function parse(source: string, options: ParseOptions): Hierarchy {
  const { lines, escapeToken } = logicalLines(source);
  if (lines.length === 0)
    throw new DockerfileFault(1, 'The Dockerfile has no instructions.', 'Begin it with FROM.');
  const buildArguments = options.buildArguments ?? {};
  const local = localPlatform();
  const globals = platformArguments(options.platform ?? local, local);
  const declared = new Map<string, string | null>();
  const lookup: Lookup = (name) => globals.get(name) ?? null;
  const drafts: Draft[] = [];
  const byName = new Map<string, Draft>();

  const statements = lines.map((line) => ({
    line,
    statement: atLine(line.start, () => readStatement(line, escapeToken)),
  }));
  for (const { line, statement } of statements) {
    const draft = drafts.at(-1);
    if (statement.keyword === 'FROM') {
      const next = atLine(line.start, () =>
        readFrom(statement, drafts.length, line, byName, lookup, { escapeToken }),
      );
      if (!legalReference.test(next.name)) throw illegalReference(options.file, next);
      if (byName.has(next.name)) throw duplicate(options.file, next, byName.get(next.name));
      drafts.push(next);
      byName.set(next.name, next);
    } else if (draft) draft.body.push({ line, statement });
    else if (statement.keyword === 'ARG') atLine(line.start, () => declareGlobals(statement));
    else
      throw new DockerfileFault(
        line.start,
        `${statement.keyword} stands before the first FROM.`,
        'Only ARG may stand there.',
      );
  }
  if (drafts.length === 0) throw new DockerfileFault(1, 'The Dockerfile has no FROM.', 'Begin it with FROM.');

  const reader = new StageReader(drafts, { escapeToken, buildArguments, globals });
  const stages = drafts.map((draft) => finish(draft, reader, byName));
  return { file: options.file, source, stages: withChildren(stages), globalArguments: declared };

  function declareGlobals(statement: Statement): void {
    for (const [name, written] of statement.pairs) {
      const given = Object.hasOwn(buildArguments, name) ? buildArguments[name] : undefined;
      const value = given ?? (written === null ? null : (expand(written, lookup, { escapeToken }) ?? null));
      if (value !== null) globals.set(name, value);
      declared.set(name, value ?? globals.get(name) ?? null);
    }
  }
}

/** What a name of an image can be; engines refuse the build of a stage called otherwise. */
const legalReference = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*$/;

function illegalReference(file: string, stage: Draft): DwtError {
  return new DwtError(
    'REFERENCE_INVALID',
    `The stage's name "${stage.name}" cannot be part of an image's name.`,
    {
      location: { file, line: stage.line.start },
      hint: 'It has lower case letters and digits, with ".", "_", "__" or dashes between them.',
    },
  );
}

const legalName = /^[a-z][a-z0-9_.-]*$/;

function readFrom(
  statement: Statement,
  index: number,
  line: LogicalLine,
  byName: ReadonlyMap<string, Draft>,
  lookup: Lookup,
  options: ExpandOptions,
): Draft {
  const [written = '', as, alias, ...more] = statement.words;
  if (
    written === '' ||
    more.length > 0 ||
    (as !== undefined && (as.toLowerCase() !== 'as' || alias === undefined))
  ) {
    throw new SyntaxFault('FROM takes an image, or an image, AS and a name.', 'Write FROM image AS name.');
  }
  const name = alias?.toLowerCase() ?? String(index);
  if (alias !== undefined && !legalName.test(name)) {
    throw new SyntaxFault(
      `"${alias}" is not a legal name of a stage.`,
      'A name starts with a letter and has letters, digits, "-", "_" and "." only.',
    );
  }
  const base = expand(written, lookup, options) ?? '';
  if (base === '')
    throw new SyntaxFault(
      `FROM ${written} names nothing: its variables are empty.`,
      'Give the ARG before FROM a default value, or pass --build-arg.',
    );
  const parent = byName.get(base) ?? null;
  const found = parent?.named ? parent : null;
  if (!found && base !== 'scratch') checkImageName(base);
  return {
    name,
    index,
    named: alias !== undefined,
    parent: found,
    image: found ? null : base,
    platform: readPlatform(statement, lookup, options),
    line,
    body: [],
  };
}

function readPlatform(statement: Statement, lookup: Lookup, options: ExpandOptions): string | null {
  const written = statement.flags.get('platform')?.[0] ?? '';
  if (written === '') return null;
  const platform = expand(written, lookup, options) ?? '';
  if (platform === '') throw new SyntaxFault(`FROM has --platform=${written}, which is empty.`);
  checkPlatform(platform);
  return platform;
}

function duplicate(file: string, stage: Draft, first: Draft | undefined): DwtError {
  return new DwtError('STAGE_DUPLICATE', `The stage "${stage.name}" is defined twice.`, {
    location: { file, line: stage.line.start },
    hint: `Rename one of them: the other is at line ${first?.line.start}, and a name is an image here.`,
  });
}

function finish(
  draft: Draft,
  reader: StageReader,
  byName: ReadonlyMap<string, Draft>,
): Omit<Stage, 'children'> {
  const read = reader.read(draft);
  const lines: LineRange = { start: draft.line.start, end: draft.body.at(-1)?.line.end ?? draft.line.end };
  return {
    name: draft.name,
    index: draft.index,
    parent: draft.parent?.name ?? null,
    image: draft.image,
    platform: draft.platform,
    uses: usedStages(read.instructions, byName),
    instructions: read.instructions,
    lines,
    arguments: read.arguments,
  };
}

function usedStages(instructions: readonly Instruction[], indexes: ReadonlyMap<string, Draft>): string[] {
  const used = new Set<string>();
  for (const instruction of instructions) {
    for (const { from } of instruction.uses) if (from.kind === 'stage') used.add(from.name);
  }
  const index = (name: string): number => indexes.get(name)?.index ?? 0;
  return [...used].sort((a, b) => index(a) - index(b));
}

function withChildren(stages: readonly Omit<Stage, 'children'>[]): Stage[] {
  const children = new Map<string, string[]>(stages.map((stage) => [stage.name, []]));
  for (const stage of stages) if (stage.parent !== null) children.get(stage.parent)?.push(stage.name);
  return stages.map((stage) => ({ ...stage, children: children.get(stage.name) ?? [] }));
}
