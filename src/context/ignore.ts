/**
 * `.dockerignore` with the meaning that it has to BuildKit: its line rules, its patterns, and its way of judging a path
 * by what its folders matched. Differences from .gitignore (`foo` is anchored, `**` crosses folders in one way only)
 * come from there.
 */
import { DwtError } from '../errors.ts';
import { isWellFormed } from './glob.ts';

/** What a folder matched, pattern by pattern; the judgement of what is in it starts from there. */
export type MatchInfo = readonly boolean[] | null;

export interface IgnoreRules {
  /** True where a later pattern can bring back what is below an ignored folder. */
  readonly hasExceptions: boolean;
  readonly isEmpty: boolean;
  /** Judges a path relative to the context's root; `parent` is its folder's `info`, null in the root. */
  judge(path: string, parent: MatchInfo): { readonly ignored: boolean; readonly info: MatchInfo };
}

interface Pattern {
  readonly exception: boolean;
  readonly matches: (path: string) => boolean;
}

/**
 * @param file Name shown in errors.
 * @throws DwtError CONTEXT_INVALID for a pattern that BuildKit refuses
 */
export function parseIgnore(source: string, file: string): IgnoreRules {
  const patterns = source
    .replace(/^\uFEFF/, '')
    .split('\n')
    .flatMap((line, index) => parseLine(line, { file, line: index + 1 }));
  return {
    isEmpty: patterns.length === 0,
    hasExceptions: patterns.some(({ exception }) => exception),
    judge: (path, parent) => judge(patterns, path, parent),
  };
}

function parseLine(line: string, location: { file: string; line: number }): Pattern[] {
  if (line.startsWith('#')) return [];
  const trimmed = line.trim();
  const exception = trimmed.startsWith('!');
  const written = exception ? trimmed.slice(1).trim() : trimmed;
  const clean = cleanPath(written);
  if (written === '' && !exception) return [];
  if (exception && (written === '' || clean === '/')) {
    throw new DwtError('CONTEXT_INVALID', `${location.file} has a "!" with no pattern after it.`, {
      hint: 'Write the path that is to be kept after it, or take the line out.',
      location,
    });
  }
  const pattern = clean.length > 1 && clean.startsWith('/') ? clean.slice(1) : clean;
  const compiled = isWellFormed(pattern) ? compile(pattern) : null;
  if (!compiled) {
    throw new DwtError(
      'CONTEXT_INVALID',
      `${location.file} has a pattern that is not well formed: ${written}.`,
      {
        hint: 'Close every [ with a ], and end the pattern with no lone backslash.',
        location,
      },
    );
  }
  return [{ exception, matches: compiled }];
}

function judge(patterns: readonly Pattern[], path: string, parent: MatchInfo) {
  let ignored = false;
  const info = new Array<boolean>(patterns.length).fill(false);
  patterns.forEach(({ exception, matches }, index) => {
    let match = parent?.[index] ?? false;
    if (!match) {
      // A pattern that could not change the verdict is not asked, and so does not count for what is below either.
      if (exception !== ignored) return;
      match = matches(path);
    }
    info[index] = match;
    if (match) ignored = !exception;
  });
  return { ignored, info };
}

/** Go's `path.Clean`: no `.`, no doubled slash, `..` resolved where it can be, no slash at the end. */
export function cleanPath(path: string): string {
  const rooted = path.startsWith('/');
  const kept: string[] = [];
  for (const part of path.split('/')) {
    if (part === '' || part === '.') continue;
    if (part !== '..') kept.push(part);
    else if (kept.length > 0 && kept.at(-1) !== '..') kept.pop();
    else if (!rooted) kept.push(part);
  }
  return (rooted ? '/' : '') + kept.join('/') || '.';
}

/** What may follow a backslash: BuildKit hands the escape to Go's regular expressions as it stands. */
const escapes = /^(?:[abBdDfnrsStvwW]|[^a-zA-Z0-9\u{80}-\u{10ffff}])$/u;

/** Null where the pattern makes no regular expression. */
function compile(pattern: string): ((path: string) => boolean) | null {
  let source = '^';
  let kind: 'exact' | 'prefix' | 'suffix' | 'expression' = 'exact';
  const characters = [...pattern];
  for (let at = 0, first = true; at < characters.length; first = false) {
    const character = characters[at++] ?? '';
    if (character === '*' && characters[at] === '*') {
      at++;
      if (characters[at] === '/') at++;
      if (at >= characters.length) {
        source += '.*';
        kind = kind === 'exact' ? 'prefix' : 'expression';
      } else {
        source += '(?:.*/)?';
        kind = 'expression';
      }
      if (first) kind = 'suffix';
    } else if (character === '*' || character === '?') {
      source += character === '*' ? '[^/]*' : '[^/]';
      kind = 'expression';
    } else if (character === '\\') {
      const escaped = characters[at++] ?? '\\';
      if (!escapes.test(escaped)) return null;
      source += escaped === 'a' ? '\\x07' : `\\${escaped}`;
      kind = 'expression';
    } else if (character === '[' || character === ']') {
      source += character;
      kind = 'expression';
    } else {
      // `{`, `|` and `}` keep what they mean to a regular expression: so it is in BuildKit.
      source += /[.+()$]/.test(character) ? `\\${character}` : character;
    }
  }
  if (kind === 'exact') return (path) => path === pattern;
  if (kind === 'prefix') return (path) => path.startsWith(pattern.slice(0, -2));
  if (kind === 'suffix') {
    const suffix = pattern.slice(2);
    return (path) => path.endsWith(suffix) || (suffix.startsWith('/') && path === suffix.slice(1));
  }
  const expression = toExpression(`${source}$`);
  return expression && ((path) => expression.test(path));
}

/** Whole characters where the stricter grammar that comes with them allows; it refuses what Go takes literally. */
function toExpression(source: string): RegExp | null {
  for (const flags of ['u', '']) {
    try {
      return new RegExp(source, flags);
    } catch {}
  }
  return null;
}
