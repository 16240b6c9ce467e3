import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { demultiplex } from '../../src/engine/demultiplex.ts';
import { jsonLines, MalformedStream } from '../../src/engine/json-lines.ts';

/** The bytes in pieces that end where `cuts` say. */
async function* pieces(bytes: Buffer, cuts: readonly number[]): AsyncGenerator<Buffer> {
  const ends = [...new Set(cuts.map((cut) => cut % (bytes.length + 1)))].sort((a, b) => a - b);
  let start = 0;
  for (const end of [...ends, bytes.length]) {
    yield bytes.subarray(start, end);
    start = end;
  }
}

async function all<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const found: Item[] = [];
  for await (const item of items) found.push(item);
  return found;
}

const anyCuts = fc.array(fc.nat(), { maxLength: 20 });

describe('records of a progress stream', () => {
  test('are the same however the stream is cut and its lines are ended', () =>
    fc.assert(
      fc.asyncProperty(
        fc.array(
          fc.dictionary(
            fc.string().map((key) => `${key}ü€😀`),
            fc.jsonValue({ maxDepth: 1 }),
            { maxKeys: 3 },
          ),
          {
            maxLength: 5,
          },
        ),
        fc.constantFrom('\n', '\r\n', '\n\n'),
        fc.boolean(),
        anyCuts,
        async (records, end, ended, cuts) => {
          const stream = records.map((record) => JSON.stringify(record)).join(end) + (ended ? end : '');
          const found = await all(jsonLines(pieces(Buffer.from(stream), cuts)));
          expect(found.map((record) => JSON.stringify(record))).toEqual(
            records.map((record) => JSON.stringify(record)),
          );
        },
      ),
    ));

  test.each(['{', 'null', '[]', '"text"', '12', '{}}'])('are objects: %s', async (line) => {
    await expect(all(jsonLines(pieces(Buffer.from(`{}\n${line}\n`), [])))).rejects.toBeInstanceOf(
      MalformedStream,
    );
  });

  test('have a longest length', async () => {
    const stream = Buffer.from(`{"a":"${'x'.repeat(100)}"}\n`);
    expect(await all(jsonLines(pieces(stream, [10, 50]), 200))).toHaveLength(1);
    await expect(all(jsonLines(pieces(stream, [10, 90]), 50))).rejects.toBeInstanceOf(MalformedStream);
  });
});

test('frames of two outputs are the same however the stream is cut', () =>
  fc.assert(
    fc.asyncProperty(
      fc.array(
        fc.record({
          stream: fc.constantFrom(1 as const, 2 as const),
          data: fc.uint8Array({ maxLength: 300 }),
        }),
      ),
      anyCuts,
      async (frames, cuts) => {
        const bytes = Buffer.concat(
          frames.flatMap(({ stream, data }) => {
            const header = Buffer.alloc(8);
            header[0] = stream;
            header.writeUInt32BE(data.length, 4);
            return [header, Buffer.from(data)];
          }),
        );
        const found = await all(demultiplex(pieces(bytes, cuts)));
        for (const which of [1, 2]) {
          const of = <Frame extends { stream: number; data: Uint8Array }>(list: readonly Frame[]): Buffer =>
            Buffer.concat(list.filter(({ stream }) => stream === which).map(({ data }) => data));
          expect(of(found).equals(of(frames))).toBe(true);
        }
      },
    ),
  ));
