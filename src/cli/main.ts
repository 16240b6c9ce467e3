/** Runs one command line: the only place where a thrown error becomes text, and the program ends. */
import { Config, run, settings } from '@oclif/core';
import { DwtError } from '../errors.ts';
import { packageRoot } from '../package-root.ts';
import { printErrors, printJson } from './print.ts';
import { asCliError, refuseUnknownCommand } from './usage.ts';

export interface MainOptions {
  readonly argv: readonly string[];
  /** Module that exports the commands, relative to the package; default: the one that package.json names. */
  readonly commands?: string;
}

/** Never returns: what an adapter may have left open must not keep the program alive. */
export async function main({ argv, commands }: MainOptions): Promise<void> {
  // The sources run as they are; nothing is to look for a transpiler.
  settings.enableAutoTranspile = false;
  const lost = watchStreams();
  const status = await runCommandLine(argv, commands);
  await Promise.all([process.stdout, process.stderr].map(flushed));
  const error = lost();
  if (error) printErrors([error]);
  process.exit(status === 0 && error ? error.exitStatus : status);
}

async function runCommandLine(argv: readonly string[], commands: string | undefined): Promise<number> {
  let config: Config | null = null;
  try {
    config = await loadConfig(commands);
    await refuseUnknownCommand(argv, config);
    const status: unknown = await run([...argv], config);
    return typeof status === 'number' ? status : 0;
  } catch (thrown) {
    const error = await asCliError(thrown, argv, config);
    if (error === null) return 0;
    if (asksForJson(argv)) printJson({ error });
    printErrors([error]);
    return error.exitStatus;
  }
}

async function loadConfig(commands: string | undefined): Promise<Config> {
  const root = packageRoot();
  if (commands === undefined) return Config.load({ root });
  const { readFile } = await import('node:fs/promises');
  const pjson = JSON.parse(await readFile(`${root}/package.json`, 'utf8'));
  pjson.oclif.commands.target = commands;
  // The manifest is of the last build; sources speak for themselves.
  return Config.load({ root, pjson, ignoreManifest: true });
}

function asksForJson(argv: readonly string[]): boolean {
  const end = argv.indexOf('--');
  const words = end === -1 ? argv : argv.slice(0, end);
  return words.includes('--json') || /(?:^| )--format[ =]json(?: |$)/.test(words.join(' '));
}

/**
 * A reader that has seen enough (`dwt stages | head -1`) is no failure; a result that cannot be written is one.
 * Answers how to ask for that failure.
 */
function watchStreams(): () => DwtError | null {
  let lost: DwtError | null = null;
  for (const stream of [process.stdout, process.stderr]) {
    // The framework's own listener would throw in the middle of something else.
    stream.removeAllListeners('error');
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EPIPE' || stream === process.stderr) return;
      const code = error.code === 'ENOSPC' ? 'DISK_FULL' : 'INTERNAL';
      lost = new DwtError(code, `The result cannot be written to stdout: ${error.message}.`, {
        cause: error,
      });
    });
  }
  return () => lost;
}

/** Resolves when all that was written has left, or cannot leave any more. */
const flushed = (stream: NodeJS.WriteStream): Promise<void> =>
  new Promise((resolve) => {
    stream.write('', () => resolve());
  });
