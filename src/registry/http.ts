/**
 * One question over HTTP with its answer. By node's own client and its usual agents, with their certificates and
 * proxies, since fetch takes longer to load than a push that finds everything there takes in all.
 */
import type { IncomingHttpHeaders, IncomingMessage, RequestOptions } from 'node:http';
import { isLoopback } from './address.ts';
import { webAgent } from './agent.ts';
import { withMachineCas } from './trust.ts';

/** What is sent, which can be opened again where the question has to be asked once more. */
export interface Source {
  /** Bytes. */
  readonly size: number;
  open(): AsyncIterable<Uint8Array>;
}

export interface Question {
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array | Source;
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** Byte for byte, for whoever takes its digest. */
  readonly bytes: Buffer;
  readonly text: string;
}

/** What the distribution specification asks registries to take as a manifest; all other short answers are shorter. */
const longestAnswer = 4 << 20;
const mostRedirects = 5;
const redirects: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

/** Follows redirects of GET and HEAD, never to plain http on another machine and never with a login to another host. */
export async function ask(url: URL, question: Question, signal: AbortSignal): Promise<Answer> {
  return answerOf(await open(url, question, signal));
}

/** The same, where the answer is as long as it likes: its body is still to be read. */
export async function open(url: URL, question: Question, signal: AbortSignal): Promise<IncomingMessage> {
  let at = url;
  for (let hops = 0; ; hops++) {
    const asked = question.headers && at.origin !== url.origin ? anonymous(question) : question;
    const response = await withMachineCas(() => openOnce(at, asked, signal));
    const { location } = response.headers;
    const reads = question.method === 'GET' || question.method === 'HEAD';
    if (!redirects.has(response.statusCode ?? 0) || location === undefined || !reads) return response;
    response.resume();
    if (hops === mostRedirects) throw new Error(`it redirects more than ${mostRedirects} times`);
    at = new URL(location, at);
    if (!speaksSafely(at)) throw new Error(`it redirects to ${at.origin}, which is not https`);
  }
}

/** Reads an answer that has to be short. */
export async function answerOf(response: IncomingMessage): Promise<Answer> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    length += chunk.byteLength;
    if (length > longestAnswer) throw new Error(`its answer is longer than ${longestAnswer} bytes`);
    chunks.push(chunk);
  }
  const bytes = Buffer.concat(chunks);
  return {
    status: response.statusCode ?? 0,
    headers: response.headers,
    bytes,
    get text() {
      return bytes.toString('utf8');
    },
  };
}

/** https everywhere, plain http on loopback alone. */
export const speaksSafely = (url: URL): boolean =>
  url.protocol === 'https:' || (url.protocol === 'http:' && isLoopback(url.host));

function anonymous(question: Question): Question {
  const { Authorization: _, ...headers } = question.headers ?? {};
  return { ...question, headers };
}

async function openOnce(
  url: URL,
  { method, headers, body }: Question,
  signal: AbortSignal,
): Promise<IncomingMessage> {
  // An import statement would read every export of the module, and one of them loads all of fetch.
  const { request } = process.getBuiltinModule(url.protocol === 'https:' ? 'node:https' : 'node:http');
  signal.throwIfAborted();
  const agent = url.protocol === 'https:' && !isLoopback(url.host) ? webAgent() : null;
  const sends = method === 'POST' || method === 'PUT' || method === 'PATCH';
  const options: RequestOptions = {
    method,
    headers: { ...headers, ...(sends && { 'Content-Length': lengthOf(body) }) },
    signal,
    ...(agent && { agent }),
  };
  return new Promise((resolve, reject) => {
    const outgoing = request(url, options, resolve).once('error', reject);
    if (!isSource(body)) outgoing.end(body);
    else {
      const { pipeline } = process.getBuiltinModule('node:stream');
      pipeline(body.open(), outgoing, (error) => {
        // An answer may come before all is sent, and says more than the cut that follows it.
        if (error) reject(error);
      });
    }
  });
}

const isSource = (body: Question['body']): body is Source =>
  typeof body === 'object' && !(body instanceof Uint8Array);

function lengthOf(body: Question['body']): number {
  if (body === undefined) return 0;
  if (isSource(body)) return body.size;
  return typeof body === 'string' ? Buffer.byteLength(body) : body.byteLength;
}
