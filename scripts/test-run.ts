// Finds or starts the engine that the tests need, runs jest on the quick suites, and says the totals.
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { officialBase, ownBase } from '../src/debian-base/reference.ts';
import { connectEngine } from '../src/engine/connect.ts';
import type { Engine } from '../src/engine/engine.ts';
import { asDwtError } from '../src/errors.ts';
import { findProgram } from '../src/host/command.ts';
import { installPackages, isInstalled, isRoot } from '../src/host/packages.ts';
import { ensureBase } from '../src/workflows/base.ts';
import { engineDown, engineUp } from '../src/workflows/engine.ts';
import { root } from './bootstrap.js';
import { say, sayEvent } from './progress.ts';
import { ciTestPackages, imageTestPackages, testPackages } from './test-packages.ts';

/** Suites of `npm test`; `images`, which builds the real Dockerfile, and `ci`, which needs Java, are asked for by name. */
const quickSuites = ['unit', 'wire', 'engine'];
const parameters = process.argv.slice(2);
const suites = chosenSuites(parameters);
const abort = new AbortController();
const { signal } = abort;

function chosenSuites(words: readonly string[]): string[] {
  const at = words.indexOf('--selectProjects');
  if (at < 0) return quickSuites;
  const rest = words.slice(at + 1);
  const end = rest.findIndex((word) => word.startsWith('-'));
  return end < 0 ? rest : rest.slice(0, end);
}

/** The engine's folders under the checkout, so that a test engine never mixes with the user's own. */
function testEngineEnvironment(): NodeJS.ProcessEnv {
  const runtime = mkdtempSync('/run/dwt-test-');
  return { ...process.env, XDG_DATA_HOME: join(root, '.dwt', 'test-engine'), XDG_RUNTIME_DIR: runtime };
}

interface Prepared {
  readonly url: string;
  readonly base: string;
  readonly stop: () => Promise<void>;
}

interface FoundEngine {
  readonly engine: Engine;
  readonly url: string;
  /** False for an engine that is there for other things than these tests. */
  readonly forTests: boolean;
  readonly stop: () => Promise<void>;
}

async function findEngine(): Promise<FoundEngine> {
  const named = process.env['DWT_TEST_ENGINE'];
  const nothing = async () => undefined;
  try {
    const engine = await connectEngine({ engine: named, environment: process.env, signal });
    say(`Engine: ${engine.url} (${named ? 'DWT_TEST_ENGINE' : engine.source}).`);
    return { engine, url: named ?? engine.url, forTests: named !== undefined, stop: nothing };
  } catch (thrown) {
    if (named || asDwtError(thrown).code !== 'ENGINE_UNREACHABLE') throw thrown;
  }
  say('No engine answers; starting a private one for the tests.');
  const environment = testEngineEnvironment();
  const { url } = await engineUp({ environment, emit: sayEvent, signal });
  const stop = async () => {
    await engineDown({ environment, emit: sayEvent, signal: new AbortController().signal, purge: false });
    rmSync(environment['XDG_RUNTIME_DIR'] ?? '', { recursive: true, force: true });
  };
  try {
    return { engine: await connectEngine({ engine: url, environment, signal }), url, forTests: true, stop };
  } catch (thrown) {
    await stop();
    throw thrown;
  }
}

async function install(names: readonly string[]): Promise<void> {
  const missing = names.filter((name) => !isInstalled(name));
  if (missing.length === 0 || !isRoot()) return;
  say(`Installing what the tests start: ${missing.join(' ')}.`);
  await installPackages(missing, {
    environment: process.env,
    signal,
    purpose: 'run the tests',
    onLine: () => undefined,
  });
}

/** docker's client, which engines over ssh want: Debian has it in docker.io up to 12, and beside it since. */
async function installClient(): Promise<void> {
  if (findProgram('docker', process.env) !== null) return;
  await install(['docker-cli']).catch(() => install(['docker.io']));
}

