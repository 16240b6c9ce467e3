/** The dockerd process: found, started, waited for, ended. */
import { spawn } from 'node:child_process';
import { closeSync, existsSync, openSync, readdirSync, readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { DwtError } from '../errors.ts';
import { type ProcessEnvironment, run, systemEnvironment } from '../host/command.ts';
import type { EnginePaths } from './paths.ts';

const commandLine = (pid: number): string[] => {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
  } catch {
    return []; // it has ended
  }
};

/** Ended, or waiting for a parent that does not collect it. */
const hasEnded = (pid: number): boolean => {
  try {
    return /^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return true;
  }
};

/** The pid of our dockerd, or null. A number in a file proves nothing: its command line names our data root. */
export function daemonPid(paths: EnginePaths): number | null {
  const pid = existsSync(paths.pidFile) ? Number(readFileSync(paths.pidFile, 'utf8').trim()) : 0;
  if (!Number.isInteger(pid) || pid <= 1 || hasEnded(pid)) return null;
  const words = commandLine(pid);
  return words[0]?.endsWith('dockerd') && words.includes(paths.dataRoot) ? pid : null;
}

/** Processes that a dockerd of ours leaves behind when it is killed: its containerd, shims, port proxies. */
const remainingPids = (paths: EnginePaths): number[] =>
  readdirSync('/proc')
    .map(Number)
    .filter((pid) => Number.isInteger(pid) && pid > 1 && pid !== process.pid)
    .filter((pid) => {
      const words = commandLine(pid);
      return (
        /(containerd|containerd-shim[^/]*|docker-proxy)$/.test(words[0] ?? '') &&
        words.some((word) => word.startsWith(`${paths.execRoot}/`))
      );
    });

/** What the engine answers on a path of its API; null where it does not answer, or not with JSON. */
async function ask(socket: string, path: string): Promise<unknown> {
  return await new Promise((resolve) => {
    const asked = request({ socketPath: socket, path, timeout: 2000 }, (response) => {
      let body = '';
      response.setEncoding('utf8');
      response.on('data', (text: string) => (body += text));
      response.on('error', () => resolve(null));
      response.on('end', () => {
        try {
          resolve(JSON.parse(body));
        } catch {
          resolve(null);
        }
      });
    });
    asked.on('timeout', () => asked.destroy());
    asked.on('error', () => resolve(null));
    asked.end();
  });
}

/** The engine's version; null where it does not answer. */
export async function askVersion(socket: string): Promise<string | null> {
  const answer = (await ask(socket, '/version')) as { Version?: string } | null;
  return answer?.Version ?? null;
}

/** Devices of the networks that users made on the engine; dockerd leaves them on the machine when it ends. */
export async function networkDevices(socket: string): Promise<string[]> {
  const answer = await ask(socket, '/networks?filters=%7B%22driver%22%3A%5B%22bridge%22%5D%7D');
  const networks = Array.isArray(answer)
    ? (answer as { Id: string; Name: string; Options?: Record<string, string> }[])
    : [];
  return networks
    .filter(({ Name }) => Name !== 'bridge')
    .map(({ Id, Options }) => Options?.['com.docker.network.bridge.name'] ?? `br-${Id.slice(0, 12)}`);
}

/** Starts dockerd so that it lives on when this program ends. */
export function startDaemon(
  parameters: readonly string[],
  paths: EnginePaths,
  environment: ProcessEnvironment,
): number {
  const log = openSync(paths.log, 'w', 0o600);
  try {
    const child = spawn('dockerd', parameters, {
      detached: true,
      stdio: ['ignore', log, log],
      cwd: '/',
      env: systemEnvironment(environment),
    });
    // Where it cannot be started, waiting for it finds no process and reports.
    child.on('error', () => undefined);
    child.unref();
    return child.pid ?? 0;
  } finally {
    closeSync(log);
  }
}

const logTail = (paths: EnginePaths, lines: number): string =>
  existsSync(paths.log) ? readFileSync(paths.log, 'utf8').trimEnd().split('\n').slice(-lines).join('\n') : '';

/** Waits until dockerd answers; `onWait` is told the seconds and the last line of its log. */
export async function waitForDaemon(
  pid: number,
  paths: EnginePaths,
  timeoutSeconds: number,
  onWait: (seconds: number, line: string) => void,
  signal: AbortSignal,
): Promise<string> {
  const started = performance.now();
  for (;;) {
    if (signal.aborted) throw new DwtError('INTERRUPTED', 'Starting the engine was interrupted.');
    const version = await askVersion(paths.socket);
    if (version !== null) return version;
    const seconds = (performance.now() - started) / 1000;
    if (pid === 0 || hasEnded(pid)) {
      throw new DwtError('SETUP_FAILED', `dockerd ended after ${seconds.toFixed(1)} s without an answer.`, {
        hint: `Its whole log is ${paths.log}.`,
        detail: logTail(paths, 20),
      });
    }
    if (seconds > timeoutSeconds) {
      throw new DwtError('SETUP_FAILED', `dockerd did not answer within ${timeoutSeconds} s.`, {
        hint: `Its whole log is ${paths.log}.`,
        detail: logTail(paths, 20),
      });
    }
    onWait(seconds, logTail(paths, 1));
    await sleep(200);
  }
}

const end = async (pid: number, signalName: NodeJS.Signals, seconds: number): Promise<boolean> => {
  try {
    process.kill(pid, signalName);
  } catch {
    return true;
  }
  for (let waited = 0; waited < seconds * 10; waited++) {
    if (hasEnded(pid)) return true;
    await sleep(100);
  }
  return hasEnded(pid);
};

/** Ends dockerd, gently at first, then what it left: processes, mounts, sockets. */
export async function stopDaemon(paths: EnginePaths, environment: ProcessEnvironment): Promise<void> {
  const pid = daemonPid(paths);
  if (pid !== null && !(await end(pid, 'SIGTERM', 30))) await end(pid, 'SIGKILL', 5);
  for (const remaining of remainingPids(paths)) await end(remaining, 'SIGKILL', 5);
  await unmountBelow([paths.dataRoot, paths.execRoot], environment);
  for (const path of [paths.execRoot, paths.socket, paths.pidFile])
    await rm(path, { recursive: true, force: true });
}

/** Unmounts what is mounted below these folders, deepest first. */
async function unmountBelow(folders: readonly string[], environment: ProcessEnvironment): Promise<void> {
  const mounts = readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    // mountinfo writes spaces and the like in octal
    .map((line) =>
      (line.split(' ')[4] ?? '').replace(/\\([0-7]{3})/g, (_, octal) =>
        String.fromCharCode(Number.parseInt(octal, 8)),
      ),
    )
    .filter((path) => folders.some((folder) => path === folder || path.startsWith(`${folder}/`)))
    .sort((a, b) => b.length - a.length);
  for (const path of mounts) await run('umount', ['-l', path], { environment });
}
