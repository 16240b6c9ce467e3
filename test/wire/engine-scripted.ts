/** An engine that says what a test wants it to say, on a socket of its own, and remembers what it was asked. */
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';

export interface Asked {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

export type Script = (asked: Asked, answer: ServerResponse) => void | Promise<void>;

export interface ScriptedEngine {
  readonly url: string;
  readonly asked: readonly Asked[];
  close(): Promise<void>;
}

/** `script` answers everything but `/_ping`, which says `api`; `upgraded` gets raw connections. */
export async function scriptedEngine(
  script: Script,
  {
    api = '1.45',
    tcp = false,
    upgraded,
  }: { api?: string; tcp?: boolean; upgraded?: (asked: Omit<Asked, 'body'>, socket: Duplex) => void } = {},
): Promise<ScriptedEngine> {
  const folder = mkdtempSync(join(tmpdir(), 'dwt-scripted-'));
  const asked: Asked[] = [];
  const server = createServer(async (request, answer) => {
    const { method = '', headers } = request;
    const url = new URL(request.url ?? '', 'http://docker');
    if (url.pathname === '/_ping') {
      answer.writeHead(200, { 'Api-Version': api }).end('OK');
      return;
    }
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const what = {
      method,
      headers,
      path: url.pathname,
      query: url.searchParams,
      body: Buffer.concat(chunks),
    };
    asked.push(what);
    await script(what, answer);
  });
  server.on('upgrade', ({ method = '', headers, url: target = '' }, socket) => {
    const url = new URL(target, 'http://docker');
    upgraded?.({ method, headers, path: url.pathname, query: url.searchParams }, socket);
  });
  await new Promise<void>((listening) => {
    if (tcp) server.listen(0, '127.0.0.1', listening);
    else server.listen(join(folder, 'docker.sock'), listening);
  });
  return {
    url: tcp
      ? `tcp://127.0.0.1:${(server.address() as AddressInfo).port}`
      : `unix://${join(folder, 'docker.sock')}`,
    asked,
    async close() {
      server.closeAllConnections();
      await new Promise((closed) => server.close(closed));
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Answers like the engine does: status and JSON. */
export const json = (answer: ServerResponse, status: number, body: unknown): void => {
  answer.writeHead(status, { 'Content-Type': 'application/json' }).end(JSON.stringify(body));
};
