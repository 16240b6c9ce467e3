/**
 * Stands before a judged tool as the platform's proxy does: it is reached under another name, perhaps under a path, says
 * so in X-Forwarded headers, carries websockets, and cuts connections that have been idle.
 */
import { Agent, createServer, type IncomingMessage, type Server, ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { createProxyServer, type ProxyServer } from 'http-proxy-3';
import type { Dial } from './way-in.ts';

export class PlatformProxy {
  readonly #server: Server;
  readonly #agent: DialAgent;
  readonly #websockets = new Set<Duplex>();

  private constructor(dial: Dial, prefix: string) {
    this.#agent = new DialAgent(dial);
    const proxy = createProxyServer({
      // The agent makes the connection, whatever name stands here.
      target: 'http://tool.invalid',
      agent: this.#agent,
      xfwd: true,
      xfwdWsProtoAsHttp: true,
      ...(prefix && { headers: { 'x-forwarded-prefix': prefix } }),
    }) as ProxyServer;
    proxy.on('error', answerFailure);
    this.#server = createServer((request, response) => {
      if (isUnder(prefix, request)) proxy.web(request, response);
      else response.writeHead(404).end(`This proxy serves the tool under ${prefix}/ only.\n`);
    });
    this.#server.on('upgrade', (request: IncomingMessage, socket: Socket, head: Buffer) => {
      if (!isUnder(prefix, request)) return socket.end('HTTP/1.1 404 Not Found\r\nConnection: close\r\n\r\n');
      this.#websockets.add(socket);
      socket.once('close', () => this.#websockets.delete(socket));
      return proxy.ws(request, socket, head);
    });
  }

  /** `prefix`: '' or such as `/user/lab`. */
  static async open(dial: Dial, prefix = ''): Promise<PlatformProxy> {
    const proxy = new PlatformProxy(dial, prefix);
    await new Promise<void>((resolve, reject) => {
      proxy.#server.once('error', reject);
      proxy.#server.listen(0, '127.0.0.1', resolve);
    });
    return proxy;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Cuts websockets and kept connections, as the platform's proxy does after a while of silence; answers how many websockets. */
  cutIdle(): number {
    const websockets = [...this.#websockets];
    for (const socket of websockets) socket.destroy();
    this.#server.closeIdleConnections();
    return websockets.length;
  }

  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
    for (const socket of this.#websockets) socket.destroy();
    this.#agent.destroy();
  }
}

/** Every connection leads to the tool. */
class DialAgent extends Agent {
  readonly #dial: Dial;

  constructor(dial: Dial) {
    super({ keepAlive: true, maxFreeSockets: 8 });
    this.#dial = dial;
  }

  override createConnection(
    _options: unknown,
    made: (error: Error | null, connection: Duplex) => void,
  ): null {
    this.#dial().then(
      (connection) => made(null, connection),
      (error: Error) => made(error, null as unknown as Duplex),
    );
    return null;
  }
}

const isUnder = (prefix: string, { url = '' }: IncomingMessage): boolean =>
  !prefix || url === prefix || url.startsWith(`${prefix}/`) || url.startsWith(`${prefix}?`);

function answerFailure(error: Error, _request: IncomingMessage, answer: ServerResponse | Socket): void {
  if (!(answer instanceof ServerResponse)) answer.destroy();
  else if (answer.headersSent) answer.destroy(error);
  else answer.writeHead(502).end(`The tool did not answer: ${error.message}\n`);
}
