/** From the bytes of a Dockerfile to its instructions, one logical line each: directives, comments, continuations, heredocs. */
import { DockerfileFault } from './failure.ts';
import { type Heredoc, heredocsOf } from './heredoc.ts';
import { trimStart } from './space.ts';
import { type Head, splitHead } from './words.ts';

export interface HeredocText extends Heredoc {
  /** Everything up to the terminator, line ends included. */
  readonly content: string;
}

export interface LogicalLine extends Head {
  readonly start: number;
  readonly end: number;
  readonly heredocs: readonly HeredocText[];
}

export interface LogicalLines {
  readonly lines: readonly LogicalLine[];
  readonly escapeToken: string;
}

/** BuildKit's scanner gives up on a longer line, in bytes. */
const longestLine = 65_535;
const directive = /^#[\t\v\f\r ]*([a-zA-Z][a-zA-Z0-9]*)\s*=\s*(\S(?:.*\S)?)\s*$/;
const knownDirectives = new Set(['syntax', 'escape', 'check']);

/** Cuts a Dockerfile into logical lines. */
export function logicalLines(source: string): LogicalLines {
  const physical = source.replace(/^\uFEFF/, '').split('\n');
  if (physical.at(-1) === '') physical.pop();
  const escapeToken = readDirectives(physical);
  const lines: LogicalLine[] = [];
  let next = 0;

  const read = (): string => {
    const line = physical[next++] ?? '';
    if (line.length * 3 > longestLine && Buffer.byteLength(line) > longestLine) {
      throw new DockerfileFault(next, `A line of a Dockerfile is at most ${longestLine} bytes long.`);
    }
    return line.replace(/\r+$/, '');
  };

  while (next < physical.length) {
    const first = trimStart(read());
    const start = next;
    if (first === '' || first.startsWith('#')) continue;
    const parts: string[] = [];
    let rest = cutContinuation(first, escapeToken);
    parts.push(rest ?? first);
    while (rest !== null && next < physical.length) {
      const line = read();
      const text = trimStart(line);
      if (text === '' || text.startsWith('#')) continue;
      rest = cutContinuation(line, escapeToken);
      parts.push(rest ?? line);
    }
    const joined = parts.join('');
    const head = splitHead(joined);
    const heredocs = heredocsOf(head, joined).map((heredoc) => ({
      ...heredoc,
      content: readHeredoc(heredoc, start),
    }));
    lines.push({ ...head, start, end: next, heredocs });
  }
  return { lines, escapeToken };

  function readHeredoc(heredoc: Heredoc, start: number): string {
    const content: string[] = [];
    while (next < physical.length) {
      const raw = physical[next++] ?? '';
      const line = raw.replace(/\r+$/, '');
      if ((heredoc.chomp ? line.replace(/^\t+/, '') : line) === heredoc.name) return content.join('');
      content.push(`${raw}\n`);
    }
    throw new DockerfileFault(
      start,
      `The heredoc <<${heredoc.name} is not ended by a line "${heredoc.name}".`,
    );
  }
}

/** The text before a continuation at the line's end, or null where it has none. A doubled escape continues nothing. */
function cutContinuation(line: string, escapeToken: string): string | null {
  let end = line.length;
  while (end > 0 && (line[end - 1] === ' ' || line[end - 1] === '\t')) end--;
  if (line[end - 1] !== escapeToken || line[end - 2] === escapeToken) return null;
  return line.slice(0, end - 1);
}

/** Directives count only at the very top; anything else, a plain comment too, ends them. Answers the escape character. */
function readDirectives(physical: readonly string[]): string {
  const seen = new Set<string>();
  let escapeToken = '\\';
  for (const [index, line] of physical.entries()) {
    const match = directive.exec(trimStart(line));
    const name = match?.[1]?.toLowerCase() ?? '';
    if (!knownDirectives.has(name)) break;
    if (seen.has(name)) {
      throw new DockerfileFault(index + 1, `The parser directive "${name}" is given twice.`);
    }
    seen.add(name);
    if (name !== 'escape') continue;
    escapeToken = match?.[2] ?? '';
    if (escapeToken !== '\\' && escapeToken !== '`') {
      throw new DockerfileFault(
        index + 1,
        `The escape character "${escapeToken}" is neither \\ nor a backquote.`,
      );
    }
  }
  return escapeToken;
}
