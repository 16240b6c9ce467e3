/** The engine's framing of a process's two outputs on one connection: a byte for which, three of nothing, four of length. */
export interface Output {
  /** 1 stdout, 2 stderr. */
  readonly stream: 1 | 2;
  readonly data: Buffer;
}

const headerLength = 8;

export async function* demultiplex(
  stream: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): AsyncGenerator<Output> {
  let header = Buffer.alloc(0);
  let which: 1 | 2 = 1;
  let left = 0;
  for await (const chunk of stream) {
    let rest = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    while (rest.length > 0) {
      if (left === 0) {
        const missing = headerLength - header.length;
        header = Buffer.concat([header, rest.subarray(0, missing)]);
        rest = rest.subarray(missing);
        if (header.length < headerLength) break;
        which = header[0] === 2 ? 2 : 1;
        left = header.readUInt32BE(4);
        header = Buffer.alloc(0);
        continue;
      }
      const data = rest.subarray(0, left);
      rest = rest.subarray(data.length);
      left -= data.length;
      yield { stream: which, data };
    }
  }
}
