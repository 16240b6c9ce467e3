/** Which packages an image has, from the notes that package managers left in it. Nothing of the image is run. */
import { randomBytes } from 'node:crypto';
import { text } from 'node:stream/consumers';
import { extract } from 'tar-stream';
import type { Engine } from '../engine/engine.ts';
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
const notes: readonly {
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

/** Reads the image's files as one stream, in constant memory. */
export async function imagePackages(
  engine: Engine,
  image: string,
  labels: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<ImageContents> {
  const container = await engine.createContainer({
    name: `dwt-contents-${randomBytes(6).toString('hex')}`,
    image,
    // Never started; an image without a command of its own would be refused.
    command: ['true'],
    network: 'none',
    labels,
  });
  try {
    signal.throwIfAborted();
    return await readNotes(await engine.readArchive(container, '/'), signal);
  } finally {
    await engine.removeContainer(container);
  }
}

async function readNotes(tar: NodeJS.ReadableStream, signal: AbortSignal): Promise<ImageContents> {
  const packages = new Map<string, InstalledPackage>();
  let distribution: ImageContents['distribution'] = null;
  const entries = extract();
  tar.on('error', (error) => entries.destroy(error));
  tar.pipe(entries);
  for await (const entry of entries) {
    signal.throwIfAborted();
    const { name, type, size = 0 } = entry.header;
    const path = name.replace(/^(?:\.?\/)+/, '');
    const note = notes.find(({ path: wanted, except }) => wanted.test(path) && !except?.test(path));
    const isRelease = path === 'usr/lib/os-release' || path === 'etc/os-release';
    if (type !== 'file' || size > longestNote || !(note || isRelease)) {
      entry.resume();
      continue;
    }
    const content = await text(entry);
    if (isRelease) distribution ??= distributionOf(content);
    for (const found of note?.read(content) ?? [])
      packages.set(`${found.type} ${found.name} ${found.version} ${found.architecture}`, found);
  }
  const sorted = [...packages].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, found]) => found);
  return { packages: sorted, distribution };
}

function distributionOf(osRelease: string): ImageContents['distribution'] {
  const value = (name: string): string | null =>
    new RegExp(`^${name}=["']?([^"'\\n]*)`, 'm').exec(osRelease)?.[1] || null;
  const id = value('ID');
  return id === null ? null : { id, release: value('VERSION_CODENAME') ?? value('VERSION_ID') };
}
