/** Variable substitution as BuildKit does it: its own small shell grammar, quotes and escapes included. */
import { SyntaxFault } from './failure.ts';
import { shellPattern } from './shell-pattern.ts';
import { isSpace } from './space.ts';

/** The value of a variable, null where it is unset, undefined where it cannot be known from the Dockerfile. */
export type Lookup = (name: string) => string | null | undefined;

export interface ExpandOptions {
  /** The Dockerfile's escape character. */
  readonly escapeToken: string;
  /** Leaves unset variables as they are written. */
  readonly keepUnset?: boolean;
  readonly keepQuotes?: boolean;
  readonly keepEscapes?: boolean;
  /** Takes quotes for plain characters. */
  readonly ignoreQuotes?: boolean;
}

/** Substitutes in one word; undefined where the result depends on a variable that cannot be known. */
export function expand(word: string, lookup: Lookup, options: ExpandOptions): string | undefined {
  if (!/[$'"\\`]/.test(word)) return word;
  const expansion = new Expansion(word, lookup, options);
  const text = expansion.run();
  return expansion.unknown ? undefined : text;
}

/** Substitutes and then cuts at white space that is not quoted. */
export function expandWords(text: string, lookup: Lookup, options: ExpandOptions): string[] | undefined {
  const expansion = new Expansion(text, lookup, options);
  expansion.run();
  return expansion.unknown ? undefined : expansion.words();
}

const escapable = new Set(['"', '$']);
/** Nested `${a:-${b:-…}}` deeper than this is no Dockerfile that a person or a program writes. */
const deepest = 100;

class Expansion {
  readonly #text: string;
  readonly #lookup: Lookup;
  readonly #options: ExpandOptions;
  #at = 0;
  #depth = 0;
  #words: string[] = [];
  #word: string[] = [];
  unknown = false;

  constructor(text: string, lookup: Lookup, options: ExpandOptions) {
    this.#text = text;
    this.#lookup = lookup;
    this.#options = options;
  }

  run(): string {
    return this.#until('', this.#options.keepEscapes ?? false, true);
  }

  words(): string[] {
    this.#cutWord();
    return this.#words;
  }

  /** Reads up to `stop`, or to the end where it is empty; `top` marks text that is also cut into words. */
  #until(stop: string, keepEscapes: boolean, top = false): string {
    if (++this.#depth > deepest) throw new SyntaxFault('Substitutions are nested too deeply.');
    const result: string[] = [];
    const add = (text: string, split: boolean): void => {
      result.push(text);
      if (!top) return;
      if (!split) this.#word.push(text);
      else for (const character of text) isSpace(character) ? this.#cutWord() : this.#word.push(character);
    };
    while (this.#at < this.#text.length) {
      const character = this.#text.charAt(this.#at);
      if (character === stop) {
        this.#at++;
        this.#depth--;
        return result.join('');
      }
      if (character === '$') add(this.#dollar(), true);
      else if (character === "'" && !this.#options.ignoreQuotes) add(this.#singleQuoted(), false);
      else if (character === '"' && !this.#options.ignoreQuotes) add(this.#doubleQuoted(), false);
      else if (character === this.#options.escapeToken) {
        if (keepEscapes) add(character, false);
        this.#at++;
        if (this.#at < this.#text.length) add(this.#next(), false);
      } else add(this.#next(), true);
    }
    this.#depth--;
    if (stop !== '') throw new SyntaxFault(`A substitution is not ended by "${stop}".`);
    return result.join('');
  }

  #next(): string {
    return this.#text.charAt(this.#at++);
  }

  #cutWord(): void {
    const word = this.#word.join('');
    if (word !== '') this.#words.push(word);
    this.#word = [];
  }

  #singleQuoted(): string {
    const end = this.#text.indexOf("'", this.#at + 1);
    if (end < 0) throw new SyntaxFault("A single quote (') has no end.");
    const inner = this.#text.slice(this.#at + 1, end);
    this.#at = end + 1;
    return this.#options.keepQuotes ? `'${inner}'` : inner;
  }

  #doubleQuoted(): string {
    const mark = this.#options.keepQuotes ? '"' : '';
    const result = [mark];
    this.#at++;
    while (this.#at < this.#text.length) {
      const character = this.#text.charAt(this.#at);
      if (character === '"') {
        this.#at++;
        return [...result, mark].join('');
      }
      if (character === '$') {
        result.push(this.#dollar());
        continue;
      }
      this.#at++;
      if (character !== this.#options.escapeToken) {
        result.push(character);
        continue;
      }
      const escaped = this.#text.charAt(this.#at);
      if (this.#options.keepEscapes) result.push(character);
      if (escapable.has(escaped) || escaped === this.#options.escapeToken) result.push(this.#next());
      else if (escaped !== '') result.push(character);
    }
    throw new SyntaxFault('A double quote (") has no end.');
  }

  #dollar(): string {
    this.#at++;
    if (this.#text.charAt(this.#at) !== '{') {
      const name = this.#name();
      if (name === '') return '$';
      return this.#value(name) ?? (this.#options.keepUnset ? `$${name}` : '');
    }
    this.#at++;
    if (this.#at >= this.#text.length) throw new SyntaxFault('A substitution has no closing brace.');
    if ('{}:'.includes(this.#text.charAt(this.#at)))
      throw new SyntaxFault('A substitution ${…} names no variable.');
    const from = this.#at;
    const name = this.#name();
    const sign = this.#next();
    if (sign === '}') return this.#value(name) ?? (this.#options.keepUnset ? `\${${name}}` : '');
    const text = sign === '/' ? this.#replaced(name) : this.#modified(name, sign);
    return text ?? `\${${this.#text.slice(from, this.#at)}`;
  }

  /** `${name:-word}` and its like; null where an unset variable is to stay as written. */
  #modified(name: string, sign: string): string | null {
    const emptyIsUnset = sign === ':';
    const modifier = emptyIsUnset ? this.#next() : sign;
    if (!emptyIsUnset && !'+-?#%'.includes(modifier || ' ')) throw badModifier(sign);
    const trims = modifier === '#' || modifier === '%';
    const word = this.#until('}', trims);
    const value = this.#value(name);
    if (this.unknown) return '';
    if (value === null && this.#options.keepUnset) return null;
    const missing = value === null || (emptyIsUnset && value === '');
    switch (modifier) {
      case '-':
        return missing ? word : value;
      case '+':
        return missing ? '' : word;
      case '?':
        if (missing)
          throw new SyntaxFault(
            `${name}: ${word || `is not allowed to be ${value === null ? 'unset' : 'empty'}`}.`,
          );
        return value;
      case '#':
      case '%': {
        const greedy = word.startsWith(modifier);
        const pattern = shellPattern(greedy ? word.slice(1) : word);
        return modifier === '#' ? pattern.cutStart(value ?? '', greedy) : pattern.cutEnd(value ?? '', greedy);
      }
      default:
        throw badModifier(sign + modifier);
    }
  }

  /** `${name/pattern/replacement}` and, with two slashes, all of them. */
  #replaced(name: string): string | null {
    const all = this.#text.charAt(this.#at) === '/';
    if (all) this.#at++;
    const pattern = this.#until('/', true);
    const replacement = this.#until('}', true);
    const value = this.#value(name);
    if (this.unknown) return '';
    if (value === null && this.#options.keepUnset) return null;
    return shellPattern(pattern).replace(value ?? '', replacement, all);
  }

  #value(name: string): string | null {
    const value = this.#lookup(name);
    if (value !== undefined) return value;
    this.unknown = true;
    return '';
  }

  #name(): string {
    const rest = this.#text.slice(this.#at, this.#at + 256);
    const match = /^(?:\p{Nd}+|[@*#?\-$!]|[\p{L}_][\p{L}\p{Nd}_]*)/u.exec(rest);
    let name = match?.[0] ?? '';
    if (name.length === 256) name = /^[\p{L}\p{Nd}_]+/u.exec(this.#text.slice(this.#at))?.[0] ?? name;
    this.#at += name.length;
    return name;
  }
}

const badModifier = (sign: string): SyntaxFault =>
  new SyntaxFault(
    `"${sign}" is not a modifier of a substitution.`,
    'Known are ${X:-word}, ${X:+word}, ${X:?word}, ${X#pattern}, ${X%pattern} and ${X/pattern/word}.',
  );
