import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { expect, test } from '@jest/globals';
import { json, scriptedEngine } from './engine-scripted.ts';

/** What a build that changes nothing asks of an engine, and the packages that were loaded for it. */
const asking = `
  const [url, folder] = process.argv.slice(1);
  const { connectEngine } = await import(folder + 'connect.ts');
  const engine = await connectEngine({ engine: url, environment: {} });
  await engine.imagesByLabel(['dwt.key']);
  await engine.inspectImage('a:b');
  // Left open on purpose: an engine that is not closed must not keep the program running.
  const { createRequire } = await import('node:module');
  const packages = Object.keys(createRequire(folder).cache).filter((file) => file.includes('node_modules'));
  const websocket = process.moduleLoadList.filter((name) => name.includes('undici'));
  console.log(JSON.stringify({ packages, websocket }));
`;

test('asking for images loads no package, and nothing of node that takes long; the program ends by itself', async () => {
  const engine = await scriptedEngine(({ path }, answer) =>
    path.endsWith('/a:b/json') ? json(answer, 404, { message: 'none' }) : json(answer, 200, []),
  );
  const folder = fileURLToPath(new URL('../../src/engine/', import.meta.url));
  const child = spawn(process.execPath, ['--input-type=module', '-e', asking, engine.url, folder], {
    stdio: ['ignore', 'pipe', 'inherit'],
    timeout: 20_000,
  });
  let said = '';
  child.stdout.on('data', (chunk) => {
    said += chunk;
  });
  const [status] = await once(child, 'close');
  await engine.close();
  expect(status).toBe(0);
  expect(JSON.parse(said)).toEqual({ packages: [], websocket: [] });
}, 30_000);