async function prepare(): Promise<Prepared> {
  await install([
    ...testPackages,
    ...(suites.includes('images') ? imageTestPackages : []),
    ...(suites.includes('ci') ? ciTestPackages : []),
  ]);
  const { engine, url, forTests, stop } = await findEngine();
  try {
    await installClient();
    const { reference } = await ensureBase({ engine, environment: process.env, emit: sayEvent, signal });
    // Tests write `FROM debian:trixie` as users do. What stands in for it takes its name on engines for tests only.
    if (reference === ownBase && forTests) await engine.tag(ownBase, officialBase);
    return { url, base: reference, stop };
  } catch (thrown) {
    await stop();
    throw thrown;
  } finally {
    engine.close();
  }
}

function jest(environment: NodeJS.ProcessEnv, report: string): Promise<number> {
  const chosen = parameters.includes('--selectProjects') ? [] : ['--selectProjects', ...quickSuites];
  // Tests of the command line and of engines wait more than they compute; those of images build, and run browsers.
  const usual = suites.includes('images') ? 2 : 3;
  const workers = parameters.some((word) => /^(--maxWorkers|-w|-i$|--runInBand)/.test(word))
    ? []
    : [`--maxWorkers=${Math.max(usual, availableParallelism())}`];
  const words = [
    join(root, 'node_modules/jest/bin/jest.js'),
    // A connection that a test left open would keep the whole run from ending.
    '--forceExit',
    // On a busy machine an engine takes its time; a test that never ends is found by the minute as well.
    '--testTimeout=60000',
    ...workers,
    '--json',
    `--outputFile=${report}`,
    ...parameters,
    ...chosen,
  ];
  return new Promise((resolve, reject) => {
    // jest prints the JSON on stdout too where no reporter is named; its own reporter writes to stderr.
    const child = spawn(
      process.execPath,
      ['--experimental-vm-modules', '--disable-warning=ExperimentalWarning', ...words],
      {
        cwd: root,
        stdio: ['ignore', 'ignore', 'inherit'],
        env: environment,
      },
    );
    process.once('SIGINT', () => abort.abort());
    child.once('error', reject);
    child.once('close', (code) => resolve(code ?? 130));
  });
}

interface Report {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly numPendingTests: number;
  readonly numRuntimeErrorTestSuites: number;
}

/** Says the totals; answers the exit status: no test at all is a failure, as is a file that did not load. */
function conclude(report: string, status: number): number {
  if (!existsSync(report)) {
    say('jest wrote no report.\n0 passed, 1 failed');
    return status || 1;
  }
  const totals = JSON.parse(readFileSync(report, 'utf8')) as Report;
  const failed = totals.numFailedTests + totals.numRuntimeErrorTestSuites;
  const pending = totals.numPendingTests > 0 ? `, ${totals.numPendingTests} left out` : '';
  say(`${totals.numPassedTests} passed, ${failed} failed${pending}`);
  return status || (failed > 0 || totals.numPassedTests === 0 ? 1 : 0);
}

async function main(): Promise<number> {
  const scratch = mkdtempSync(join(tmpdir(), 'dwt-test-'));
  const report = process.env['DWT_TEST_REPORT'] ?? join(scratch, 'report.json');
  rmSync(report, { force: true });
  let prepared: Prepared | null = null;
  try {
    const needsEngine = suites.some((suite) => ['engine', 'images', 'ci'].includes(suite));
    prepared = needsEngine ? await prepare() : null;
    const environment = {
      ...process.env,
      ...(prepared && { DWT_TEST_ENGINE: prepared.url, DWT_TEST_BASE: prepared.base }),
    };
    return conclude(report, await jest(environment, report));
  } catch (thrown) {
    const error = asDwtError(thrown);
    say(
      `Error ${error.code}: ${error.message}${error.detail ? `\n${error.detail}` : ''}${error.hint ? `\n${error.hint}` : ''}`,
    );
    return error.exitStatus;
  } finally {
    await prepared?.stop();
    rmSync(scratch, { recursive: true, force: true });
  }
}

process.exitCode = await main();
