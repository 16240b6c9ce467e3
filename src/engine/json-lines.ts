/** Splits a progress stream of the engine into its JSON records, in constant memory. */

/** Longer than any record an engine makes: BuildKit's own messages end at 16 MiB, which is 22 MiB in base64. */
const longestLine = 32 * 1024 * 1024;

/** What is in the stream is not what an engine sends. */
export class MalformedStream extends Error {
  override readonly name = 'MalformedStream';
}

/** Yields each record; an error of the stream itself passes as it is. The stream is read no faster than it is asked for. */
export async function* jsonLines(
  stream: AsyncIterable<Uint8Array>,
  limit = longestLine,
): AsyncGenerator<Record<string, unknown>> {
  for await (const line of lines(stream, limit)) {
    const record = parsed(line);
    if (record) yield record;
  }
}

async function* lines(stream: AsyncIterable<Uint8Array>, limit: number): AsyncGenerator<Buffer> {
  let parts: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of stream) {
    let start = 0;
    for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, start)) {
      parts.push(chunk.subarray(start, end));
      yield Buffer.concat(parts);
      parts = [];
      length = 0;
      start = end + 1;
    }
    if (start === chunk.length) continue;
    parts.push(chunk.subarray(start));
    length += chunk.length - start;
    if (length > limit) throw new MalformedStream(`a line of more than ${limit} bytes came`);
  }
  if (length > 0) yield Buffer.concat(parts);
}

function parsed(line: Buffer): Record<string, unknown> | null {
  const text = line.toString().trim();
  if (text === '') return null;
  let record: unknown;
  try {
    record = JSON.parse(text);
  } catch (error) {
    throw new MalformedStream(`a line is not JSON: ${text.slice(0, 200)}`, { cause: error });
  }
  if (typeof record !== 'object' || record === null || Array.isArray(record)) {
    throw new MalformedStream(`a line is not a JSON object: ${text.slice(0, 200)}`);
  }
  return record as Record<string, unknown>;
}
