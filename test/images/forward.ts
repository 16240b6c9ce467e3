/**
 * The way from a browser to a tool: another host name, as with the platform's proxy, and one that browsers take for secure
 * even over http, without which they withhold the clipboard and the isolation of views.
 */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

export interface Forward {
  /** http://localhost:PORT */
  readonly url: string;
  close(): Promise<void>;
}

/** Passes every connection on to `address`, port 8888. */
export async function forward(address: string): Promise<Forward> {
  const open = new Set<Socket>();
  const server = createServer((browser) => {
    const tool = connect(8888, address);
    for (const [socket, other] of [
      [browser, tool],
      [tool, browser],
    ] as const) {
      open.add(socket);
      socket.pipe(other);
      // Either side may go at any time: browsers hang up, tools are killed.
      socket.on('error', () => other.destroy());
      socket.on('close', () => {
        open.delete(socket);
        other.destroy();
      });
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://localhost:${(server.address() as AddressInfo).port}`,
    async close() {
      for (const socket of open) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
