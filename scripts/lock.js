// npm run lock: completes package-lock.json. A registry mirror that serves one platform only makes npm leave out the
// optional packages of all others, and then `npm ci` refuses the file everywhere; they are added by name and version.
import { readFile, writeFile } from 'node:fs/promises';

const file = new URL('../package-lock.json', import.meta.url);
const systems = [
  'android',
  'darwin',
  'freebsd',
  'linux',
  'openharmony',
  'win32',
  'aix',
  'netbsd',
  'openbsd',
  'sunos',
];
const processors = ['arm64', 'arm', 'ia32', 'loong64', 'mips64el', 'ppc64', 'riscv64', 's390x', 'x64'];

/** What a platform package's name says of where it runs, or null where it says nothing. @param {string} name */
function platform(name) {
  const words = name.split('/').at(-1)?.split('-') ?? [];
  const os = words.find((word) => systems.includes(word));
  const cpu = words.find((word) => processors.includes(word));
  if (!os || !cpu) return null;
  const libc = words.some((word) => word.startsWith('musl'))
    ? ['musl']
    : words.some((word) => word.startsWith('gnu')) && os === 'linux'
      ? ['glibc']
      : null;
  return { cpu: [cpu], ...(libc && { libc }), optional: true, os: [os] };
}

const lock = JSON.parse(await readFile(file, 'utf8'));
const { packages } = lock;
let added = 0;
for (const [path, entry] of Object.entries(packages)) {
  for (const [name, version] of Object.entries(entry.optionalDependencies ?? {})) {
    const known = packages[`${path}/node_modules/${name}`] ?? packages[`node_modules/${name}`];
    const runsOn = platform(name);
    if (known || !runsOn || !/^\d+\.\d+\.\d+/.test(version)) continue;
    packages[`node_modules/${name}`] = { version, ...(entry.dev && { dev: true }), ...runsOn };
    added++;
  }
}
lock.packages = Object.fromEntries(Object.entries(packages).sort(([a], [b]) => a.localeCompare(b, 'en')));
await writeFile(file, `${JSON.stringify(lock, null, 2)}\n`);
process.stderr.write(`package-lock.json: ${added} packages of other platforms added.\n`);
