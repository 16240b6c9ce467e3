/** What is written on: how wide it is and which marks it can show. */
import { styleText } from 'node:util';

/** Only the terminal's own sixteen colours, which its theme makes readable on light and dark alike. */
export type Style = 'bold' | 'dim' | 'red' | 'green' | 'yellow' | 'cyan';

export interface Paper {
  /** Columns; infinite where nothing limits a line. */
  readonly width: number;
  paint(style: Style, text: string): string;
}

/** A stream as paper: a terminal has its width and, unless NO_COLOR or TERM=dumb say no, colours. */
export function paperOf(stream: NodeJS.WriteStream, environment: NodeJS.ProcessEnv): Paper {
  return {
    width: stream.isTTY ? (stream.columns ?? 80) : Number.POSITIVE_INFINITY,
    paint: hasColours(stream, environment)
      ? (style, text) => styleText(style, text, { validateStream: false })
      : plainly,
  };
}

/** Paper without colours and without an edge. */
export const plainPaper: Paper = { width: Number.POSITIVE_INFINITY, paint: (_, text) => text };

const plainly: Paper['paint'] = (_, text) => text;

function hasColours(stream: NodeJS.WriteStream, environment: NodeJS.ProcessEnv): boolean {
  if (environment['NO_COLOR']) return false;
  const forced = environment['FORCE_COLOR'];
  if (forced !== undefined) return forced !== '0' && forced !== 'false';
  return stream.isTTY === true && stream.hasColors(16, environment);
}
