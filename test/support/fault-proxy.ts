/** Stands before a registry on a loopback port and does what registries and networks do wrong. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, request as open, type ServerResponse } from 'node:http';

export interface SeenRequest {
  readonly method: string;
  readonly path: string;
  readonly authorization: string | undefined;
  /** Counted from 1. */
  readonly number: number;
  /** Bytes of its body that have come so far. */
  readonly bytes: number;
  /** What was answered; null as long as nothing was. */
  readonly status: number | null;
}

export type Fault =
  /** The connection is cut instead of an answer. */
  | { readonly type: 'cut' }
  /** The registry does what it is asked to, and the connection is cut instead of its answer. */
  | { readonly type: 'drop' }
  /** The connection is cut when so many bytes of the body went on to the registry. */
  | { readonly type: 'break'; readonly after: number }
  /** No answer ever. */
  | { readonly type: 'hang' }
  | { readonly type: 'wait'; readonly ms: number }
  | {
      readonly type: 'answer';
      readonly status: number;
      readonly headers?: Record<string, string>;
      readonly body?: unknown;
    }
  /** The registry's answer with another header. */
  | { readonly type: 'header'; readonly name: string; readonly value: string };

export interface FaultProxy {
  readonly host: string;
  readonly requests: readonly SeenRequest[];
  /** What to do with a request from now on, once that is known; null passes it on. */
  fault: (request: SeenRequest) => Fault | null | Promise<Fault | null>;
  forget(): void;
  stop(): Promise<void>;
}

export async function startFaultProxy(registry: string): Promise<FaultProxy> {
  const requests: SeenRequest[] = [];
  const server = createServer(async (incoming, outgoing) => {
    const seen = {
      method: incoming.method ?? '',
      path: incoming.url ?? '',
      authorization: incoming.headers.authorization,
      number: requests.length + 1,
      bytes: 0,
      status: null as number | null,
    };
    requests.push(seen);
    // Not before somebody takes the body: counting alone would let it pass unseen.
    const count = () =>
      incoming.on('data', (chunk: Buffer) => {
        seen.bytes += chunk.byteLength;
      });
    const onward = (passing: Passing | null) => {
      count();
      pass(registry, incoming, outgoing, passing, seen);
    };
    const fault = await proxy.fault(seen);
    if (fault?.type === 'hang') return;
    if (fault?.type === 'cut') incoming.socket.destroy();
    else if (fault?.type === 'wait') setTimeout(onward, fault.ms, null);
    else if (fault?.type === 'answer') {
      count();
      seen.status = fault.status;
      outgoing.writeHead(fault.status, { 'content-type': 'application/json', ...fault.headers });
      outgoing.end(fault.body === undefined ? '' : JSON.stringify(fault.body));
    } else onward(fault);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('No port was given.');
  const proxy: FaultProxy = {
    host: `127.0.0.1:${address.port}`,
    requests,
    fault: () => null,
    forget: () => {
      requests.length = 0;
    },
    stop: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return proxy;
}

type Passing = Extract<Fault, { type: 'drop' | 'break' | 'header' }>;

function pass(
  registry: string,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  fault: Passing | null,
  seen: { status: number | null },
): void {
  const [hostname, port] = registry.split(':');
  const { method, url: path, headers } = incoming;
  // The Host header stays the proxy's, so that the registry sends the client back here.
  const onward = open({ hostname, port, method, path, headers }, (answer) => {
    if (fault?.type === 'drop') return void incoming.socket.destroy();
    seen.status = answer.statusCode ?? 502;
    outgoing.writeHead(seen.status, {
      ...answer.headers,
      ...(fault?.type === 'header' && { [fault.name]: fault.value }),
    });
    answer.pipe(outgoing);
  });
  onward.on('error', () => outgoing.destroy());
  if (fault?.type === 'break') {
    let left = fault.after;
    incoming.on('data', (chunk: Buffer) => {
      left -= chunk.byteLength;
      if (left > 0) return;
      onward.destroy();
      incoming.socket.destroy();
    });
  }
  // Who is cut off in the middle sends no more, and the registry hears of it.
  incoming.once('close', () => {
    if (!incoming.complete) onward.destroy();
  });
  incoming.pipe(onward);
}
