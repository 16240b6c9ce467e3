/** What the files hold, as sha256; read again only where they may have changed since the last time. */
import { createHash } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import pLimit from 'p-limit';
import type { FileEntry } from './entry.ts';
import { HashCache } from './hash-cache.ts';
import { isSmall, readSmall } from './small.ts';
import { expectSame, readFailure } from './tree.ts';

const mostAtOnce = 8;
const blockSize = 256 * 1024;

// Small files are read at once; in batches, so that nothing else waits long.
const batchSize = 100;

/**
 * Hashes in hexadecimal by path.
 *
 * @param folder Absolute path that the entries' paths are relative to.
 * @param cacheFolder Where hashes are kept between runs; null to read every file.
 * @throws DwtError CONTEXT_INVALID for an unreadable file, CONTEXT_CHANGED for one that changes meanwhile
 */
export async function hashFiles(
  folder: string,
  files: Iterable<FileEntry>,
  cacheFolder: string | null,
): Promise<ReadonlyMap<string, string>> {
  const cache = await HashCache.open(folder, cacheFolder);
  const hashes = new Map<string, string>();
  const small: FileEntry[] = [];
  const large: FileEntry[] = [];
  for (const file of files) {
    const known = cache.get(file);
    if (known !== null) hashes.set(file.path, known);
    else (isSmall(file) ? small : large).push(file);
  }
  // The time is taken before the read: a write in the same tick of the clock as the read must not be missed next time.
  const keep = (file: FileEntry, at: number, hash: string): void => {
    hashes.set(file.path, hash);
    cache.set(file, hash, at);
  };
  const limit = pLimit(mostAtOnce);
  try {
    await Promise.all([
      ...large.map((file) => limit(async () => keep(file, Date.now(), await hashLarge(folder, file)))),
      (async () => {
        for (let from = 0; from < small.length; from += batchSize) {
          for (const file of small.slice(from, from + batchSize)) {
            keep(file, Date.now(), hashSmall(folder, file));
          }
          await setImmediate();
        }
      })(),
    ]);
  } finally {
    limit.clearQueue();
  }
  await cache.save();
  return hashes;
}

const hashSmall = (folder: string, file: FileEntry): string =>
  createHash('sha256').update(readSmall(folder, file)).digest('hex');

async function hashLarge(folder: string, { path, stamp }: FileEntry): Promise<string> {
  let file: FileHandle | undefined;
  try {
    file = await open(join(folder, path), 'r');
    expectSame(await file.stat({ bigint: true }), path, stamp);
    const hash = createHash('sha256');
    const block = Buffer.allocUnsafe(blockSize);
    for (;;) {
      const { bytesRead } = await file.read(block, 0, block.length, null);
      if (bytesRead === 0) break;
      hash.update(block.subarray(0, bytesRead));
    }
    expectSame(await file.stat({ bigint: true }), path, stamp);
    return hash.digest('hex');
  } catch (thrown) {
    throw readFailure(path, thrown);
  } finally {
    await file?.close();
  }
}
