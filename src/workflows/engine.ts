/** The private Docker engine of a machine that has none: up, status, down. */
import { existsSync } from 'node:fs';
import { chmod, mkdir, rm, statfs, writeFile } from 'node:fs/promises';
import { DwtError } from '../errors.ts';
import type { Emit } from '../events.ts';
import { findProgram, type ProcessEnvironment } from '../host/command.ts';
import { installPackages, isRoot } from '../host/packages.ts';
import {
  containerNameservers,
  ensureBridge,
  hostMtu,
  keepingDocker0,
  removeBridge,
} from '../local-engine/bridge.ts';
import {
  askVersion,
  daemonPid,
  networkDevices,
  startDaemon,
  stopDaemon,
  waitForDaemon,
} from '../local-engine/daemon.ts';
import { restoreFirewall, saveFirewall } from '../local-engine/firewall.ts';
import { firewallEnvironment, prepareCgroups, storageDriver } from '../local-engine/kernel.ts';
import { type EnginePaths, enginePaths } from '../local-engine/paths.ts';
import { runTask } from '../task.ts';

export interface EngineOptions {
  readonly environment: ProcessEnvironment;
  readonly emit: Emit;
  readonly signal: AbortSignal;
}

export interface EngineStatus {
  readonly running: boolean;
  /** For `--engine` and DOCKER_HOST. */
  readonly url: string;
  /** Of the engine; null where it does not run. */
  readonly version: string | null;
  readonly pid: number | null;
  /** Folder of images, containers and volumes. */
  readonly data: string;
  readonly log: string;
  /** Bytes that are free for images. */
  readonly free: number | null;
}

export interface EngineUpResult extends EngineStatus {
  /** False where it ran already. */
  readonly started: boolean;
}

export interface EngineDownResult {
  /** False where it did not run. */
  readonly stopped: boolean;
  /** Whether images, containers and volumes were removed. */
  readonly purged: boolean;
}

/** Longest wait for the first answer; a slow disk and many images take tens of seconds. */
const startTimeoutSeconds = 120;
/** A unix socket's path cannot be longer, and the longest that dockerd makes below its exec root has about 60. */
const longestRuntimeFolder = 45;

export async function engineStatus({
  environment,
}: Pick<EngineOptions, 'environment'>): Promise<EngineStatus> {
  const paths = enginePaths(environment);
  const version = existsSync(paths.socket) ? await askVersion(paths.socket) : null;
  const disk = existsSync(paths.home) ? await statfs(paths.home) : null;
  return {
    running: version !== null,
    url: `unix://${paths.socket}`,
    version,
    pid: daemonPid(paths),
    data: paths.dataRoot,
    log: paths.log,
    free: disk && disk.bavail * disk.bsize,
  };
}

/** Starts the private engine and waits until it answers; does nothing where it runs already. */
export async function engineUp({ environment, emit, signal }: EngineOptions): Promise<EngineUpResult> {
  return await runTask<EngineUpResult>(emit, 'engine', 'Private Docker engine', async (step) => {
    const before = await engineStatus({ environment });
    if (before.running)
      return { value: { ...before, started: false }, detail: `runs already, ${before.version}` };
    const paths = enginePaths(environment);
    refuseWhereItCannotRun(paths);
    if (!programs.every((program) => findProgram(program, environment))) {
      await step('Installing dockerd from Debian packages', ({ log }) =>
        installPackages(packages(), {
          environment,
          signal,
          purpose: 'start an engine',
          onLine: (line) => log(`${line}\n`),
        }),
      );
    }
    const parameters = await step('Preparing folders and network', () => prepare(paths, environment, emit));
    await step('Starting dockerd', ({ progress }) =>
      start(parameters, paths, environment, signal, (seconds) =>
        progress('seconds', Math.floor(seconds), null),
      ),
    );
    const status = await engineStatus({ environment });
    return { value: { ...status, started: true }, detail: `${status.version} on ${status.url}` };
  });
}

const programs = ['dockerd', 'containerd', 'iptables', 'ip', 'mount'];
const packages = (): string[] => [
  'docker.io',
  'iptables',
  'iproute2',
  'ca-certificates',
  'mount',
  // Where the kernel has AppArmor, dockerd loads a profile for each container with its parser.
  ...(existsSync('/sys/module/apparmor') ? ['apparmor'] : []),
];

