/** A real HTTP server that has one file, knows ranges, and can be told to fail as servers and networks do. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Asked {
  readonly method: string;
  readonly path: string;
  readonly range: string | null;
  readonly authorization: string | null;
}

/** Answers one request in place of the file; true where it has. */
export type Trouble = (request: IncomingMessage, response: ServerResponse) => boolean;

export interface FileServer {
  readonly url: string;
  readonly asked: Asked[];
  content: Buffer;
  /** Asked for each request, before the file is sent. */
  trouble: Trouble;
  stop(): Promise<void>;
}

export async function startFileServer(content: Buffer): Promise<FileServer> {
  const asked: Asked[] = [];
  const server = createServer((request, response) => {
    const { method = '', url: path = '', headers } = request;
    const { range = null, authorization = null } = headers;
    asked.push({ method, path, range, authorization });
    if (!one.trouble(request, response)) send(one.content, range, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const one: FileServer = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/server.deb`,
    asked,
    content,
    trouble: () => false,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
  return one;
}

function send(content: Buffer, range: string | null, response: ServerResponse): void {
  const start = Number(/^bytes=(\d+)-$/.exec(range ?? '')?.[1] ?? 0);
  if (start > 0 && start >= content.length) {
    response.writeHead(416, { 'content-range': `bytes */${content.length}` }).end();
    return;
  }
  const part = content.subarray(start);
  const headers = { 'content-length': part.length, 'content-type': 'application/octet-stream' };
  if (range === null) response.writeHead(200, headers).end(part);
  else {
    const where = `bytes ${start}-${content.length - 1}/${content.length}`;
    response.writeHead(206, { ...headers, 'content-range': where }).end(part);
  }
}

/** Sends this much of what was asked for under the length of all of it, and breaks the connection. */
export function cutAfter(
  bytes: number,
  content: Buffer,
  range: string | null,
  response: ServerResponse,
): void {
  const start = Number(/^bytes=(\d+)-$/.exec(range ?? '')?.[1] ?? 0);
  const where = `bytes ${start}-${content.length - 1}/${content.length}`;
  response.writeHead(range === null ? 200 : 206, {
    'content-length': content.length - start,
    ...(range !== null && { 'content-range': where }),
  });
  response.write(content.subarray(start, start + bytes), () => setTimeout(() => response.destroy(), 30));
}
