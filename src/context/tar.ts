/** The context as a tar: the same bytes for the same files, on any checkout, in constant memory. */
import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pack } from 'tar-stream';
import type { BuildContext } from './context.ts';
import type { ArtifactEntry, ContextEntry, FileEntry, FileStamp } from './entry.ts';
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
    if (entry.type === 'file') await writeFile(folder, entry, tar);
    else if (entry.type === 'artifact') await writeArtifact(entry.path, artifacts.get(entry.name), tar);
    else await writeHeader(entry, tar);
  }
}

function writeArtifact(path: string, artifact: ArtifactFile | undefined, tar: Pack): Promise<void> {
  if (artifact) return writeFrom(artifact.file, { path, executable: false, stamp: artifact.stamp }, tar);
  return writeContent({ path, executable: false, stamp: { size: 0 } }, Buffer.alloc(0), tar);
}

const writeHeader = (entry: Exclude<ContextEntry, FileEntry | ArtifactEntry>, tar: Pack): Promise<void> =>
  new Promise((resolve, reject) => {
    const header =
      entry.type === 'folder'
        ? { ...common, name: entry.path, type: 'directory' as const, mode: 0o755 }
        : { ...common, name: entry.path, type: 'symlink' as const, mode: 0o777, linkname: entry.target };
    tar.entry(header, (error) => (error ? reject(error) : resolve()));
  });

const common = { uid: 0, gid: 0, uname: '', gname: '', mtime: modified };

type FileToWrite = Omit<FileEntry, 'type'>;

interface FileHead {
  readonly path: string;
  readonly executable: boolean;
  readonly stamp: { readonly size: number };
}

const fileHeader = ({ path, executable, stamp }: FileHead) => ({
  ...common,
  name: path,
  type: 'file' as const,
  mode: executable ? 0o755 : 0o644,
  size: stamp.size,
});

async function writeFile(folder: string, entry: FileEntry, tar: Pack): Promise<void> {
  if (isSmall(entry)) await writeContent(entry, readSmall(folder, entry), tar);
  else await writeFrom(join(folder, entry.path), entry, tar);
}

const writeContent = (head: FileHead, content: Buffer, tar: Pack): Promise<void> =>
  new Promise((resolve, reject) => {
    tar.entry(fileHeader(head), content, (error) => (error ? reject(error) : resolve()));
  });

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
