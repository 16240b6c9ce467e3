// The first phase of `npm test` and `npm run quickstart`: brings the project's own packages, and with them the Node
// that it is pinned to. Runs on any Node from 18 with nothing installed, so it uses Node's own modules only.
import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('..', import.meta.url));
const binaries = join(root, 'node_modules', 'node', 'bin');
const pinnedNode = join(binaries, 'node');

/** @param {string} text */
export const say = (text) => process.stderr.write(`${text}\n`);

/**
 * Runs a program with its output on ours; answers its exit status.
 * @param {string} program
 * @param {readonly string[]} parameters
 * @param {{ env?: NodeJS.ProcessEnv }} [options]
 * @returns {Promise<number>}
 */
function run(program, parameters, { env = process.env } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(program, parameters, { cwd: root, env, stdio: ['ignore', 2, 2] });
    child.once('error', reject);
    child.once('close', (code) => resolve(code ?? 1));
  });
}

/** npm by way of the npm that runs this script, so that it works too where npm is not in PATH. */
const npm = (/** @type {readonly string[]} */ parameters) => {
  const script = process.env.npm_execpath;
  return script?.endsWith('.js') ? run(process.execPath, [script, ...parameters]) : run('npm', parameters);
};

/** Package path → version, as npm notes them. @param {string} file */
const versions = (file) =>
  new Map(
    Object.entries(JSON.parse(readFileSync(join(root, file), 'utf8')).packages).map(([path, entry]) => [
      path,
      entry,
    ]),
  );

/** True where node_modules has every package of the lock file in its version; those of other platforms may be missing. */
function isInstalled() {
  const note = 'node_modules/.package-lock.json';
  if (!existsSync(join(root, note)) || !existsSync(pinnedNode)) return false;
  const installed = versions(note);
  return [...versions('package-lock.json')].every(
    ([path, entry]) =>
      path === '' || (installed.has(path) ? installed.get(path).version === entry.version : entry.optional),
  );
}

/** Installs node_modules where it is missing or older than the lock file. */
async function installPackages() {
  if (isInstalled()) return;
  say("Installing the project's npm packages (npm ci); half a minute where the registry is near.");
  for (let attempt = 1; ; attempt++) {
    const status = await npm(['ci', '--no-audit', '--no-fund', '--loglevel=error']);
    if (status === 0) break;
    if (attempt === 3) {
      throw new Error(
        `npm ci failed with exit status ${status}, three times. What npm said is above; check this machine's way to ` +
          'its npm registry (`npm ping`, proxy, certificates) and run the command again.',
      );
    }
    say(`npm ci failed with exit status ${status}; trying again in ${attempt * 5} s.`);
    await sleep(attempt * 5000);
  }
  if (!existsSync(pinnedNode)) await npm(['rebuild', 'node']);
  if (!existsSync(pinnedNode)) {
    throw new Error(
      `npm installed no Node into ${binaries}: allow the install script of the package "node" (npm config get ignore-scripts).`,
    );
  }
}

/**
 * Installs what is missing, then runs a script of this project on the pinned Node, and ends with its exit status.
 * @param {string} script relative to the project
 * @param {readonly string[]} parameters
 */
export async function runOnPinnedNode(script, parameters) {
  const major = Number(process.versions.node.split('.')[0]);
  if (major < 18)
    throw new Error(`Node 18 or newer is needed to start, and this is Node ${process.versions.node}.`);
  await installPackages();
  const path = [binaries, join(root, 'node_modules', '.bin'), process.env.PATH ?? ''].join(delimiter);
  const child = spawn(pinnedNode, [join(root, script), ...parameters], {
    cwd: root,
    stdio: 'inherit',
    env: { ...process.env, PATH: path },
  });
  // Ctrl-C reaches the child too, which cleans up; this process waits for it.
  for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM'])) {
    process.on(signal, () => signal === 'SIGTERM' && child.kill(signal));
  }
  process.exitCode = await new Promise((resolve) => {
    child.once('error', (error) => {
      say(`Error: the pinned Node cannot be started: ${error.message}.`);
      resolve(1);
    });
    child.once('close', (code, signal) => resolve(code ?? (signal === 'SIGINT' ? 130 : 1)));
  });
}

/**
 * @param {string} script
 */
export async function main(script) {
  try {
    await runOnPinnedNode(script, process.argv.slice(2));
  } catch (error) {
    say(`Error: ${error instanceof Error ? error.message : error}`);
    process.exitCode = 1;
  }
}
