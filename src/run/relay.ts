/** A port of this machine's loopback address that leads to a tool, wherever the tool is. */
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { pipeline } from 'node:stream';
import type { Dial } from '../contract/way-in.ts';
import { DwtError } from '../errors.ts';

const host = '127.0.0.1';

export class Relay {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #dial: Dial | null = null;

  private constructor(server: Server) {
    this.#server = server;
    server.on('connection', (socket) => this.#join(socket));
  }

  /**
   * Holds a port from now on: the one wanted, else the usual one if it is free, else any.
   *
   * @throws DwtError PORT_TAKEN
   */
  static async listen(wanted: number | null, usual: number): Promise<Relay> {
    if (wanted !== null) return new Relay(await listening(wanted));
    try {
      return new Relay(await listening(usual));
    } catch (error) {
      if (!(error instanceof DwtError) || error.code !== 'PORT_TAKEN') throw error;
      return new Relay(await listening(0));
    }
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get url(): string {
    return `http://${host}:${this.port}/`;
  }

  /** Until then, whoever connects is turned away. */
  lead(dial: Dial): void {
    this.#dial = dial;
  }

  close(): void {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
  }

  #join(socket: Socket): void {
    socket.on('error', () => {});
    if (this.#dial === null) {
      socket.destroy();
      return;
    }
    this.#sockets.add(socket);
    socket.once('close', () => this.#sockets.delete(socket));
    socket.setNoDelay();
    this.#dial().then(
      (far) => {
        if (socket.destroyed) far.destroy();
        // How a connection ended is for its two ends to know.
        else pipeline(socket, far, socket, () => {});
      },
      () => socket.destroy(),
    );
  }
}

function listening(port: number): Promise<Server> {
  // Each direction ends by itself: who has asked and says so still gets the answer.
  const server = createServer({ allowHalfOpen: true });
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => reject(refused(port, error)));
    server.listen({ port, host }, () => resolve(server));
  });
}

function refused(port: number, cause: NodeJS.ErrnoException): Error {
  const hint = 'Name another one with --port N, or leave the flag out to get a free one.';
  if (cause.code === 'EADDRINUSE')
    return new DwtError('PORT_TAKEN', `Port ${port} of ${host} is taken.`, { hint, cause });
  if (cause.code === 'EACCES')
    return new DwtError('PORT_TAKEN', `Port ${port} of ${host} is for the system alone.`, { hint, cause });
  return cause;
}
