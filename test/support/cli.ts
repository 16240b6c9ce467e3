/** Runs the real command line from its sources, with nothing of the machine's own settings. */
import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

export const repository = fileURLToPath(new URL('../..', import.meta.url));

export interface CliResult {
  /** Null where a signal ended it. */
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CliOptions {
  readonly cwd?: string;
  /** Home of the run: nothing of the user's docker configuration is seen. */
  readonly home: string;
  readonly environment?: Readonly<Record<string, string>>;
  /** Entry point; default: the sources. */
  readonly program?: string;
}

export interface RunningCli {
  readonly child: ChildProcess;
  readonly result: Promise<CliResult>;
  /** Resolves when stderr has this text; rejects where the program ends before. */
  said(text: string): Promise<void>;
}

export function startCli(words: readonly string[], options: CliOptions): RunningCli {
  const child = spawn(process.execPath, ['--', options.program ?? `${repository}bin/dev.js`, ...words], {
    cwd: options.cwd ?? options.home,
    env: {
      PATH: process.env['PATH'] ?? '',
      HOME: options.home,
      XDG_RUNTIME_DIR: options.home,
      // Dozens of starts from the sources: each is half the work where what was compiled is kept.
      NODE_COMPILE_CACHE: `${repository}node_modules/.cache/dwt-test`,
      ...options.environment,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  const result = new Promise<CliResult>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (status) => resolve({ status, stdout, stderr }));
  });
  const said = (text: string): Promise<void> =>
    new Promise((resolve, reject) => {
      const look = () => {
        if (stderr.includes(text)) resolve();
      };
      child.stderr.on('data', look);
      child.once('close', () => reject(new Error(`It ended without saying "${text}": ${stderr}`)));
      look();
    });
  return { child, result, said };
}

export const runCli = (words: readonly string[], options: CliOptions): Promise<CliResult> =>
  startCli(words, options).result;
