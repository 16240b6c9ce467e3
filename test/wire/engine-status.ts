/** BuildKit's status messages, written by hand from its published field numbers: a second opinion on the decoder. */

type Field = readonly [number: number, value: bigint | Uint8Array];

function varint(value: bigint): number[] {
  const bytes: number[] = [];
  for (; value > 0x7fn; value >>= 7n) bytes.push(Number(value & 0x7fn) | 0x80);
  return [...bytes, Number(value)];
}

function message(fields: readonly Field[]): Uint8Array {
  return Buffer.concat(
    fields.map(([number, value]) =>
      typeof value === 'bigint'
        ? Buffer.from([...varint(BigInt(number << 3)), ...varint(value)])
        : Buffer.concat([
            Buffer.from([...varint(BigInt((number << 3) | 2)), ...varint(BigInt(value.length))]),
            value,
          ]),
    ),
  );
}

const text = (value: string): Uint8Array => Buffer.from(value);

const time = (seconds: number): Uint8Array =>
  message([
    [1, BigInt(Math.floor(seconds))],
    [2, BigInt(Math.round((seconds % 1) * 1e9))],
  ]);

export interface Vertex {
  readonly digest: string;
  readonly name: string;
  readonly cached?: boolean;
  readonly started?: number;
  readonly completed?: number;
  readonly error?: string;
}

export const vertex = ({ digest, name, cached, started, completed, error }: Vertex): Field => [
  1,
  message([
    [1, text(digest)],
    [2, text('sha256:an-input')],
    [3, text(name)],
    [4, cached ? 1n : 0n],
    ...(started === undefined ? [] : [[5, time(started)] as const]),
    ...(completed === undefined ? [] : [[6, time(completed)] as const]),
    ...(error === undefined ? [] : [[7, text(error)] as const]),
  ]),
];

export const status = (of: string, id: string, current: bigint, total: bigint): Field => [
  2,
  message([
    [1, text(id)],
    [2, text(of)],
    [3, text('ignored')],
    [4, current],
    [5, total],
    [6, time(1)],
  ]),
];

export const log = (of: string, stream: 1 | 2, data: Uint8Array): Field => [
  3,
  message([
    [1, text(of)],
    [2, time(1)],
    [3, BigInt(stream)],
    [4, data],
  ]),
];

export const warning = (short: string, detail: string, url: string): Field => [
  4,
  message([
    [1, text('sha256:v')],
    [2, 1n],
    [3, text(short)],
    [4, text(detail)],
    [5, text(url)],
  ]),
];

/** One line of the build's stream. */
export const trace = (...fields: readonly Field[]): string =>
  record('moby.buildkit.trace', Buffer.from(message(fields)).toString('base64'));

export const imageId = (id: string): string => record('moby.image.id', { ID: id });

export const failure = (text: string): string =>
  `${JSON.stringify({ errorDetail: { message: text }, error: text })}\r\n`;

const record = (id: string, aux: unknown): string => `${JSON.stringify({ id, aux })}\r\n`;
