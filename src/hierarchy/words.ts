/** BuildKit's word grammars: the keyword and its flags, quoted words, JSON arrays. */
import { SyntaxFault } from './failure.ts';
import { isSpace, splitAtSpace, trim } from './space.ts';

/** An instruction cut into keyword, flags and the rest. */
export interface Head {
  /** Upper case. */
  readonly keyword: string;
  /** With their dashes, quotes taken off. */
  readonly flags: readonly string[];
  readonly rest: string;
}

export function splitHead(line: string): Head {
  const text = trim(line);
  const match = /[\t\v\f\r ]+/.exec(text);
  const keyword = (match ? text.slice(0, match.index) : text).toUpperCase();
  if (!match) return { keyword, flags: [], rest: '' };
  const { flags, rest } = takeFlags(text.slice(match.index + match[0].length));
  return { keyword, flags, rest: trim(rest) };
}

/** Flags are the leading words that start with two dashes; a backslash escapes in them whatever the escape directive says. */
function takeFlags(text: string): { flags: string[]; rest: string } {
  const flags: string[] = [];
  let at = 0;
  for (;;) {
    while (at < text.length && isSpace(text.charAt(at))) at++;
    if (!text.startsWith('--', at)) return { flags, rest: text.slice(at) };
    let word = '';
    let quote = '';
    let quoted = false;
    for (; at < text.length; at++) {
      let character = text.charAt(at);
      if (quote === '' && isSpace(character)) break;
      if (quote === '' && (character === '"' || character === "'")) {
        quote = character;
        quoted = true;
        continue;
      }
      if (character === quote) {
        quote = '';
        continue;
      }
      if (character === '\\') {
        if (at + 1 === text.length) continue;
        character = text.charAt(++at);
      }
      word += character;
    }
    if (word === '--') return { flags, rest: text.slice(at) };
    if (quoted || word !== '') flags.push(word);
  }
}

/** Cuts at white space outside quotes; quotes and escapes stay in the words. */
export function quotedWords(text: string, escapeToken: string): string[] {
  const words: string[] = [];
  let word = '';
  let quote = '';
  let started = false;
  const finish = (): void => {
    if (started || word !== '') words.push(word);
    word = '';
    started = false;
  };
  for (let at = 0; at < text.length; at++) {
    const character = text.charAt(at);
    if (quote === '' && isSpace(character)) {
      finish();
      continue;
    }
    if (quote === '' && (character === '"' || character === "'")) {
      quote = character;
      started = true;
    } else if (character === quote) {
      quote = '';
    } else if (character === escapeToken && quote !== "'") {
      if (at + 1 === text.length) continue;
      word += character;
      at++;
    }
    word += text.charAt(at);
  }
  finish();
  return words;
}

/** The strings of a JSON array, or null where the text is not one. */
export function jsonArray(text: string): string[] | null {
  if (!text.startsWith('[')) return null;
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    return null;
  }
  if (!Array.isArray(parsed)) return null;
  if (!parsed.every((item) => typeof item === 'string')) {
    throw new SyntaxFault('An argument list in JSON form holds something other than strings.');
  }
  return parsed;
}

/** Words between white space, or those of a JSON array. */
export const listOf = (text: string): string[] => jsonArray(text) ?? (text === '' ? [] : splitAtSpace(text));

/** The pairs of ENV and LABEL: `name=value …`, or the old form `name value`. */
export function pairsOf(keyword: string, text: string, escapeToken: string): [string, string][] {
  const words = quotedWords(text, escapeToken);
  const first = words[0];
  if (first === undefined) throw new SyntaxFault(`${keyword} requires at least one argument.`);
  if (!first.includes('=')) {
    const match = /[\t\v\f\r ]+/.exec(text);
    if (!match)
      throw new SyntaxFault(`${keyword} must have two arguments.`, `Write ${keyword} ${first}=VALUE.`);
    return [[text.slice(0, match.index), text.slice(match.index + match[0].length)]];
  }
  return words.map((word) => {
    const equals = word.indexOf('=');
    if (equals < 0) throw new SyntaxFault(`${keyword} has "${word}" where a name=value is expected.`);
    if (equals === 0) throw new SyntaxFault(`${keyword} has a value without a name.`);
    return [word.slice(0, equals), word.slice(equals + 1)];
  });
}
