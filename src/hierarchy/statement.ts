/** One instruction, read and checked as far as that goes without knowing the stage that it stands in. */
import { closest } from 'fastest-levenshtein';
import { SyntaxFault } from './failure.ts';
import { type Flags, readFlags } from './flags.ts';
import { checkHealth } from './health.ts';
import { heredocOf } from './heredoc.ts';
import type { HeredocText, LogicalLine } from './logical-lines.ts';
import { type Head, jsonArray, listOf, pairsOf, quotedWords, splitHead } from './words.ts';

export interface Statement {
  readonly keyword: string;
  readonly flags: Flags;
  /** The words that variables are substituted in, in the order of substitution. */
  readonly words: readonly string[];
  /** Name and value of ENV, LABEL and ARG; the value is null for an ARG without default. */
  readonly pairs: readonly (readonly [string, string | null])[];
  readonly heredocs: readonly HeredocText[];
  /** What ONBUILD triggers; it is read where it is triggered, and may be wrong until then. */
  readonly trigger: Head | null;
  readonly text: string;
}

interface Body {
  readonly words?: readonly string[];
  readonly pairs?: readonly (readonly [string, string | null])[];
  readonly trigger?: Head;
  /** The canonical arguments. */
  readonly text: string;
}

type Reader = (head: Head, escapeToken: string, flags: Flags) => Body;

const readers: Readonly<Record<string, Reader>> = {
  ADD: readCopy,
  ARG: readArg,
  CMD: readCommand,
  COPY: readCopy,
  ENTRYPOINT: readCommand,
  ENV: readPairs,
  EXPOSE: readExpose,
  FROM: (head) => ({ words: listOf(head.rest), text: head.rest }),
  HEALTHCHECK: readHealth,
  LABEL: readPairs,
  MAINTAINER: readString,
  ONBUILD: readOnBuild,
  RUN: readRun,
  SHELL: readShell,
  STOPSIGNAL: readString,
  USER: readString,
  VOLUME: readVolume,
  WORKDIR: readString,
};

const keywords: readonly string[] = Object.keys(readers);

/** Reads one logical line; a `SyntaxFault` says what is wrong with it. */
export function readStatement(
  line: Head & { readonly heredocs?: readonly HeredocText[] },
  escapeToken: string,
): Statement {
  const { keyword } = line;
  const read = Object.hasOwn(readers, keyword) ? readers[keyword] : undefined;
  if (!read) {
    throw new SyntaxFault(
      `"${keyword}" is no instruction of a Dockerfile.`,
      `Did you mean ${closest(keyword, [...keywords])}?`,
    );
  }
  const isNone = keyword === 'HEALTHCHECK' && /^none$/i.test(line.rest);
  // BuildKit does not look at the flags of HEALTHCHECK NONE.
  const flags = readFlags(keyword, isNone ? [] : line.flags);
  const body = read(line, escapeToken, flags);
  const heredocs = line.heredocs ?? [];
  return {
    keyword,
    flags,
    words: body.words ?? [],
    pairs: body.pairs ?? [],
    heredocs,
    trigger: body.trigger ?? null,
    text: canonical(keyword, flags, body.text, heredocs),
  };
}

function canonical(keyword: string, flags: Flags, rest: string, heredocs: LogicalLine['heredocs']): string {
  const written = [...flags].flatMap(([name, values]) => values.map((value) => `--${name}=${quoted(value)}`));
  const contents = heredocs.map((heredoc) => `\n${heredoc.content}${heredoc.name}`);
  return [keyword, ...written, rest].filter(Boolean).join(' ') + contents.join('');
}

