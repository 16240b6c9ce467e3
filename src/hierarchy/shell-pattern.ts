/**
 * The patterns of `${X#…}`, `${X%…}` and `${X/…/…}`: `*` and `?`, without brackets. Matched by walking all
 * possibilities at once, since a regular expression with several stars takes time without bounds.
 */
import { SyntaxFault } from './failure.ts';

export interface ShellPattern {
  cutStart(value: string, greedy: boolean): string;
  cutEnd(value: string, greedy: boolean): string;
  replace(value: string, replacement: string, all: boolean): string;
}

export function shellPattern(pattern: string): ShellPattern {
  const parts = parse(pattern);
  const reversed = [...parts].reverse();
  return {
    cutStart: (value, greedy) => value.slice(matchLength(parts, [...value], 0, greedy) ?? 0),
    cutEnd(value, greedy) {
      const characters = [...value].reverse();
      const cut = matchLength(reversed, characters, 0, greedy) ?? 0;
      return characters.slice(cut).reverse().join('');
    },
    replace: (value, replacement, all) => replaceMatches(parts, [...value], replacement, all),
  };
}

/** A character, or `*` or `?` where wild. */
interface Part {
  readonly text: string;
  readonly wild: boolean;
}

function parse(pattern: string): Part[] {
  const parts: Part[] = [];
  const characters = [...pattern];
  for (let at = 0; at < characters.length; at++) {
    const character = characters[at] ?? '';
    const wild = character === '*' || character === '?';
    if (character !== '\\') {
      const repeatsStar = character === '*' && parts.at(-1)?.wild === true && parts.at(-1)?.text === '*';
      if (!repeatsStar) parts.push({ text: character, wild });
      continue;
    }
    const escaped = characters[++at] ?? '';
    if (!['*', '?', '\\', '}', '/'].includes(escaped)) {
      throw new SyntaxFault(`"\\${escaped}" is no escape in the pattern of a substitution.`);
    }
    parts.push({ text: escaped, wild: false });
  }
  return parts;
}

const isStar = (part: Part | undefined): boolean => part?.wild === true && part.text === '*';
const accepts = ({ wild, text }: Part, character: string): boolean =>
  wild ? character !== '\n' : text === character;

/** How many characters from `start` on match, the most or the fewest; null where none do. */
function matchLength(
  parts: readonly Part[],
  value: readonly string[],
  start: number,
  greedy: boolean,
): number | null {
  let states = new Set<number>();
  let found: number | null = null;
  const reach = (target: Set<number>, state: number): void => {
    target.add(state);
    if (isStar(parts[state])) reach(target, state + 1);
  };
  reach(states, 0);
  for (let at = start; ; at++) {
    if (states.has(parts.length)) found = at - start;
    const character = value[at];
    if (character === undefined || states.size === 0 || (found !== null && !greedy)) return found;
    const next = new Set<number>();
    for (const state of states) {
      const part = parts[state];
      if (part && accepts(part, character)) reach(next, isStar(part) ? state : state + 1);
    }
    states = next;
  }
}

function replaceMatches(
  parts: readonly Part[],
  value: readonly string[],
  replacement: string,
  all: boolean,
): string {
  const result: string[] = [];
  let at = 0;
  while (at <= value.length) {
    const length = matchLength(parts, value, at, true);
    if (length !== null) {
      result.push(replacement);
      at += length;
      if (!all) break;
    }
    if (length === null || length === 0) {
      result.push(value[at] ?? '');
      at++;
    }
  }
  return result.join('') + value.slice(at).join('');
}
