/**
 * dockerode over our own transport. Its usual one loses an answer that is cut in the middle without calling back, logs
 * in once per request over ssh, and reads DOCKER_HOST even where another engine was asked for.
 */
import type { Readable } from 'node:stream';
import Docker from 'dockerode';
import { registryAuthHeader } from './registry-auth.ts';
import type { EngineRequest, Transport } from './transport.ts';

/** What dockerode hands to a modem for each of its calls. */
interface Dial {
  readonly path: string;
  readonly method: string;
  readonly options?: Record<string, unknown>;
  readonly file?: string | Buffer | Readable;
  readonly authconfig?: object;
  readonly abortSignal?: AbortSignal;
  readonly isStream?: boolean;
  readonly hijack?: boolean;
  readonly headers?: Record<string, string>;
}

type Callback = (error: unknown, answer: unknown) => void;

export function dockerodeOver(transport: Transport): Docker {
  const dial = (call: Dial, callback: Callback): void => {
    answerTo(transport, call).then(
      (answer) => callback(null, answer),
      (error) => callback(error, null),
    );
  };
  return new Docker({ modem: { dial, Promise } } as Docker.DockerOptions);
}

async function answerTo(transport: Transport, call: Dial): Promise<unknown> {
  const request = requestOf(call);
  if (call.hijack) return transport.upgrade({ ...request, upgrade: 'tcp' });
  const answer = await transport.stream(request);
  return call.isStream ? answer : transport.parsed(answer, request.signal);
}

function requestOf(call: Dial): EngineRequest {
  const { abortSignal, authconfig: _, _query, _body, ...options } = call.options ?? {};
  const signal = call.abortSignal ?? (abortSignal as AbortSignal | undefined);
  // A path that ends in "?" is dockerode's way to say that the options are parameters of the query, unless they come
  // as `_query` and `_body`.
  const asQuery = call.path.endsWith('?');
  const json = _body ?? (asQuery || call.method !== 'POST' ? undefined : options);
  const body = call.file ?? (json && Object.keys(json).length > 0 ? JSON.stringify(json) : undefined);
  const query = _query ?? (asQuery && !_body ? options : undefined);
  return {
    method: call.method,
    path: asQuery ? call.path.slice(0, -1) : call.path,
    ...(query !== undefined && { query: query as Record<string, unknown> }),
    headers: {
      ...(body !== undefined && {
        'Content-Type': call.file === undefined ? 'application/json' : 'application/x-tar',
      }),
      ...(call.authconfig && { 'X-Registry-Auth': registryAuthHeader(call.authconfig) }),
      ...call.headers,
    },
    ...(body !== undefined && { body }),
    signal,
  };
}
