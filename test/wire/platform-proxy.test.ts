/** The proxy that pages are looked at through, before a tool of this process. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, request, type Server } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { PlatformProxy } from '../../src/contract/platform-proxy.ts';

let tool: Server;
let dialled: number;
const opened: PlatformProxy[] = [];

beforeEach(async () => {
  dialled = 0;
  tool = createServer((asked, answer) => {
    if (asked.url === '/cut') answer.socket?.destroy();
    else answer.end(JSON.stringify({ url: asked.url, headers: asked.headers }));
  });
  tool.on('upgrade', (asked, socket) => {
    socket.write(
      `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n${JSON.stringify(asked.headers)}`,
    );
    socket.pipe(socket);
  });
  await once(tool.listen(0, '127.0.0.1'), 'listening');
});
afterEach(() => {
  for (const proxy of opened.splice(0)) proxy.close();
  tool.close();
});

async function open(prefix = '', dial = async () => toTool()): Promise<PlatformProxy> {
  const proxy = await PlatformProxy.open(dial, prefix);
  opened.push(proxy);
  return proxy;
}

function toTool() {
  dialled++;
  return connect((tool.address() as AddressInfo).port, '127.0.0.1');
}

const target = ({ port }: PlatformProxy, path: string) => ({ port, path, headers: { host: 'lab.example' } });

async function get(
  proxy: PlatformProxy,
  path: string,
): Promise<{ status: number | undefined; body: string }> {
  const [answer] = (await once(request(target(proxy, path)).end(), 'response')) as [IncomingMessage];
  return { status: answer.statusCode, body: (await answer.toArray()).join('') };
}

test('hands on the path and the host, says who asked, and keeps its connection', async () => {
  const proxy = await open();
  for (const path of ['/', '/a%20b?c=%2F']) {
    const { status, body } = await get(proxy, path);
    expect(status).toBe(200);
    expect(JSON.parse(body)).toMatchObject({
      url: path,
      headers: {
        host: 'lab.example',
        'x-forwarded-host': 'lab.example',
        'x-forwarded-proto': 'http',
        'x-forwarded-for': expect.stringContaining('127.0.0.1'),
      },
    });
    expect(body).not.toContain('x-forwarded-prefix');
  }
  expect(dialled).toBe(1);
});

test('under a path serves that path only, as it is', async () => {
  const proxy = await open('/user/lab');
  expect(JSON.parse((await get(proxy, '/user/lab/x')).body)).toMatchObject({
    url: '/user/lab/x',
    headers: { 'x-forwarded-prefix': '/user/lab' },
  });
  for (const path of ['/', '/user/label', '/x']) expect((await get(proxy, path)).status).toBe(404);
  expect((await get(proxy, '/user/lab?a')).status).toBe(200);
});

test('answers 502 where the tool does not answer, or cuts the connection', async () => {
  const gone = await open('', async () => {
    throw new Error('nobody there');
  });
  expect(await get(gone, '/')).toEqual({ status: 502, body: 'The tool did not answer: nobody there\n' });
  expect((await get(await open(), '/cut')).status).toBe(502);
});

test('carries websockets until it cuts them', async () => {
  const proxy = await open('/lab');
  const headers = { connection: 'Upgrade', upgrade: 'websocket', host: 'lab.example' };
  const [, socket, head] = await once(request({ ...target(proxy, '/lab/ws'), headers }).end(), 'upgrade');
  const said = head.length > 0 ? head : (await once(socket, 'data'))[0];
  expect(JSON.parse(said.toString())).toMatchObject({ host: 'lab.example', 'x-forwarded-proto': 'http' });
  socket.write('there and back');
  expect((await once(socket, 'data')).toString()).toBe('there and back');
  const closed = once(socket, 'close');
  expect(proxy.cutIdle()).toBe(1);
  await closed;
  expect(proxy.cutIdle()).toBe(0);
  const refused = request({ ...target(proxy, '/ws'), headers }).end();
  const [answer] = (await once(refused, 'response')) as [IncomingMessage];
  expect(answer.statusCode).toBe(404);
});
