/** The browser on a machine whose engine is at work. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { connectEngine } from '../../src/engine/connect.ts';
import type { Engine } from '../../src/engine/engine.ts';
import { testEngine } from '../support/engine.ts';
import { openBrowser } from './browser.ts';

let engine: Engine;
let server: Server;

beforeAll(async () => {
  engine = await connectEngine({ engine: testEngine(), environment: process.env });
  const page = Array.from({ length: 60 }, (_, index) => `<img src="/${index}">`).join('');
  server = createServer((request, response) => {
    response.setHeader('Content-Type', request.url === '/' ? 'text/html' : 'image/png');
    // Slow enough for most to wait for a connection, which is when a browser gives them up.
    setTimeout(() => response.end(request.url === '/' ? page : ''), 50);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});
afterAll(() => {
  server.close();
  engine.close();
});

test('gives up no request while networks come and go', async () => {
  const browser = await openBrowser();
  const page = await browser.newPage();
  const failed: string[] = [];
  page.on('requestfailed', (request) => failed.push(request.failure()?.errorText ?? ''));
  let asked = 0;
  page.on('request', () => asked++);
  let changes = 0;
  const change = async () => {
    for (; changes < 5; changes++) {
      const network = await engine.createNetwork(`dwt-test-${process.pid}-${changes}`, { internal: false });
      await engine.removeNetwork(network);
    }
  };
  const load = async () => {
    while (changes < 5) await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
  };
  try {
    await Promise.all([change(), load()]);
  } finally {
    await browser.close();
  }
  expect(asked).toBeGreaterThan(60);
  expect(failed).toEqual([]);
}, 60_000);
