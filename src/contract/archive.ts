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

/** Of a name or an owner that does not fit into the header: a record that stands before the entry itself. */
const isExtension = (type: string): boolean => type === 'x' || type === 'g';

/** `limit`: bytes of content that are wanted; what follows is not read. */
export async function firstEntry(tar: NodeJS.ReadableStream, limit: number): Promise<ArchiveEntry> {
  let bytes = Buffer.alloc(0);
  let start = 0;
  const text = (at: number, length: number) => bytes.toString('latin1', start + at, start + at + length);
  const octal = (at: number, length: number) => Number.parseInt(text(at, length), 8);
  for await (const chunk of tar as AsyncIterable<Buffer>) {
    bytes = Buffer.concat([bytes, chunk]);
    while (bytes.length >= start + block && isExtension(text(156, 1)))
      start += block + Math.ceil(octal(124, 12) / block) * block;
    if (bytes.length >= start + block + limit) break;
  }
  const content = start + block;
  return {
    mode: octal(100, 8) & 0o7777,
    uid: octal(108, 8),
    gid: octal(116, 8),
    isFolder: text(156, 1) === '5',
    content: bytes.subarray(content, content + Math.min(octal(124, 12), limit)),
  };
}
