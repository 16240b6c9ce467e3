// From nothing to a running JupyterLab that was proved: engine, base image, build, smoke test, open.
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { connectEngine } from '../src/engine/connect.ts';
import type { Engine } from '../src/engine/engine.ts';
import { asDwtError, DwtError } from '../src/errors.ts';
import { ensureBase } from '../src/workflows/base.ts';
import { engineUp } from '../src/workflows/engine.ts';
import { root } from './bootstrap.js';
import { say, sayEvent } from './progress.ts';

const stage = 'python-jupyterlab';
const container = 'dwt-quickstart';
const port = 8888;
const stopCommand = 'npm run quickstart -- --stop';

const { env: environment } = process;
const words = new Set(process.argv.slice(2));
const stays = !words.has('--no-open') && !environment['CI'];
const abort = new AbortController();
const { signal } = abort;
let child: ReturnType<typeof spawn> | null = null;
process.on('SIGINT', () => abort.abort());
process.on('SIGTERM', () => {
  abort.abort();
  child?.kill('SIGTERM');
});

const began = performance.now();
const seconds = (since: number): string => `${((performance.now() - since) / 1000).toFixed(1)} s`;
const megabytes = (bytes: number): string => `${Math.round(bytes / 1e6)} MB`;

/** Runs a program with its progress on our stderr and answers what it wrote to stdout. */
async function capture(
  program: string,
  parameters: readonly string[],
): Promise<{ stdout: string; status: number }> {
  return await new Promise((resolve, reject) => {
    const started = spawn(program, parameters, {
      cwd: root,
      env: environment,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    child = started;
    let stdout = '';
    started.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
    });
    started.once('error', reject);
    started.once('close', (code) => resolve({ stdout, status: code ?? 130 }));
  });
}

/** Runs `dwt … --json` as a user would. */
async function dwt<T>(...parameters: string[]): Promise<T> {
  say(`$ dwt ${parameters.join(' ')}`);
  const { stdout, status } = await capture(process.execPath, [
    join(root, 'bin/run.js'),
    ...parameters,
    '--json',
  ]);
  if (signal.aborted) throw new DwtError('INTERRUPTED', 'The quickstart was interrupted.');
  if (status !== 0) {
    throw new DwtError('SETUP_FAILED', `dwt ${parameters[0]} ended with exit status ${status}.`, {
      hint: 'What it said is above; npm run quickstart goes on from there when run again.',
      ...(stdout.trim() && { detail: stdout.trim() }),
    });
  }
  return JSON.parse(stdout) as T;
}

async function findEngine(): Promise<Engine> {
  try {
    return await connectEngine({ environment, signal });
  } catch (thrown) {
    if (asDwtError(thrown).code !== 'ENGINE_UNREACHABLE' || environment['DOCKER_HOST']) throw thrown;
  }
  say('No Docker engine answers on this machine; starting a private one.');
  const { url } = await engineUp({ environment, emit: sayEvent, signal });
  return await connectEngine({ engine: url, environment, signal });
}

interface BuildResult {
  readonly images: readonly {
    readonly reference: string;
    readonly action: string;
    readonly seconds: number;
  }[];
}

interface SmokeTestResult {
  readonly images: readonly {
    readonly checks: readonly { readonly name: string; readonly verdict: string; readonly detail: string }[];
  }[];
}

/** Starts JupyterLab on a free port of this machine and waits until it answers. */
async function open(engine: Engine, image: string): Promise<string> {
  await engine.removeContainer(container).catch(() => undefined);
  const id = await engine.createContainer({
    name: container,
    image,
    publish: [port],
    labels: { 'dwt.kind': 'quickstart' },
  });
  await engine.startContainer(id);
  const started = performance.now();
  for (;;) {
    if (signal.aborted) throw new DwtError('INTERRUPTED', 'The quickstart was interrupted.');
    const state = await engine.containerState(id);
    const url = `http://127.0.0.1:${state.published[port]}/`;
    const answer = state.running
      ? await fetch(url, { signal: AbortSignal.timeout(5000) }).catch(() => null)
      : null;
    if (answer?.ok) return url;
    if (!state.running || performance.now() - started > 60_000) {
      const what = state.running ? 'does not answer' : `ended with exit status ${state.exitCode}`;
      throw new DwtError('NOT_READY', `JupyterLab ${what}.`, { detail: await engine.containerLogs(id, 20) });
    }
    await sleep(300);
  }
}

async function main(): Promise<void> {
  const build = await capture('npm', ['run', '--silent', 'build']);
  if (build.status !== 0)
    throw new DwtError('SETUP_FAILED', `npm run build ended with exit status ${build.status}.`);
  const engine = await findEngine();
  try {
    const { version } = await engine.version();
    say(`Engine: Docker ${version} at ${engine.url} (${engine.source}).`);
    const { reference: base } = await ensureBase({ engine, environment, emit: sayEvent, signal });
    say(`Base image: ${base}.`);
    const target = ['--engine', engine.url];
    const built = await dwt<BuildResult>('build', stage, ...target);
    const tested = await dwt<SmokeTestResult>('smoke-test', stage, ...target);
    const image = built.images[0];
    if (!image) throw new DwtError('INTERNAL', 'dwt build answered no image.');
    const details = await engine.inspectImage(image.reference);
    const url = await open(engine, image.reference);
    say('');
    say(
      `${image.reference}: ${image.action} in ${image.seconds.toFixed(1)} s, ${megabytes(details?.size ?? 0)}.`,
    );
    for (const { name, verdict, detail } of tested.images[0]?.checks ?? [])
      say(`  ${verdict === 'pass' ? '✓' : '✗'} ${name}: ${detail}`);
    say(`All of it took ${seconds(began)}.`);
    if (stays) {
      say(`\nJupyterLab runs at ${url}\nStop it with: ${stopCommand}`);
    } else {
      await engine.removeContainer(container);
      say(`JupyterLab answered at ${url} and is stopped again.`);
    }
  } finally {
    engine.close();
  }
}

async function stop(): Promise<void> {
  const engine = await connectEngine({ environment, signal });
  await engine.removeContainer(container);
  engine.close();
  say('JupyterLab is stopped. The engine runs on; dwt engine down stops a private one.');
}

try {
  await (words.has('--stop') ? stop() : main());
} catch (thrown) {
  const error = asDwtError(thrown);
  say(`\nError ${error.code}: ${error.message}`);
  if (error.detail) say(error.detail);
  if (error.hint) say(error.hint);
  process.exitCode = error.exitStatus;
}
