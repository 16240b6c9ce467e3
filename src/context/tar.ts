/** The context as a tar: the same bytes for the same files, on any checkout, in constant memory. */
import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pack } from 'tar-stream';
import type { BuildContext } from './context.ts';
import type { ContextEntry, FileEntry, FileStamp } from './entry.ts';
import { isSmall, readSmall } from './small.ts';
import { changed, expectSame, readFailure } from './tree.ts';

// The first moment that zip archives, and so Python wheels and jars made in a build, can express in every time zone.
const modified = new Date('1980-01-02T00:00:00Z');

const blockSize = 256 * 1024;

/**
 * What a build of the target reads. The stream fails with CONTEXT_CHANGED where a file is not what it was when the
 * context was read, and with CONTEXT_INVALID where one cannot be read.
 */
export const contextTar = (
  context: BuildContext,
  target: string,
  artifacts: ReadonlyMap<string, ArtifactFile> = new Map(),
): Readable => entriesTar(context.folder, context.entriesFor(target), artifacts);

/** A file that stands for an artifact. */
export interface ArtifactFile {
  /** Absolute path. */
  readonly file: string;
  readonly stamp: FileStamp;
}

/**
 * @param folder Absolute path that the entries' paths are relative to.
 * @param artifacts By name; the others are left out, and an empty file is in the place of each.
 */
export function entriesTar(
  folder: string,
  entries: readonly ContextEntry[],
  artifacts: ReadonlyMap<string, ArtifactFile> = new Map(),
): Readable {
  const tar = pack();
  write(folder, entries, artifacts, tar).then(
    () => tar.finalize(),
    (error: unknown) => tar.destroy(error instanceof Error ? error : new Error(String(error))),
  );
  // A stream of Node's own: the packer's is of another make, which not every client of streams knows how to end.
  return Readable.from(tar, { objectMode: false });
}

type Pack = ReturnType<typeof pack>;

async function write(
  folder: string,
  entries: readonly ContextEntry[],
  artifacts: ReadonlyMap<string, ArtifactFile>,
  tar: Pack,
): Promise<void> {
  for (const entry of entries) {
    if (tar.destroyed) return;
    const artifact = entry.type === 'artifact' ? artifacts.get(entry.name) : undefined;
    if (entry.type === 'file') await writeFile(folder, entry, tar);
    else if (artifact)
      await writeFrom(artifact.file, { ...artifact, path: entry.path, executable: false }, tar);
    else await writeHeader(entry, tar);
  }
}

const writeHeader = (entry: Exclude<ContextEntry, FileEntry>, tar: Pack): Promise<void> =>
  new Promise((resolve, reject) => {
    tar.entry(headerOf(entry), (error) => (error ? reject(error) : resolve()));
  });

function headerOf(entry: Exclude<ContextEntry, FileEntry>) {
  const { path: name } = entry;
  if (entry.type === 'folder') return { ...common, name, type: 'directory' as const, mode: 0o755 };
  if (entry.type === 'artifact') return { ...common, name, type: 'file' as const, mode: 0o644, size: 0 };
  return { ...common, name, type: 'symlink' as const, mode: 0o777, linkname: entry.target };
}

const common = { uid: 0, gid: 0, uname: '', gname: '', mtime: modified };

type FileToWrite = Omit<FileEntry, 'type'>;

const fileHeader = ({ path, executable, stamp }: FileToWrite) => ({
  ...common,
  name: path,
  type: 'file' as const,
  mode: executable ? 0o755 : 0o644,
  size: stamp.size,
});

async function writeFile(folder: string, entry: FileEntry, tar: Pack): Promise<void> {
  if (!isSmall(entry)) return writeFrom(join(folder, entry.path), entry, tar);
  const content = readSmall(folder, entry);
  await new Promise<void>((resolve, reject) => {
    tar.entry(fileHeader(entry), content, (error) => (error ? reject(error) : resolve()));
  });
}

/** @param source Absolute path of the file that is written as the entry. */
async function writeFrom(source: string, entry: FileToWrite, tar: Pack): Promise<void> {
  const { path, stamp } = entry;
  let file: FileHandle | undefined;
  try {
    file = await open(source, 'r');
    await expectUnchanged(file, path, stamp);
    await writeLarge(file, entry, tar.entry(fileHeader(entry)));
  } catch (thrown) {
    throw readFailure(path, thrown);
  } finally {
    await file?.close();
  }
}

async function writeLarge(
  file: FileHandle,
  { path, stamp }: FileToWrite,
  sink: NodeJS.WritableStream,
): Promise<void> {
  let gone: Error | null = null;
  // A reader that goes away closes the sink, with an error or without; no drain follows.
  const closed = new Promise<never>((_, reject) => {
    sink.on('error', (error) => {
      gone ??= error;
    });
    sink.on('close', () => {
      gone ??= new Error('the reader of the tar went away');
      reject(gone);
    });
  });
  closed.catch(() => undefined);
  for (let left = stamp.size; left > 0; ) {
    if (gone) throw gone;
    const block = await readBlock(file, Math.min(left, blockSize));
    if (block.length === 0) throw changed(path, 'was cut short');
    left -= block.length;
    if (left === 0) await expectUnchanged(file, path, stamp);
    const taken = sink.write(block);
    if (!taken) await Promise.race([closed, new Promise((resolve) => sink.once('drain', resolve))]);
  }
  await Promise.race([closed, new Promise<void>((resolve) => sink.end(() => resolve()))]);
}

async function readBlock(file: FileHandle, size: number): Promise<Buffer> {
  const block = Buffer.allocUnsafe(size);
  let filled = 0;
  while (filled < size) {
    const { bytesRead } = await file.read(block, filled, size - filled, null);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return filled === size ? block : block.subarray(0, filled);
}

const expectUnchanged = async (file: FileHandle, path: string, stamp: FileStamp): Promise<void> =>
  expectSame(await file.stat({ bigint: true }), path, stamp);
