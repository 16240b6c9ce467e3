/**
 * One question over HTTP with its whole answer, which is short. By node's own client and its usual agents, with their
 * certificates and proxies, since fetch takes longer to load than a push that finds everything there takes in all.
 */
import type { IncomingHttpHeaders, IncomingMessage, RequestOptions } from 'node:http';
import { isLoopback } from './address.ts';

export interface Question {
  readonly method: 'GET' | 'HEAD' | 'POST' | 'DELETE';
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

/** What the distribution specification asks registries to take as a manifest; all other answers are shorter. */
const longestAnswer = 4 << 20;
const mostRedirects = 5;
const redirects: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

/** Follows redirects of GET and HEAD, never to plain http on another machine and never with a login to another host. */
export async function ask(url: URL, question: Question, signal: AbortSignal): Promise<Answer> {
  let at = url;
  for (let hops = 0; ; hops++) {
    const answer = await askOnce(
      at,
      question.headers && at.origin !== url.origin ? anonymous(question) : question,
      signal,
    );
    const { location } = answer.headers;
    const reads = question.method === 'GET' || question.method === 'HEAD';
    if (!redirects.has(answer.status) || location === undefined || !reads) return answer;
    if (hops === mostRedirects) throw new Error(`it redirects more than ${mostRedirects} times`);
    at = new URL(location, at);
    if (!speaksSafely(at)) throw new Error(`it redirects to ${at.origin}, which is not https`);
  }
}

/** https everywhere, plain http on loopback alone. */
export const speaksSafely = (url: URL): boolean =>
  url.protocol === 'https:' || (url.protocol === 'http:' && isLoopback(url.host));

function anonymous(question: Question): Question {
  const { Authorization: _, ...headers } = question.headers ?? {};
  return { ...question, headers };
}

async function askOnce(url: URL, { method, headers, body }: Question, signal: AbortSignal): Promise<Answer> {
  // An import statement would read every export of the module, and one of them loads all of fetch.
  const { request } = process.getBuiltinModule(url.protocol === 'https:' ? 'node:https' : 'node:http');
  signal.throwIfAborted();
  const options: RequestOptions = {
    method,
    headers: { ...headers, ...(method === 'POST' && { 'Content-Length': Buffer.byteLength(body ?? '') }) },
    signal,
  };
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    request(url, options, resolve).once('error', reject).end(body);
  });
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    length += chunk.byteLength;
    if (length > longestAnswer) throw new Error(`its answer is longer than ${longestAnswer} bytes`);
    chunks.push(chunk);
  }
  return {
    status: response.statusCode ?? 0,
    headers: response.headers,
    text: Buffer.concat(chunks).toString('utf8'),
  };
}
