/** What this machine's kernel lets an engine do: file systems, packet filter, control groups. */
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DwtError } from '../errors.ts';
import { findProgram, type ProcessEnvironment, run } from '../host/command.ts';

export type StorageDriver = 'overlay2' | 'fuse-overlayfs' | 'vfs';

/** The fastest driver that works on the file system of `dataRoot`, found by trying; overlayfs cannot lie on overlayfs. */
export async function storageDriver(
  dataRoot: string,
  environment: ProcessEnvironment,
): Promise<StorageDriver> {
  // An engine sees only the images of the driver that it runs with, so what is there decides.
  const drivers: readonly StorageDriver[] = ['overlay2', 'fuse-overlayfs', 'vfs'];
  const used = drivers.find((driver) => existsSync(join(dataRoot, 'image', driver)));
  if (used) return used;
  const folder = await mkdtemp(join(dataRoot, 'probe-'));
  try {
    const [lower, upper, work, merged] = ['lower', 'upper', 'work', 'merged'].map((name) =>
      join(folder, name),
    ) as [string, string, string, string];
    for (const path of [lower, upper, work, merged]) await mkdir(path);
    const layers = `lowerdir=${lower},upperdir=${upper},workdir=${work}`;
    const mounted = await run('mount', ['-t', 'overlay', 'overlay', '-o', layers, merged], { environment });
    if (mounted.exitCode === 0) {
      await run('umount', [merged], { environment });
      return 'overlay2';
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  const fuse = existsSync('/dev/fuse') && findProgram('fuse-overlayfs', environment) !== null;
  return fuse ? 'fuse-overlayfs' : 'vfs';
}

/**
 * The environment in which `iptables` works: this machine's, or one whose PATH leads to the other of Debian's two
 * variants, linked in `folder`; which of them the kernel supports differs, and the machine's own choice is not touched.
 */
export async function firewallEnvironment(
  environment: ProcessEnvironment,
  folder: string,
): Promise<ProcessEnvironment> {
  const works = async (program: string) =>
    findProgram(program, environment) !== null &&
    (await run(program, ['-w', '5', '-t', 'nat', '-S'], { environment })).exitCode === 0;
  if (await works('iptables')) return environment;
  for (const variant of ['legacy', 'nft']) {
    if (!(await works(`iptables-${variant}`))) continue;
    await rm(folder, { recursive: true, force: true });
    await mkdir(folder, { recursive: true });
    for (const family of ['iptables', 'ip6tables']) {
      for (const suffix of ['', '-save', '-restore']) {
        const program = findProgram(`${family}-${variant}${suffix}`, environment);
        if (program !== null) await symlink(program, join(folder, `${family}${suffix}`));
      }
    }
    return { ...environment, PATH: `${folder}:${environment['PATH'] ?? ''}` };
  }
  throw new DwtError(
    'SETUP_FAILED',
    'iptables does not work on this machine, so containers of a private engine would have no way to the network.',
    {
      hint: 'Inside a container, start it privileged; on a machine of your own, look at what `iptables -t nat -S` says as root.',
    },
  );
}

const cgroups = '/sys/fs/cgroup';

/** Control groups must be there; inside a container with cgroup v2 its processes must also leave the root of the tree. */
export async function prepareCgroups(environment: ProcessEnvironment): Promise<void> {
  if (existsSync(join(cgroups, 'cgroup.controllers'))) {
    // Only a group below the machine's own root has a type; that one may not hold both processes and controlled groups.
    if (!existsSync(join(cgroups, 'cgroup.type'))) return;
    const group = join(cgroups, 'init');
    await mkdir(group, { recursive: true });
    for (const pid of readFileSync(join(cgroups, 'cgroup.procs'), 'utf8').split('\n').filter(Boolean)) {
      // A process that ended meanwhile, or one of the kernel, cannot be moved and need not be.
      await writeFile(join(group, 'cgroup.procs'), pid).catch(() => undefined);
    }
    const controllers = readFileSync(join(cgroups, 'cgroup.controllers'), 'utf8').trim().split(/\s+/);
    for (const controller of controllers) {
      await writeFile(join(cgroups, 'cgroup.subtree_control'), `+${controller}`).catch(() => undefined);
    }
    return;
  }
  if (existsSync(join(cgroups, 'devices')) || existsSync(join(cgroups, 'cpu'))) return;
  await mkdir(cgroups, { recursive: true });
  const mounted = await run('mount', ['-t', 'cgroup2', 'cgroup2', cgroups], { environment });
  if (mounted.exitCode !== 0) {
    throw new DwtError(
      'SETUP_FAILED',
      `No control groups are mounted at ${cgroups}, and they cannot be mounted.`,
      {
        hint: 'Inside a container, start it privileged.',
        detail: mounted.tail,
      },
    );
  }
}
