/** One request for a file: appends to what is there what is missing. */
import { type FileHandle, open } from 'node:fs/promises';
import { type Dispatcher, request as sendRequest } from 'undici';
import { addressOf } from './address.ts';

export interface TransferRequest {
  readonly url: string;
  /** Absolute path; may exist, and then has the beginning. */
  readonly file: string;
  readonly dispatcher: Dispatcher;
  readonly onProgress: (current: number, total: number | null) => void;
  readonly signal: AbortSignal;
}

export type TransferEnd =
  /** The server has nothing more to send. */
  | { readonly end: 'whole'; readonly resumedAt: number }
  | { readonly end: 'refused'; readonly status: number }
  /** It broke, or went silent; `current` is 0 where it did not even begin. */
  | {
      readonly end: 'broken';
      readonly cause: Error;
      readonly current: number;
      readonly total: number | null;
    };

/** What is thrown is of this machine: its disk, or the user who stops it. */
export async function transfer(request: TransferRequest): Promise<TransferEnd> {
  const file = await open(request.file, 'a');
  try {
    const have = (await file.stat()).size;
    const { answer, cause } = await ask(request, have);
    if (answer) return await receive(answer, file, have, request);
    request.signal.throwIfAborted();
    return { end: 'broken', cause, current: 0, total: null };
  } finally {
    await file.close();
  }
}

async function receive(
  { statusCode: status, headers, body }: Dispatcher.ResponseData,
  file: FileHandle,
  have: number,
  { signal, onProgress }: TransferRequest,
): Promise<TransferEnd> {
  // What is not read to its end ends in an error that nobody waits for.
  body.on('error', () => undefined);
  try {
    // More than all there is cannot be asked for: either this is all, or the beginning of another file.
    if (status === 416 && have > 0) return { end: 'whole', resumedAt: have };
    const resumes = status === 206 && rangeStart(headers['content-range']) === have;
    if (!resumes && status !== 200) return { end: 'refused', status };
    // Without the range the server sends all of it, from the start.
    if (!resumes) await file.truncate(0);
    const resumedAt = resumes ? have : 0;
    const length = Number(headers['content-length'] ?? Number.NaN);
    const total = Number.isFinite(length) ? resumedAt + length : null;
    let current = resumedAt;
    onProgress(current, total);
    const chunks: AsyncIterator<Buffer> = body[Symbol.asyncIterator]();
    for (;;) {
      const { answer: next, cause } = await settled(chunks.next());
      if (!next) {
        signal.throwIfAborted();
        return { end: 'broken', cause, current, total };
      }
      if (next.done) return { end: 'whole', resumedAt };
      await writeAll(file, next.value);
      current += next.value.length;
      onProgress(current, total);
    }
  } finally {
    body.destroy();
  }
}

function ask(
  { url, dispatcher, signal }: TransferRequest,
  from: number,
): Promise<Settled<Dispatcher.ResponseData>> {
  const address = addressOf(url);
  const headers = { ...address.headers, ...(from > 0 && { range: `bytes=${from}-` }) };
  return settled(sendRequest(address.url, { headers, dispatcher, signal }));
}

type Settled<Answer> =
  | { readonly answer: Answer; readonly cause?: never }
  | { readonly answer?: never; readonly cause: Error };

/** What breaks here is the network's; what else throws is not caught with it. */
const settled = <Answer>(work: Promise<Answer>): Promise<Settled<Answer>> =>
  work.then(
    (answer) => ({ answer }),
    (cause: Error) => ({ cause }),
  );

const rangeStart = (header: string | string[] | undefined): number | null => {
  const [, start] = /^bytes (\d+)-/.exec(String(header ?? '')) ?? [];
  return start === undefined ? null : Number(start);
};

async function writeAll(file: FileHandle, chunk: Buffer): Promise<void> {
  for (let written = 0; written < chunk.length; )
    written += (await file.write(chunk, written, chunk.length - written)).bytesWritten;
}
