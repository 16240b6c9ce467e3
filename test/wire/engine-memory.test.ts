import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { expect, test } from '@jest/globals';
import { scriptedEngine } from './engine-scripted.ts';
import { imageId, log, trace } from './engine-status.ts';

const megabytes = 1000;

/** Follows a build in a process of its own, with a consumer that looks at each byte, and says how much its peak grew. */
const follower = `
  const [url, folder] = process.argv.slice(1);
  const { connectEngine } = await import(folder + 'connect.ts');
  const { Readable } = await import('node:stream');
  const engine = await connectEngine({ engine: url, environment: {} });
  let bytes = 0, peak = 0, first = 0;
  await engine.build({
    context: () => Readable.from([]), dockerfile: 'Dockerfile', target: 't', tags: [], labels: {}, buildArguments: {},
    platform: null, noCache: false, pull: false, session: null, signal: new AbortController().signal,
    onProgress: ({ data }) => {
      bytes += Buffer.from(data).toString().length;
      // What the first megabytes need is compiled code and the heap's usual size.
      if (bytes > 16e6) first ||= process.memoryUsage.rss();
      peak = Math.max(peak, process.memoryUsage.rss());
    },
  });
  engine.close();
  console.log(JSON.stringify({ bytes, grown: (peak - first) / 1e6 }));
`;

test(`${megabytes} MB of log leave the memory as it was`, async () => {
  const line = trace(log('sha256:v', 1, Buffer.alloc(32_000, 'log line of a build step\n')));
  const engine = await scriptedEngine(async (_asked, answer) => {
    answer.writeHead(200);
    for (let sent = 0; sent < megabytes * 1e6; sent += 32_000) {
      if (!answer.write(line)) await once(answer, 'drain');
    }
    answer.end(imageId('sha256:done'));
  });
  const folder = fileURLToPath(new URL('../../src/engine/', import.meta.url));
  const child = spawn(process.execPath, ['--input-type=module', '-e', follower, engine.url, folder], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let said = '';
  child.stdout.on('data', (chunk) => (said += chunk));
  const [status] = await once(child, 'close');
  await engine.close();
  expect(status).toBe(0);
  const { bytes, grown } = JSON.parse(said);
  expect(bytes).toBe(megabytes * 1e6);
  expect(grown).toBeLessThan(50);
}, 60_000);
