/** The result of one check, and how judges say it. */
import { DwtError } from '../errors.ts';

export type Verdict = 'pass' | 'fail';

/** What a judge says of evidence: `seen` is one line that names what was seen; `hint` is what a failure can be cured by. */
export interface Judgement {
  readonly verdict: Verdict;
  readonly seen: string;
  readonly hint?: string;
}

export interface CheckResult {
  readonly name: string;
  readonly verdict: Verdict;
  /** What was seen. */
  readonly detail: string;
  readonly seconds: number;
  /** The last lines of the container, or of the command that was run in it, where the check failed. */
  readonly output?: string;
  /** Absolute path of a picture of the page. */
  readonly screenshot?: string;
  readonly error?: DwtError;
}

export const pass = (seen: string): Judgement => ({ verdict: 'pass', seen });
export const fail = (seen: string, hint?: string): Judgement => ({
  verdict: 'fail',
  seen,
  ...(hint && { hint }),
});

/** `a`, `a and b`, `a, b and 3 more`: a list that fits in a line. */
export function enumerate(items: readonly string[], most = 6): string {
  const shown =
    items.length > most ? [...items.slice(0, most - 1), `${items.length - most + 1} more`] : [...items];
  const last = shown.pop() ?? '';
  return shown.length > 0 ? `${shown.join(', ')} and ${last}` : last;
}

export const plural = (count: number, one: string, many = `${one}s`): string =>
  `${count} ${count === 1 ? one : many}`;
export const inSeconds = (seconds: number): string => `${seconds.toFixed(1)} s`;

/** `last`: the container's last lines. */
export function checkFailed(name: string, seen: string, hint: string | undefined, last: string): DwtError {
  const sentence = `Check ${name} failed: ${seen.replace(/[.\s]+$/, '')}.`;
  return new DwtError('CHECK_FAILED', sentence, { ...(hint && { hint }), ...(last && { detail: last }) });
}
