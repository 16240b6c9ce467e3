/** Platforms: `linux/arm64/v8` and the build arguments that BuildKit derives from them. */
import { SyntaxFault } from './failure.ts';

const architectures: Readonly<Record<string, string>> = {
  x86_64: 'amd64',
  'x86-64': 'amd64',
  aarch64: 'arm64',
  i386: '386',
  armhf: 'arm/v7',
  armel: 'arm/v6',
  arm64: 'arm64',
  x64: 'amd64',
  ia32: '386',
};
const operatingSystems = new Set([
  'linux',
  'windows',
  'darwin',
  'freebsd',
  'netbsd',
  'openbsd',
  'solaris',
  'illumos',
  'aix',
  'android',
  'dragonfly',
  'hurd',
  'ios',
  'js',
  'nacl',
  'plan9',
  'zos',
  'macos',
]);
const knownArchitectures = new Set([
  '386',
  'amd64',
  'amd64p32',
  'arm',
  'armbe',
  'arm64',
  'arm64be',
  'ppc64',
  'ppc64le',
  'loong64',
  'mips',
  'mipsle',
  'mips64',
  'mips64le',
  'mips64p32',
  'mips64p32le',
  'ppc',
  'riscv',
  'riscv64',
  's390',
  's390x',
  'sparc',
  'sparc64',
  'wasm',
]);

/** The platform of this machine as an engine on it would name it. */
export const localPlatform = (): string => `linux/${architectures[process.arch] ?? process.arch}`;

/**
 * Refuses what BuildKit cannot read as a platform.
 *
 * @throws SyntaxFault
 */
export function checkPlatform(platform: string): void {
  const parts = platform.toLowerCase().split('/');
  const wellFormed =
    parts.length <= 3 &&
    parts.every((part) => /^[a-z0-9_.-]+(?:\([a-z0-9_.-]*\))?(?:\+[a-z0-9_.-]+)*$/.test(part));
  const [only = ''] = parts;
  const oneWord =
    operatingSystems.has(only) || knownArchitectures.has(only) || Object.hasOwn(architectures, only);
  if (!wellFormed || (parts.length === 1 && !oneWord)) {
    throw new SyntaxFault(`"${platform}" is no platform.`, 'Write OS/ARCHITECTURE, such as linux/amd64.');
  }
}

/** BUILDPLATFORM, TARGETARCH and so on, which are known before the first FROM. */
export function platformArguments(target: string, build: string): Map<string, string> {
  const values = new Map<string, string>();
  for (const [prefix, platform] of [
    ['BUILD', build],
    ['TARGET', target],
  ] as const) {
    const [os = 'linux', written = '', variant = ''] = platform.split('/');
    const [architecture = '', implied = ''] = (architectures[written] ?? written).split('/');
    values.set(`${prefix}PLATFORM`, [os, architecture, variant || implied].filter(Boolean).join('/'));
    values.set(`${prefix}OS`, os);
    values.set(`${prefix}OSVERSION`, '');
    values.set(`${prefix}ARCH`, architecture);
    values.set(`${prefix}VARIANT`, variant || implied);
  }
  return values;
}
