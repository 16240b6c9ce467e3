/** Makes a minimal Debian root with mmdebstrap, the same bytes for the same package versions. */
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DwtError } from '../errors.ts';
import { findProgram, type ProcessEnvironment, run } from '../host/command.ts';
import { parseSources, sourcesForSuite, transportSettings } from './sources.ts';

/**
 * The time that every younger file in the image is given, and the image itself: the day of trixie's release. A time
 * that moved on would make another image of the same packages.
 */
export const baseTime = new Date('2025-08-09T00:00:00Z');

/** Debian's own signing keys, from the package of the same name. */
const keyring = '/usr/share/keyrings/debian-archive-keyring.gpg';

export interface DebianRoot {
  readonly packages: number;
  /** sha256 over the names and versions of all packages. */
  readonly packagesDigest: string;
}

export interface DebianRootOptions {
  readonly suite: string;
  /** Where the tar is written. */
  readonly tarFile: string;
  /** An empty folder for what is taken out of the root. */
  readonly scratch: string;
  readonly environment: ProcessEnvironment;
  readonly signal: AbortSignal;
  readonly onLine: (line: string) => void;
}

const read = (file: string): string => (existsSync(file) ? readFileSync(file, 'utf8') : '');

/** This machine's package sources for another suite, or null where it is no Debian or has too little of it. */
function hostSources(suite: string): string[] | null {
  const release = read('/etc/os-release');
  const codename = /^VERSION_CODENAME=(.+)$/m.exec(release)?.[1];
  if (!/^ID=debian$/m.test(release) || codename === undefined) return null;
  const folder = '/etc/apt/sources.list.d';
  const files = existsSync(folder)
    ? readdirSync(folder).filter((name) => /\.(list|sources)$/.test(name))
    : [];
  const texts = ['/etc/apt/sources.list', ...files.sort().map((name) => join(folder, name))].map(read);
  return sourcesForSuite(texts.flatMap(parseSources), codename, suite);
}

/**
 * What differs from machine to machine or from run to run, beyond what mmdebstrap removes itself. The settings under
 * which apt ran here are this machine's, not the image's.
 */
const tidy = [
  ': > "$1/etc/hostname"',
  ': > "$1/etc/resolv.conf"',
  'rm -f "$1/etc/apt/apt.conf.d/99mmdebstrap" "$1/var/cache/apt/archives/lock" "$1/var/lib/apt/lists/lock"',
  'rm -f "$1"/var/lib/dpkg/*-old "$1"/var/cache/debconf/*-old "$1"/etc/passwd- "$1"/etc/shadow- "$1"/etc/group- "$1"/etc/gshadow-',
].join(' && ');

export async function makeDebianRoot(options: DebianRootOptions): Promise<DebianRoot> {
  const { suite, tarFile, scratch, environment, signal, onLine } = options;
  const sources = hostSources(suite);
  const aptConfig = findProgram('apt-config', environment);
  const dump = aptConfig === null ? '' : (await run(aptConfig, ['dump'], { environment })).stdout;
  const settings = ['Acquire::Retries "5"', ...transportSettings(dump)];
  const parameters = [
    '--mode=root',
    '--variant=minbase',
    '--format=tar',
    `--keyring=${keyring}`,
    ...settings.map((setting) => `--aptopt=${setting}`),
    // Over https the image's own apt needs certificates.
    ...(sources?.some((line) => line.startsWith('deb https:')) ? ['--include=ca-certificates'] : []),
    `--customize-hook=copy-out /var/lib/dpkg/status ${scratch}`,
    `--customize-hook=${tidy}`,
    suite,
    tarFile,
    ...(sources ?? []),
  ];
  const result = await run('mmdebstrap', parameters, {
    environment: { ...environment, SOURCE_DATE_EPOCH: String(baseTime.getTime() / 1000), TMPDIR: scratch },
    signal,
    onLine,
  });
  if (result.exitCode !== 0) {
    throw new DwtError('SETUP_FAILED', `mmdebstrap could not make a root of Debian ${suite}.`, {
      hint: "Check that this machine's package sources answer (apt-get update); a signature that is not known needs a newer debian-archive-keyring.",
      detail: result.tail,
    });
  }
  return summarise(readFileSync(join(scratch, 'status'), 'utf8'));
}

/** Reads dpkg's status file. */
export function summarise(status: string): DebianRoot {
  const versions = status
    .split('\n\n')
    .flatMap((stanza) => {
      const name = /^Package: (.+)$/m.exec(stanza)?.[1];
      const version = /^Version: (.+)$/m.exec(stanza)?.[1];
      return name && version ? [`${name}=${version}`] : [];
    })
    .sort();
  const packagesDigest = createHash('sha256')
    .update(`${versions.join('\n')}\n`)
    .digest('hex');
  return { packages: versions.length, packagesDigest: `sha256:${packagesDigest}` };
}
