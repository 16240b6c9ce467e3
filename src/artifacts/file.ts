/** A file that may stand for an artifact: what it holds, and what tells that it is still the same. */
import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';
import type { FileStamp } from '../context/entry.ts';
import { changed, expectSame, stampOf } from '../context/tree.ts';

export interface FileFacts {
  readonly sha256: string;
  readonly stamp: FileStamp;
  /** Its first bytes, which tell what kind of file it is. */
  readonly head: Buffer;
}

const blockSize = 1024 * 1024;
const headSize = 512;

/**
 * Reads the whole file: no artifact is used by what was once known of it.
 *
 * @throws DwtError CONTEXT_CHANGED where it is written to meanwhile; what the file system says.
 */
export async function readFacts(path: string, signal?: AbortSignal): Promise<FileFacts> {
  const file = await open(path, 'r');
  try {
    const before = await file.stat({ bigint: true });
    if (!before.isFile()) throw Object.assign(new Error(`${path} is no file`), { code: 'EISDIR' });
    const stamp = stampOf(before);
    const hash = createHash('sha256');
    const block = Buffer.allocUnsafe(blockSize);
    let head = Buffer.alloc(0);
    for (let total = 0; ; ) {
      signal?.throwIfAborted();
      const { bytesRead } = await file.read(block, 0, block.length, null);
      if (bytesRead === 0) {
        if (total !== stamp.size) throw changed(path, 'changed its size');
        break;
      }
      if (total === 0) head = Buffer.from(block.subarray(0, Math.min(bytesRead, headSize)));
      total += bytesRead;
      hash.update(block.subarray(0, bytesRead));
    }
    expectSame(await file.stat({ bigint: true }), path, stamp);
    return { sha256: hash.digest('hex'), stamp, head };
  } finally {
    await file.close();
  }
}
