/** Pictures as part of the page itself, as far as there is room. */
import { readFile, stat } from 'node:fs/promises';

export interface Picture {
  /** `data:` with the whole picture. */
  readonly url: string;
  readonly width: number;
  readonly height: number;
}

/** A page of more is slow to open, and mail and CI servers refuse it. */
const largest = 2_000_000;
const mostBytes = 16_000_000;

const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);

/** By file; one that is too large, is no PNG or is gone is left out. */
export async function readPictures(files: readonly string[]): Promise<Map<string, Picture>> {
  const pictures = new Map<string, Picture>();
  let room = mostBytes;
  for (const file of files) {
    try {
      const { size } = await stat(file);
      if (size > Math.min(largest, room)) continue;
      const bytes = await readFile(file);
      if (!bytes.subarray(0, signature.length).equals(signature)) continue;
      room -= bytes.length;
      pictures.set(file, {
        url: `data:image/png;base64,${bytes.toString('base64')}`,
        width: bytes.readUInt32BE(16),
        height: bytes.readUInt32BE(20),
      });
    } catch {
      // The page then names the file alone.
    }
  }
  return pictures;
}
