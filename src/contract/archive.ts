/** The first entry of a tar as an engine answers with for one path. */

export interface ArchiveEntry {
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly isFolder: boolean;
  /** Of a file; empty where only the header was asked for. */
  readonly content: Buffer;
}

const block = 512;

/** `limit`: bytes of content that are wanted; what follows is not read. */
export async function firstEntry(tar: NodeJS.ReadableStream, limit: number): Promise<ArchiveEntry> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of tar as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    size += chunk.length;
    if (size >= block + limit) break;
  }
  const bytes = Buffer.concat(chunks);
  const octal = (start: number, length: number) =>
    Number.parseInt(bytes.toString('latin1', start, start + length), 8);
  return {
    mode: octal(100, 8) & 0o7777,
    uid: octal(108, 8),
    gid: octal(116, 8),
    isFolder: bytes.toString('latin1', 156, 157) === '5',
    content: bytes.subarray(block, block + Math.min(octal(124, 12), limit)),
  };
}
