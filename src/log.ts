/** The log of a run: JSON lines in a file, with nothing in it that is concealed. */
import { closeSync, openSync, writeSync } from 'node:fs';
import { DwtError } from './errors.ts';
import type { DwtEvent, Emit } from './events.ts';
import { redact } from './redact.ts';

export const logLevels = ['error', 'warn', 'info', 'debug'] as const;
export type LogLevel = (typeof logLevels)[number];

export interface Log {
  readonly emit: Emit;
  start(command: string, argv: readonly string[]): void;
  failed(error: unknown): void;
  /** Answers what a user should know of a log that is not whole; null where it is. */
  close(): string | null;
}

const silent: Log = { emit: () => {}, start: () => {}, failed: () => {}, close: () => null };

/**
 * Opens the log; without a file there is none, and what writes one is not even loaded. A disk that becomes full ends
 * the log, not the run.
 *
 * @throws DwtError USAGE where the file cannot be written.
 */
export async function openLog(file: string | undefined, level: LogLevel): Promise<Log> {
  if (file === undefined) return silent;
  const { default: pino } = await import('pino');
  const descriptor = openFile(file);
  let lost: string | null = null;
  const destination = {
    write(line: string) {
      if (lost !== null) return;
      try {
        writeSync(descriptor, redact(line));
      } catch (error) {
        lost = `The log file ${file} is not whole: ${error instanceof Error ? error.message : error}.`;
      }
    },
  };
  const logger = pino({ level, base: null, timestamp: pino.stdTimeFunctions.isoTime }, destination);
  return {
    emit: (event) => logger[levelOf(event)](event, event.type),
    start: (command, argv) =>
      logger.info(
        { command, argv, node: process.version, platform: process.platform, cwd: process.cwd() },
        'start',
      ),
    failed: (error) => logger.error({ err: error }, 'failed'),
    close() {
      closeSync(descriptor);
      return lost;
    },
  };
}

function openFile(file: string): number {
  try {
    return openSync(file, 'a');
  } catch (error) {
    throw new DwtError('USAGE', `The log file ${file} cannot be written.`, {
      hint: 'Give a file in a folder that you can write to with --log-file.',
      cause: error,
    });
  }
}

function levelOf(event: DwtEvent): LogLevel {
  switch (event.type) {
    case 'warning':
      return 'warn';
    case 'step-log':
    case 'step-progress':
      return 'debug';
    case 'task-finished':
      return event.outcome === 'failed' ? 'error' : 'info';
    default:
      return 'info';
  }
}
