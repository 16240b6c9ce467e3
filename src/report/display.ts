/** One interface for everything that draws the event stream, and the choice among them. */
import type { Emit } from '../events.ts';
import { plainDisplay } from './plain.ts';

export interface Display {
  readonly emit: Emit;
  /** Draws the last state and leaves the terminal as it was. Nothing is drawn after it. */
  close(): void;
}

export const progressModes = ['auto', 'tty', 'plain', 'quiet'] as const;
export type ProgressMode = (typeof progressModes)[number];

export interface DisplayOptions {
  readonly mode: ProgressMode;
  readonly stream: NodeJS.WriteStream;
  readonly environment: NodeJS.ProcessEnv;
  /** Whether the result is going to be shown on the same terminal, so that the tree need not stay. */
  readonly resultFollows: boolean;
}

/** `auto` is a tree in a terminal, and lines elsewhere or where CI says that a log is kept. */
export async function openDisplay({
  mode,
  stream,
  environment,
  resultFollows,
}: DisplayOptions): Promise<Display> {
  const live =
    mode === 'tty' ||
    (mode === 'auto' && stream.isTTY === true && !environment['CI'] && environment['TERM'] !== 'dumb');
  if (mode === 'quiet') return { emit: () => {}, close: () => {} };
  if (live) {
    const { treeDisplay } = await import('./tty.ts');
    return treeDisplay({ stream, environment, keep: !resultFollows });
  }
  return plainDisplay((line) => stream.write(`${line}\n`));
}
