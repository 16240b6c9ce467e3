/** Which packages an image has, from the notes that package managers left in it. */
import { randomBytes } from 'node:crypto';
import { text } from 'node:stream/consumers';
import { extract } from 'tar-stream';
import type { ContainerSpec, Engine } from '../engine/engine.ts';
import { debianPackages, type InstalledPackage, npmPackage, pythonPackage, rPackage } from './packages.ts';

export interface ImageContents {
  /** Each once, by type, name and version. */
  readonly packages: readonly InstalledPackage[];
  /** Such as `debian` and `trixie`; null where the image does not say. */
  readonly distribution: { readonly id: string; readonly release: string | null } | null;
}

/** A note that is longer is none of a package manager. */
const longestNote = 64 << 20;

const one = (found: InstalledPackage | null): InstalledPackage[] => (found === null ? [] : [found]);

/**
 * Path without its first slash → how it is read. What Debian's packages bring of Python, R and Node is theirs already;
 * that is in the folders that are theirs alone.
 */
const kinds: readonly {
  readonly path: RegExp;
  readonly read: (note: string) => InstalledPackage[];
  readonly except?: RegExp;
}[] = [
  { path: /^var\/lib\/dpkg\/status$/, read: debianPackages },
  { path: /^var\/lib\/dpkg\/status\.d\/[^/]+$/, read: debianPackages, except: /\.md5sums$/ },
  {
    path: /\.(?:dist-info\/METADATA|egg-info\/PKG-INFO)$/,
    read: (note) => one(pythonPackage(note)),
    except: /^usr\/(?:lib|share)\/python/,
  },
  { path: /(?:^|\/)[^/]+\/DESCRIPTION$/, read: (note) => one(rPackage(note)), except: /^usr\/lib\/R\// },
  {
    path: /(?:^|\/)node_modules\/(?:@[^/]+\/)?[^/]+\/package\.json$/,
    read: (note) => one(npmPackage(note)),
    except: /^usr\/(?:share|lib)\/(?:[^/]+\/)?nodejs\//,
  },
];

/** The same for `find`, which may find more: what it answers is looked at as everything else. */
const findNotes = `find / -xdev -type f '(' ${[
  "-path '/var/lib/dpkg/status*'",
  "-path '*.dist-info/METADATA'",
  "-path '*.egg-info/PKG-INFO'",
  '-name DESCRIPTION',
  "-path '*/node_modules/*/package.json'",
  '-name os-release',
].join(' -o ')} ')' -print0 2>/dev/null | tar -c --null -T - 2>/dev/null`;

export interface ReadOptions {
  readonly engine: Engine;
  /** By id or reference. */
  readonly image: string;
  /** Of the container that it is read through. */
  readonly labels: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
}

/**
 * Looks for the notes with the image's own \`find\` and \`tar\`, without a network. An image that has none is read as a
 * whole, in constant memory: that takes ten times as long.
 */
export async function imagePackages(options: ReadOptions): Promise<ImageContents> {
  const found = await readByItself(options).catch(() => null);
  options.signal.throwIfAborted();
  return found ?? (await readWhole(options));
}

async function readByItself(options: ReadOptions): Promise<ImageContents | null> {
  const { engine, signal } = options;
  const idle = { entrypoint: ['sh', '-c', 'sleep 3600'], user: '0', host: { ReadonlyRootfs: true } };
  return inContainer(options, idle, async (container) => {
    await engine.startContainer(container);
    const tar = await engine.openExec(container, ['sh', '-c', findNotes], { user: '0' });
    const { contents, notes } = await readNotes(tar, signal);
    // Nothing at all is what an image without find answers as well.
    return notes === 0 ? null : contents;
  });
}

const readWhole = (options: ReadOptions): Promise<ImageContents> =>
  // Never started; an image without a command of its own would be refused.
  inContainer(options, { command: ['true'] }, async (container) => {
    const { contents } = await readNotes(await options.engine.readArchive(container, '/'), options.signal);
    return contents;
  });

async function inContainer<T>(
  { engine, image, labels, signal }: ReadOptions,
  spec: Partial<ContainerSpec>,
  read: (container: string) => Promise<T>,
): Promise<T> {
  const name = `dwt-contents-${randomBytes(6).toString('hex')}`;
  const container = await engine.createContainer({ name, image, network: 'none', labels, ...spec });
  try {
    signal.throwIfAborted();
    return await read(container);
  } finally {
    await engine.removeContainer(container);
  }
}

async function readNotes(
  tar: NodeJS.ReadableStream,
  signal: AbortSignal,
): Promise<{ contents: ImageContents; notes: number }> {
  let notes = 0;
  const packages = new Map<string, InstalledPackage>();
  let distribution: ImageContents['distribution'] = null;
  const entries = extract();
  tar.on('error', (error) => entries.destroy(error));
  tar.pipe(entries);
  for await (const entry of entries) {
    signal.throwIfAborted();
    const { name, type, size = 0 } = entry.header;
    const path = name.replace(/^(?:\.?\/)+/, '');
    const kind = kinds.find(({ path: wanted, except }) => wanted.test(path) && !except?.test(path));
    const isRelease = path === 'usr/lib/os-release' || path === 'etc/os-release';
    if (type !== 'file' || size > longestNote || !(kind || isRelease)) {
      entry.resume();
      continue;
    }
    notes += 1;
    const content = await text(entry);
    if (isRelease) distribution ??= distributionOf(content);
    for (const found of kind?.read(content) ?? [])
      packages.set(`${found.type} ${found.name} ${found.version} ${found.architecture}`, found);
  }
  const sorted = [...packages].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, found]) => found);
  return { contents: { packages: sorted, distribution }, notes };
}

function distributionOf(osRelease: string): ImageContents['distribution'] {
  const value = (name: string): string | null =>
    new RegExp(`^${name}=["']?([^"'\\n]*)`, 'm').exec(osRelease)?.[1] || null;
  const id = value('ID');
  return id === null ? null : { id, release: value('VERSION_CODENAME') ?? value('VERSION_ID') };
}
