/** How an error looks, wherever it comes from. */
import { readFileSync } from 'node:fs';
import type { DwtError, Location } from '../errors.ts';
import type { Paper } from './paper.ts';

/** Lines of detail that are shown; more would push what matters off the screen. */
const mostDetail = 30;
/** Characters of one of them, for the same reason. */
const longestDetail = 400;

/** Code, sentence, place, detail, hint and cause, each on lines of its own. */
export function renderError(error: DwtError, paper: Paper): string {
  const { code, message, location, excerpt, detail, hint } = error;
  const lines = [`${paper.paint('red', `Error ${code}:`)} ${message}`];
  if (location)
    lines.push(
      paper.paint('cyan', `  at ${placeOf(location)}`),
      ...(excerpt === undefined && detail === undefined ? sourceLines(location) : []),
    );
  if (excerpt !== undefined) lines.push('', ...indented(excerpt.split('\n').map(bounded)));
  if (detail !== undefined) lines.push('', ...indented(lastLines(detail)));
  if (excerpt !== undefined || detail !== undefined) lines.push('');
  if (hint !== undefined) lines.push(`  ${paper.paint('bold', 'Hint:')} ${hint}`);
  const causes = causesOf(error);
  for (const cause of causes) lines.push(paper.paint('dim', `  Cause: ${cause}`));
  return lines.join('\n');
}

/** `FILE:LINE:COLUMN`. */
export const placeOf = ({ file, line, column }: Location): string =>
  [file, line, column].filter((part) => part !== undefined).join(':');

/** The line that the location names and its neighbours, where the file can be read. */
function sourceLines({ file, line }: Location): string[] {
  let source: string[];
  try {
    source = readFileSync(file, 'utf8').split(/\r?\n/);
  } catch {
    // The place is named all the same; a file that is gone is not a second error.
    return [];
  }
  const first = Math.max(1, line - 1);
  const last = Math.min(source.length, line + 1);
  const width = String(last).length;
  const shown: string[] = [''];
  for (let number = first; number <= last; number++) {
    shown.push(
      `    ${number === line ? '>' : ' '} ${String(number).padStart(width)} | ${source[number - 1] ?? ''}`.trimEnd(),
    );
  }
  return [...shown, ''];
}

const indented = (lines: readonly string[]): string[] => lines.map((line) => `    ${line}`);

const bounded = (line: string): string =>
  line.length <= longestDetail ? line : `${line.slice(0, longestDetail)} … (${line.length} characters)`;

function lastLines(detail: string): string[] {
  const lines = detail.trimEnd().split('\n').map(bounded);
  return lines.length <= mostDetail
    ? lines
    : [`… (${lines.length - mostDetail} lines left out)`, ...lines.slice(-mostDetail)];
}

/** The messages of the chain of causes, without what the message above already says. */
export function causesOf(error: DwtError): string[] {
  const causes: string[] = [];
  const said = [error.message];
  let cause: unknown = error.cause;
  while (cause !== undefined && cause !== null && causes.length < 3) {
    const text =
      (cause instanceof Error ? cause.message || cause.name : String(cause)).trim().split('\n', 1)[0] ?? '';
    if (text !== '' && !said.some((earlier) => earlier.includes(text))) {
      causes.push(text);
      said.push(text);
    }
    cause = cause instanceof Error ? cause.cause : undefined;
  }
  return causes;
}
