/** HTTP to one engine. Everything that is sent to it goes through here, dockerode's requests as well. */
import type { OutgoingHttpHeaders } from 'node:http';
import type { Duplex, Readable } from 'node:stream';
import type { Endpoint } from './endpoint.ts';
import { ConnectionFailure, EngineRefusal, engineLost, errorCode, interruption } from './failure.ts';
import { type Agent, request as httpRequest, IncomingMessage } from './http.ts';

export interface EngineRequest {
  readonly method: string;
  /** Below the version: `/images/json`. */
  readonly path: string;
  /** Objects are sent as JSON, arrays as repeated parameters; undefined and null are left out. */
  readonly query?: Readonly<Record<string, unknown>>;
  readonly headers?: OutgoingHttpHeaders;
  /** A string or buffer is sent as it is, a stream in chunks. */
  readonly body?: string | Buffer | Readable;
  readonly signal?: AbortSignal | undefined;
  /** The protocol to upgrade to; the answer is then the raw connection. */
  readonly upgrade?: string;
}

export class Transport {
  readonly endpoint: Endpoint;
  /** The negotiated API version, such as `1.41`; null before it is known. */
  api: string | null = null;
  readonly #agent: Agent;

  constructor(endpoint: Endpoint, agent: Agent) {
    this.endpoint = endpoint;
    this.#agent = agent;
  }

  /** Any answer with a status below 400 as a stream; else an `EngineRefusal`, an `ENGINE_LOST` or an `INTERRUPTED`. */
  async stream(request: EngineRequest): Promise<IncomingMessage> {
    const answer = await this.#send(request);
    if (answer instanceof IncomingMessage) return answer;
    throw engineLost(this.endpoint.url, new Error('it changed the protocol without being asked'));
  }

  /** The raw connection after an upgrade. */
  async upgrade(request: EngineRequest & { readonly upgrade: string }): Promise<Duplex> {
    const answer = await this.#send(request);
    if (!(answer instanceof IncomingMessage)) return answer;
    answer.resume();
    throw new EngineRefusal(`it did not change to ${request.upgrade}`, answer.statusCode ?? null);
  }

  /** The whole answer, parsed if it is JSON, else its bytes. */
  async json(request: EngineRequest): Promise<unknown> {
    return this.parsed(await this.stream(request), request.signal);
  }

  async parsed(answer: IncomingMessage, signal?: AbortSignal): Promise<unknown> {
    const bytes = await this.bytes(answer, signal);
    if (!answer.headers['content-type']?.startsWith('application/json')) return bytes;
    try {
      return bytes.length === 0 ? {} : JSON.parse(bytes.toString());
    } catch (error) {
      throw engineLost(this.endpoint.url, new Error('its answer is not JSON', { cause: error }));
    }
  }

  async bytes(answer: IncomingMessage, signal?: AbortSignal): Promise<Buffer> {
    const chunks: Buffer[] = [];
    try {
      for await (const chunk of answer) chunks.push(chunk as Buffer);
    } catch (error) {
      throw this.lost(error, signal);
    }
    return Buffer.concat(chunks);
  }

  /** What a failed connection is to the user: interrupted by them, or lost. */
  lost(cause: unknown, signal?: AbortSignal): Error {
    if (signal?.aborted) return interruption(signal);
    return engineLost(this.endpoint.url, cause);
  }

  close(): void {
    this.#agent.destroy();
  }

  async #send(request: EngineRequest): Promise<IncomingMessage | Duplex> {
    const repeatable = request.method === 'GET' || request.method === 'HEAD';
    let answer: IncomingMessage | Duplex;
    try {
      answer = await this.#once(request).catch((error) => {
        // An engine may close a kept connection at the moment it is used again.
        if (repeatable && error instanceof StaleConnection) return this.#once(request);
        throw error;
      });
    } catch (error) {
      if (error instanceof StaleConnection)
        throw this.lost(new ConnectionFailure(error.cause), request.signal);
      throw error instanceof ConnectionFailure ? this.lost(error, request.signal) : error;
    }
    if (!(answer instanceof IncomingMessage) || (answer.statusCode ?? 0) < 400) return answer;
    throw new EngineRefusal(
      whatWasSaid((await this.bytes(answer, request.signal)).toString()),
      answer.statusCode ?? null,
    );
  }

  #once(request: EngineRequest): Promise<IncomingMessage | Duplex> {
    const { signal, body } = request;
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(interruption(signal));
      const sent = httpRequest({
        agent: this.#agent,
        host: 'docker',
        method: request.method,
        path: this.#path(request),
        headers: headersOf(request),
      });
      let answer: IncomingMessage | Duplex | null = null;
      const abort = (): void => {
        sent.destroy(new Error('aborted'));
        answer?.destroy(new Error('aborted'));
      };
      signal?.addEventListener('abort', abort, { once: true });
      sent.on('close', () => signal?.removeEventListener('abort', abort));
      sent.on('response', (response) => {
        answer = response;
        resolve(response);
      });
      sent.on('upgrade', (_response, socket, head) => {
        if (head.length > 0) socket.unshift(head);
        answer = socket;
        signal?.addEventListener('abort', abort, { once: true });
        socket.once('close', () => signal?.removeEventListener('abort', abort));
        resolve(socket);
      });
      // After the answer has begun, its own stream tells what becomes of it.
      sent.on('error', (error) => {
        const reset = errorCode(error) === 'ECONNRESET' || errorCode(error) === 'EPIPE';
        reject(reset && sent.reusedSocket ? new StaleConnection(error) : new ConnectionFailure(error));
      });
      if (body === undefined || typeof body === 'string' || Buffer.isBuffer(body)) {
        sent.end(body);
      } else {
        body.on('error', (error) => {
          // Its own error is the cause, also where the engine has begun to answer.
          reject(error);
          sent.destroy();
          answer?.destroy(error);
        });
        sent.on('close', () => body.destroy());
        body.pipe(sent);
      }
    });
  }

  #path({ path, query }: EngineRequest): string {
    const version = this.api === null ? '' : `/v${this.api}`;
    const parameters = query ? queryString(query) : '';
    return `${this.endpoint.basePath}${version}${path}${parameters && `?${parameters}`}`;
  }
}

class StaleConnection extends Error {
  constructor(cause: unknown) {
    super('A kept connection was closed.', { cause });
  }
}

function headersOf({ headers, body, upgrade }: EngineRequest): OutgoingHttpHeaders {
  return {
    ...headers,
    ...(upgrade && { Connection: 'Upgrade', Upgrade: upgrade }),
    ...((typeof body === 'string' || Buffer.isBuffer(body)) && {
      'Content-Length': String(Buffer.byteLength(body)),
    }),
  };
}

function queryString(query: Readonly<Record<string, unknown>>): string {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value === undefined || value === null) continue;
    if (Array.isArray(value)) for (const each of value) parameters.append(name, String(each));
    else parameters.append(name, typeof value === 'object' ? JSON.stringify(value) : String(value));
  }
  return parameters.toString();
}

/** An engine says `{"message": …}`; a proxy before it says anything. */
function whatWasSaid(text: string): string {
  try {
    const { message } = JSON.parse(text) as { message?: unknown };
    if (typeof message === 'string') return message.trim();
  } catch {
    // Not JSON: as it came.
  }
  return text.trim().slice(0, 2000) || 'no reason was given';
}
