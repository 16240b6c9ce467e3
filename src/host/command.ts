/** Runs programs of this machine and keeps what they said. */
import { spawn } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { DwtError } from '../errors.ts';

export type ProcessEnvironment = Readonly<Record<string, string | undefined>>;

export interface CommandOptions {
  readonly environment: ProcessEnvironment;
  readonly signal?: AbortSignal | undefined;
  readonly input?: string;
  /** Called with each line of output, without its end. */
  readonly onLine?: (line: string) => void;
}

export interface CommandResult {
  /** -1 where a signal ended it. */
  readonly exitCode: number;
  readonly stdout: string;
  /** The last lines of stdout and stderr together, for an error's detail. */
  readonly tail: string;
}

const tailLines = 25;
/** Folders of system programs that a plain user's or a cron job's PATH leaves out. */
const systemFolders = ['/usr/local/sbin', '/usr/sbin', '/sbin', '/usr/local/bin', '/usr/bin', '/bin'];

const folders = (environment: ProcessEnvironment): string[] => [
  ...(environment['PATH'] ?? '').split(':').filter((folder) => folder.startsWith('/')),
  ...systemFolders,
];

/** The environment with system folders at the end of PATH, and messages in English that do not depend on the locale. */
export const systemEnvironment = (environment: ProcessEnvironment): Record<string, string | undefined> => ({
  ...environment,
  PATH: [...new Set(folders(environment))].join(':'),
  LC_ALL: 'C.UTF-8',
});

/** Where a program is, or null where this machine does not have it. */
export function findProgram(name: string, environment: ProcessEnvironment): string | null {
  for (const folder of folders(environment)) {
    try {
      accessSync(join(folder, name), constants.X_OK);
      return join(folder, name);
    } catch {
      // the next folder may have it
    }
  }
  return null;
}

/** Runs a program to its end, whatever its exit status. Throws where it cannot be started or `signal` ends it. */
export async function run(
  program: string,
  parameters: readonly string[],
  options: CommandOptions,
): Promise<CommandResult> {
  const { environment, signal, input, onLine } = options;
  return await new Promise((resolve, reject) => {
    const child = spawn(program, parameters, {
      env: systemEnvironment(environment),
      stdio: ['pipe', 'pipe', 'pipe'],
      ...(signal && { signal }),
    });
    const stdout: string[] = [];
    const tail: string[] = [];
    const keep = (line: string) => {
      tail.push(line);
      if (tail.length > tailLines) tail.shift();
      onLine?.(line);
    };
    createInterface(child.stdout).on('line', (line) => {
      stdout.push(line);
      keep(line);
    });
    createInterface(child.stderr).on('line', keep);
    // A program that does not read its input closes it early; its exit status tells the outcome.
    child.stdin.on('error', () => undefined);
    child.stdin.end(input ?? '');
    child.once('error', (cause) => {
      if (signal?.aborted) reject(new DwtError('INTERRUPTED', `${program} was interrupted.`, { cause }));
      else
        reject(
          new DwtError('SETUP_FAILED', `${program} cannot be started.`, { cause, detail: cause.message }),
        );
    });
    child.once('close', (code) =>
      resolve({ exitCode: code ?? -1, stdout: stdout.join('\n'), tail: tail.join('\n') }),
    );
  });
}

/** Runs a program that must succeed and answers its stdout. */
export async function runChecked(
  program: string,
  parameters: readonly string[],
  options: CommandOptions,
): Promise<string> {
  const result = await run(program, parameters, options);
  if (result.exitCode === 0) return result.stdout;
  throw new DwtError(
    'SETUP_FAILED',
    `${program} ${parameters[0] ?? ''} failed with exit status ${result.exitCode}.`.replace('  ', ' '),
    { detail: result.tail },
  );
}
