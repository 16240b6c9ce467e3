/** Heredocs, which engines from 23 on know: `RUN <<EOF`, `COPY <<-"EOF" /target`. */
import { expandWords } from './expand.ts';
import { SyntaxFault } from './failure.ts';
import { type Head, jsonArray, splitHead } from './words.ts';

export interface Heredoc {
  readonly name: string;
  /** Tabs at the start of its lines are dropped. */
  readonly chomp: boolean;
  /** Whether variables in its content are substituted (COPY and ADD). */
  readonly expand: boolean;
}

const takesHeredoc = new Set(['RUN', 'COPY', 'ADD']);
const nothing = (): null => null;

/** The heredocs that a logical line announces, in the order in which their contents follow. */
export function heredocsOf(head: Head, line: string): Heredoc[] {
  if (!line.includes('<<')) return [];
  const inner = head.keyword === 'ONBUILD' ? splitHead(head.rest) : head;
  if (!takesHeredoc.has(inner.keyword) || isJson(inner.rest)) return [];
  return lenientWords(line).flatMap((word) => heredocOf(word) ?? []);
}

/** A word as a heredoc's start, or null where it is none. */
export function heredocOf(word: string): Heredoc | null {
  const match = /^\d*<<(-?)([^<]+)$/.exec(word);
  const rest = match?.[2];
  if (rest === undefined) return null;
  const options = { escapeToken: '\\', keepUnset: true };
  const [name, ...more] = expandWords(rest, nothing, options) ?? [];
  const [raw] = expandWords(rest, nothing, { ...options, keepQuotes: true }) ?? [];
  if (name === undefined || raw === undefined || more.length > 0) return null;
  return { name, chomp: match?.[1] === '-', expand: quotes(name) === quotes(raw) };
}

const quotes = (text: string): number => text.replace(/[^'"]/g, '').length;

function isJson(text: string): boolean {
  try {
    return jsonArray(text) !== null;
  } catch {
    return true;
  }
}

/** Shell text need not be a word list of ours; what cannot be read so announces nothing. */
function lenientWords(line: string): string[] {
  try {
    return (
      expandWords(line, nothing, {
        escapeToken: '\\',
        keepUnset: true,
        keepQuotes: true,
        keepEscapes: true,
      }) ?? []
    );
  } catch (thrown) {
    if (thrown instanceof SyntaxFault) return [];
    throw thrown;
  }
}
