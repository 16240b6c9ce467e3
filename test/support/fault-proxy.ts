/** Stands before a registry on a loopback port and does what registries and networks do wrong. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, request as open, type ServerResponse } from 'node:http';

export interface SeenRequest {
  readonly method: string;
  readonly path: string;
  readonly authorization: string | undefined;
  /** Of its kind, counted from 1. */
  readonly number: number;
}

export type Fault =
  /** The connection is cut instead of an answer. */
  | { readonly type: 'cut' }
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
  /** What to do with a request from now on; null passes it on. */
  fault: (request: SeenRequest) => Fault | null;
  forget(): void;
  stop(): Promise<void>;
}

export async function startFaultProxy(registry: string): Promise<FaultProxy> {
  const requests: SeenRequest[] = [];
  const server = createServer((incoming, outgoing) => {
    const seen = {
      method: incoming.method ?? '',
      path: incoming.url ?? '',
      authorization: incoming.headers.authorization,
      number: requests.length + 1,
    };
    requests.push(seen);
    const fault = proxy.fault(seen);
    if (fault === null || fault.type === 'header') pass(registry, incoming, outgoing, fault);
    else if (fault.type === 'cut') incoming.socket.destroy();
    else if (fault.type === 'wait') setTimeout(() => pass(registry, incoming, outgoing, null), fault.ms);
    else if (fault.type === 'answer') {
      incoming.resume();
      outgoing.writeHead(fault.status, { 'content-type': 'application/json', ...fault.headers });
      outgoing.end(fault.body === undefined ? '' : JSON.stringify(fault.body));
    }
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

function pass(
  registry: string,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  changed: { name: string; value: string } | null,
): void {
  const [hostname, port] = registry.split(':');
  const { method, url: path, headers } = incoming;
  // The Host header stays the proxy's, so that the registry sends the client back here.
  const onward = open({ hostname, port, method, path, headers }, (answer) => {
    outgoing.writeHead(answer.statusCode ?? 502, {
      ...answer.headers,
      ...(changed && { [changed.name]: changed.value }),
    });
    answer.pipe(outgoing);
  });
  onward.on('error', () => outgoing.destroy());
  incoming.pipe(onward);
}
