/**
 * Small files are read at once, without a round through the thread pool for each of the five calls that it takes: with
 * 100,000 of them the rounds take several times as long as the reading.
 */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { join } from 'node:path';
import type { FileEntry } from './entry.ts';
import { attempt, changed, expectSame } from './tree.ts';

const smallSize = 64 * 1024;

export const isSmall = ({ stamp }: FileEntry): boolean => stamp.size <= smallSize;

/** @throws DwtError CONTEXT_CHANGED where the file is not what it was when it was listed, CONTEXT_INVALID where it cannot be read */
export function readSmall(folder: string, { path, stamp }: FileEntry): Buffer {
  return attempt(path, () => {
    const file = openSync(join(folder, path), 'r');
    try {
      expectSame(fstatSync(file, { bigint: true }), path, stamp);
      const content = Buffer.allocUnsafe(stamp.size);
      for (let filled = 0; filled < stamp.size; ) {
        const read = readSync(file, content, filled, stamp.size - filled, null);
        if (read === 0) throw changed(path, 'was cut short');
        filled += read;
      }
      expectSame(fstatSync(file, { bigint: true }), path, stamp);
      return content;
    } finally {
      closeSync(file);
    }
  });
}