const quoted = (word: string): string => (/[\s"]/.test(word) ? JSON.stringify(word) : word);
const joined = (words: readonly string[]): string =>
  words.some((word) => word === '' || /\s/.test(word)) ? JSON.stringify(words) : words.join(' ');

function atLeastOne(keyword: string, words: readonly unknown[]): void {
  if (words.length === 0) throw new SyntaxFault(`${keyword} requires at least one argument.`);
}

function readString({ keyword, rest }: Head): Body {
  if (rest === '') throw new SyntaxFault(`${keyword} requires exactly one argument.`);
  return { words: keyword === 'MAINTAINER' ? [] : [rest], text: rest };
}

function readCopy({ keyword, rest }: Head): Body {
  const words = listOf(rest);
  if (words.length < 2)
    throw new SyntaxFault(
      `${keyword} requires at least two arguments: one or more sources, and where they go.`,
    );
  if (heredocOf(words.at(-1) ?? '')) throw new SyntaxFault(`${keyword} cannot go to a heredoc.`);
  return { words, text: joined(words) };
}

function readArg({ rest }: Head, escapeToken: string): Body {
  const words = quotedWords(rest, escapeToken);
  atLeastOne('ARG', words);
  const pairs = words.map((word) => {
    const equals = word.indexOf('=');
    if (equals === 0) throw new SyntaxFault('ARG has a value without a name.');
    return equals < 0 ? ([word, null] as const) : ([word.slice(0, equals), word.slice(equals + 1)] as const);
  });
  return { pairs, text: words.join(' ') };
}

function readPairs({ keyword, rest }: Head, escapeToken: string): Body {
  const pairs = pairsOf(keyword, rest, escapeToken);
  const oldForm = !quotedWords(rest, escapeToken)[0]?.includes('=');
  return { pairs, text: pairs.map((pair) => pair.join(oldForm ? ' ' : '=')).join(' ') };
}

function readCommand({ rest }: Head): Body {
  const list = jsonArray(rest);
  return { text: list ? JSON.stringify(list) : rest };
}

function readRun(head: Head): Body {
  const body = readCommand(head);
  if (body.text === '[]') throw new SyntaxFault('RUN has an empty command.');
  return body;
}

function readShell({ rest }: Head): Body {
  const list = jsonArray(rest);
  if (!list)
    throw new SyntaxFault('SHELL takes its arguments in JSON form.', 'Write SHELL ["/bin/bash", "-c"].');
  atLeastOne('SHELL', list);
  return { text: JSON.stringify(list) };
}

function readExpose({ rest }: Head): Body {
  const words = rest === '' ? [] : rest.split(/[\t\v\f\r ]+/);
  atLeastOne('EXPOSE', words);
  return { words, text: [...words].sort().join(' ') };
}

function readVolume({ rest }: Head): Body {
  const words = listOf(rest).map((word) => word.trim());
  atLeastOne('VOLUME', words);
  if (words.includes('')) throw new SyntaxFault('VOLUME has an empty path.');
  return { words, text: joined(words) };
}

function readHealth({ rest }: Head, _escape: string, flags: Flags): Body {
  const match = /^(\S+)\s*(.*)$/s.exec(rest);
  if (!match) throw new SyntaxFault('HEALTHCHECK requires at least one argument.');
  const type = (match[1] ?? '').toUpperCase();
  const command = match[2] ?? '';
  const list = jsonArray(command);
  checkHealth(type, list ?? (command === '' ? [] : [command]), flags);
  return { text: `${type} ${list ? JSON.stringify(list) : command}`.trimEnd() };
}

function readOnBuild({ rest }: Head): Body {
  if (rest === '') throw new SyntaxFault('ONBUILD requires at least one argument.');
  const head = splitHead(rest);
  if (head.keyword === 'ONBUILD') throw new SyntaxFault('ONBUILD cannot trigger another ONBUILD.');
  if (head.keyword === 'FROM' || head.keyword === 'MAINTAINER')
    throw new SyntaxFault(`ONBUILD cannot trigger ${head.keyword}.`);
  return { trigger: head, text: [head.keyword, ...head.flags, head.rest].join(' ').trim() };
}
