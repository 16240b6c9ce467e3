/** The commands that are measured, and the peer that dwt is measured against: docker with buildx. */
import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

export interface Command {
  readonly words: readonly string[];
  readonly folder: string;
  readonly environment?: Readonly<Record<string, string>>;
}

export interface Outcome {
  readonly seconds: number;
  readonly status: number;
  readonly output: string;
}

/**
 * Where the peer runs. An engine from a newer distribution comes with its docker client in a root of its own
 * (`scripts/newest-engine.sh`): then BENCH_DOCKER is `chroot ROOT docker` and BENCH_ROOT is ROOT, so that both see the
 * same folders.
 */
export const peer = {
  docker: (process.env['BENCH_DOCKER'] ?? 'docker').split(' '),
  root: process.env['BENCH_ROOT'] ?? '',
  engine: process.env['BENCH_ENGINE'] ?? process.env['DOCKER_HOST'] ?? 'unix:///var/run/docker.sock',
};

const dwtPath = resolve(import.meta.dirname, '../bin/run.js');

/** `dwt WORDS` as users start it: the bundle, on this Node. */
export const dwt = (folder: string, ...words: string[]): Command => ({
  words: [process.execPath, dwtPath, ...words],
  folder,
  environment: { DOCKER_HOST: peer.engine },
});

/** `docker WORDS` against the same engine; several commands are a loop in a shell. */
export function docker(folder: string, ...commands: readonly (readonly string[])[]): Command {
  const [first = 'docker', ...rest] = peer.docker;
  const inside = folder.slice(peer.root.length);
  const lines = commands.map((words) => ['docker', ...words].map(quote).join(' '));
  const script = `cd ${quote(inside)} && export DOCKER_HOST=${quote(peer.engine)} && ${lines.join(' && ')}`;
  return rest.length === 0
    ? { words: ['sh', '-c', script], folder }
    : { words: [first, ...rest.slice(0, -1), 'sh', '-c', script], folder };
}

const quote = (word: string): string => `'${word.replaceAll("'", `'\\''`)}'`;

export async function run(command: Command): Promise<Outcome> {
  const [program = '', ...words] = command.words;
  const start = performance.now();
  const child = spawn(program, words, {
    cwd: command.folder,
    env: { ...process.env, ...command.environment, CI: 'true' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  const keep = (chunk: Buffer) => {
    output = (output + chunk.toString()).slice(-20_000);
  };
  child.stdout.on('data', keep);
  child.stderr.on('data', keep);
  const status = await new Promise<number>((done, fail) => {
    child.on('error', fail);
    child.on('close', (code) => done(code ?? 1));
  });
  return { seconds: (performance.now() - start) / 1000, status, output };
}

/** Runs and insists on success: a command that fails has no time. */
export async function timed(command: Command): Promise<number> {
  const { seconds, status, output } = await run(command);
  if (status !== 0) throw new Error(`${command.words.join(' ')} ended with ${status}:\n${output}`);
  return seconds;
}

export async function inFolder<T>(work: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(peer.root, tmpdir(), 'dwt-bench-'));
  try {
    return await work(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