function refuseWhereItCannotRun(paths: EnginePaths): void {
  if (process.platform !== 'linux') {
    throw new DwtError('SETUP_FAILED', `A private engine needs Linux; this is ${process.platform}.`, {
      hint: 'Install Docker Desktop, or name an engine with --engine or DOCKER_HOST.',
    });
  }
  if (!isRoot()) {
    throw new DwtError('SETUP_FAILED', 'Only root can start a private engine.', {
      hint: 'Run it with sudo, or name an engine that you may use with --engine or DOCKER_HOST.',
    });
  }
  if (paths.runtime.length > longestRuntimeFolder) {
    throw new DwtError(
      'SETUP_FAILED',
      `The folder ${paths.runtime} has too long a name for the engine's sockets.`,
      {
        hint: `Set XDG_RUNTIME_DIR to a folder with at most ${longestRuntimeFolder - 4} characters.`,
      },
    );
  }
}

/** Makes folders and bridge, and answers dockerd's parameters. */
async function prepare(paths: EnginePaths, environment: ProcessEnvironment, emit: Emit): Promise<string[]> {
  // What a run that was killed has left would be in the way.
  await stopDaemon(paths, environment);
  await mkdir(paths.dataRoot, { recursive: true });
  await chmod(paths.home, 0o711);
  if (!existsSync(paths.settings)) await writeFile(paths.settings, '{}\n');
  await mkdir(paths.execRoot, { recursive: true });
  await prepareCgroups(environment);
  await ensureBridge(paths.bridge, environment);
  const driver = await storageDriver(paths.dataRoot, environment);
  if (driver === 'vfs') {
    emit({
      type: 'warning',
      message: `The file system of ${paths.dataRoot} carries no overlays, so every image layer is a full copy: slow, and large.`,
      hint: 'Set XDG_DATA_HOME to a folder on ext4 or xfs; inside a container, on a volume.',
    });
  }
  const nameservers = containerNameservers();
  if (nameservers === null) {
    emit({
      type: 'warning',
      message: 'The only resolver of this machine listens on loopback, where containers do not reach it.',
      hint: 'If builds cannot resolve names, put a name server that the network reaches into /etc/resolv.conf and start the engine anew.',
    });
  }
  const mtu = hostMtu();
  return [
    ['--data-root', paths.dataRoot],
    ['--exec-root', paths.execRoot],
    ['--pidfile', paths.pidFile],
    ['--host', `unix://${paths.socket}`],
    ['--bridge', paths.bridge],
    ['--exec-opt', 'native.cgroupdriver=cgroupfs'],
    ['--storage-driver', driver],
    ['--config-file', paths.settings],
    ...(mtu === null ? [] : [['--mtu', String(mtu)]]),
    ...(nameservers ?? []).map((server) => ['--dns', server]),
  ].flat();
}

async function start(
  parameters: readonly string[],
  paths: EnginePaths,
  environment: ProcessEnvironment,
  signal: AbortSignal,
  onWait: (seconds: number) => void,
): Promise<void> {
  const daemonEnvironment = await firewallEnvironment(environment, `${paths.runtime}/bin`);
  const firewall = await saveFirewall(daemonEnvironment);
  try {
    await keepingDocker0(environment, async () => {
      const pid = startDaemon(parameters, paths, daemonEnvironment);
      await waitForDaemon(pid, paths, startTimeoutSeconds, onWait, signal);
    });
  } catch (thrown) {
    await stopDaemon(paths, environment);
    await removeBridge(paths.bridge, daemonEnvironment);
    throw thrown;
  } finally {
    await restoreFirewall(firewall, paths.bridge, daemonEnvironment);
  }
}

/** Stops the private engine and removes its bridge; `purge` removes images, containers and volumes too. */
export async function engineDown({
  environment,
  emit,
  purge,
}: EngineOptions & { readonly purge: boolean }): Promise<EngineDownResult> {
  return await runTask(emit, 'engine', 'Private Docker engine', async (step) => {
    const paths = enginePaths(environment);
    const stopped = daemonPid(paths) !== null;
    if (!isRoot() && (stopped || purge)) {
      throw new DwtError('SETUP_FAILED', 'Only root can stop the private engine.', {
        hint: 'Run it with sudo.',
      });
    }
    if (isRoot()) {
      await step('Stopping dockerd', async () => {
        const devices = [paths.bridge, ...(await networkDevices(paths.socket))];
        await stopDaemon(paths, environment);
        for (const device of devices) await removeBridge(device, environment);
        await rm(`${paths.runtime}/bin`, { recursive: true, force: true });
      });
    }
    if (purge)
      await step('Removing images, containers and volumes', () =>
        rm(paths.home, { recursive: true, force: true }),
      );
    const detail = `${stopped ? 'stopped' : 'did not run'}${purge ? ', data removed' : ''}`;
    return { value: { stopped, purged: purge }, detail };
  });
}
