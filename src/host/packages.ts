/** Installs Debian packages on this machine without starting the services that come with them. */

import { existsSync, readFileSync } from 'node:fs';
import { chmod, rename, rm, writeFile } from 'node:fs/promises';
import { DwtError } from '../errors.ts';
import { findProgram, type ProcessEnvironment, run } from './command.ts';

const policyFile = '/usr/sbin/policy-rc.d';
const setAside = `${policyFile}.before-dwt`;
const policy = `#!/bin/sh
# Written by dwt while it installs packages: no service is started by their installation.
exit 101
`;

export interface InstallOptions {
  readonly environment: ProcessEnvironment;
  readonly signal?: AbortSignal | undefined;
  /** What the packages are for, to end the sentence "… is needed to". */
  readonly purpose: string;
  readonly onLine: (line: string) => void;
}

export const isRoot = (): boolean => process.getuid?.() === 0;

/** True where the package is installed on this machine; false too where there is no dpkg. */
export function isInstalled(name: string): boolean {
  // One stanza per package, separated by empty lines; reading it takes a few milliseconds and no process.
  const status = existsSync('/var/lib/dpkg/status') ? readFileSync('/var/lib/dpkg/status', 'utf8') : '';
  const at = `\n${status}`.indexOf(`\nPackage: ${name}\n`);
  return at >= 0 && /^Status: \S+ ok installed$/m.test(status.slice(at, status.indexOf('\n\n', at)));
}

/** Debian's init scripts ask `policy-rc.d` whether they may start: while `work` runs, they may not. */
async function withoutStartingServices<T>(work: () => Promise<T>): Promise<T> {
  // A run that was killed leaves both behind; what was there before it is still the one to put back.
  const leftover = existsSync(policyFile) && readFileSync(policyFile, 'utf8') === policy;
  if (!leftover && existsSync(policyFile)) await rename(policyFile, setAside);
  await writeFile(policyFile, policy);
  await chmod(policyFile, 0o755);
  try {
    return await work();
  } finally {
    if (existsSync(setAside)) await rename(setAside, policyFile);
    else await rm(policyFile, { force: true });
  }
}

/** Installs the packages that are missing; does nothing where all are there. Needs root and apt. */
export async function installPackages(names: readonly string[], options: InstallOptions): Promise<void> {
  const missing = names.filter((name) => !isInstalled(name));
  if (missing.length === 0) return;
  const list = missing.join(' ');
  const { environment, signal, onLine, purpose } = options;
  const aptGet = findProgram('apt-get', environment);
  if (aptGet === null) {
    throw new DwtError(
      'SETUP_FAILED',
      `${list} is needed to ${purpose}, and this machine has no apt-get to install it.`,
      {
        hint: `Install ${list} with this machine's own package manager and run the command again.`,
      },
    );
  }
  if (!isRoot()) {
    throw new DwtError('SETUP_FAILED', `${list} is needed to ${purpose}, and only root can install it.`, {
      hint: `Run: sudo apt-get install --no-install-recommends ${list}`,
    });
  }
  const apt = async (parameters: readonly string[]) =>
    await run(aptGet, ['-o', 'Acquire::Retries=5', '-o', 'DPkg::Lock::Timeout=120', '-q', ...parameters], {
      environment: { ...environment, DEBIAN_FRONTEND: 'noninteractive' },
      signal,
      onLine,
    });
  const updated = await apt(['update']);
  const installed = await withoutStartingServices(() =>
    apt(['install', '-y', '--no-install-recommends', ...missing]),
  );
  if (installed.exitCode !== 0) {
    throw new DwtError('SETUP_FAILED', `apt-get could not install ${list}.`, {
      hint:
        updated.exitCode === 0
          ? 'Look at what apt-get said; if a package source did not answer, run the command again.'
          : "apt-get update failed too: check this machine's package sources and its way to them (proxy, certificates).",
      detail: installed.tail,
    });
  }
}
