/** Artifacts fetched from a real server: whole, in parts, wrong, late, not at all; by proxies and with certificates. */
import { createHash, randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import { type AddressInfo, connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { ArtifactCache } from '../../src/artifacts/cache.ts';
import { openDispatcher } from '../../src/artifacts/dispatcher.ts';
import { type FetchOptions, fetchArtifact } from '../../src/artifacts/fetch.ts';
import { checkArtifact } from '../../src/doctor/artifacts.ts';
import { DwtError } from '../../src/errors.ts';
import { cutAfter, type FileServer, startFileServer } from './artifact-server.ts';
import { certificates } from './engine-tls-proxy.ts';

const sumOf = (content: Buffer): string => createHash('sha256').update(content).digest('hex');

const content = randomBytes(3_000_000);
const sha256 = sumOf(content);

let server: FileServer;
let folder: string;
let cache: ArtifactCache;
let retries: string[];
let environment: Record<string, string>;
beforeEach(async () => {
  server = await startFileServer(content);
  folder = await mkdtemp(join(tmpdir(), 'dwt-artifacts-'));
  cache = new ArtifactCache(folder);
  retries = [];
  environment = {};
});
afterEach(async () => {
  await server.stop();
  await rm(folder, { recursive: true });
});

async function get(
  wanted: { url?: string; sha256?: string } = {},
  options: Partial<FetchOptions> & { silenceMs?: number } = {},
): Promise<Buffer> {
  const dispatcher = await openDispatcher(environment, null, options.silenceMs ?? 5000);
  try {
    const { file } = await fetchArtifact(
      { name: 'server', url: server.url, sha256, features: ['studio'], ...wanted },
      {
        cache,
        dispatcher: async () => dispatcher,
        onProgress: () => undefined,
        onRetry: (message) => retries.push(message),
        firstWaitMs: 1,
        signal: new AbortController().signal,
        ...options,
      },
    );
    return await readFile(file);
  } finally {
    await dispatcher.destroy();
  }
}

async function refusal(work: Promise<unknown>): Promise<DwtError> {
  const error: unknown = await work.then(
    () => null,
    (thrown: unknown) => thrown,
  );
  if (error instanceof DwtError) return error;
  throw error ?? new Error('it was taken');
}

/** Jest's own comparison takes ten seconds for so many bytes. */
const expectWhole = (found: Buffer) => expect(found.equals(content)).toBe(true);
const ranges = () => server.asked.map(({ range }) => range);
/** What an earlier run has left. */
async function begun(part: Buffer, run = ''): Promise<string> {
  const partial = join(cache.folder, `${sha256}.${run}partial`);
  await mkdir(partial, { recursive: true });
  await writeFile(join(partial, 'file'), part);
  return join(partial, 'file');
}
const partials = async () => (await readdir(cache.folder)).filter((name) => name.endsWith('.partial'));

describe('an artifact', () => {
  test('is fetched once, with progress, and taken from the cache after', async () => {
    const seen: [number, number | null][] = [];
    expectWhole(await get({}, { onProgress: (...each) => seen.push(each) }));
    expect(seen[0]).toEqual([0, content.length]);
    expect(seen.at(-1)).toEqual([content.length, content.length]);
    expectWhole(await get());
    expect(server.asked).toEqual([{ method: 'GET', path: '/server.deb', range: null, authorization: null }]);
    expect(await readdir(cache.folder)).toEqual([sha256]);
  });

  test('in the cache that is not what its name says is fetched again', async () => {
    await get();
    await writeFile(cache.file(sha256), 'tampered with');
    expectWhole(await get());
    expect(server.asked).toHaveLength(2);
  });

  test('is asked for from where it broke off, as often as it takes', async () => {
    server.trouble = ({ headers }, response) => {
      if (server.asked.length > 3) return false;
      cutAfter(500_000, content, headers.range ?? null, response);
      return true;
    };
    expectWhole(await get());
    expect(ranges()).toEqual([null, 'bytes=500000-', 'bytes=1000000-', 'bytes=1500000-']);
    expect(retries[0]).toContain(`broke off after 500000 of ${content.length} bytes`);
  });

  test('that breaks off for good is told as cut short, and a later run asks for the rest', async () => {
    server.trouble = ({ headers }, response) => {
      cutAfter(headers.range ? 0 : 700_000, content, headers.range ?? null, response);
      return true;
    };
    const error = await refusal(get());
    expect(error.code).toBe('ARTIFACT_UNAVAILABLE');
    expect(error.message).toContain(`broke off after 700000 of ${content.length} bytes`);
    expect(error.hint).toContain('Run again: what has arrived is kept');
    expect(await partials()).toEqual([`${sha256}.partial`]);
    server.trouble = () => false;
    server.asked.length = 0;
    expectWhole(await get());
    expect(ranges()).toEqual(['bytes=700000-']);
    expect(await readdir(cache.folder)).toEqual([sha256]);
  });

  test('that a killed run has begun is taken up when that run has been silent for long', async () => {
    const left = await begun(content.subarray(0, 100), 'abcdef.');
    await get();
    expect(ranges()).toEqual([null]);
    await cache.remove(sha256);
    await utimes(left, Date.now() / 1000 - 3600, Date.now() / 1000 - 3600);
    expectWhole(await get());
    expect(ranges()).toEqual([null, 'bytes=100-']);
  });

  test('whose beginning is of another file is fetched from the start', async () => {
    await begun(randomBytes(1000));
    expectWhole(await get());
    expect(ranges()).toEqual(['bytes=1000-', null]);
  });

  test.each([
    ['longer than all of it', content.length + 5],
    ['all of it', content.length],
  ])('of which there is a beginning %s is got all the same', async (_, length) => {
    await begun(Buffer.concat([content, randomBytes(5)]).subarray(0, length));
    expectWhole(await get());
  });

  test('is got from a server that knows no ranges', async () => {
    await begun(content.subarray(0, 1000));
    server.trouble = (_, response) => {
      response.writeHead(200).end(content);
      return true;
    };
    expectWhole(await get());
    expect(ranges()).toEqual(['bytes=1000-']);
  });

  test('with another sum is refused, with both sums, and not kept', async () => {
    server.content = randomBytes(1000);
    const error = await refusal(get());
    expect(error).toMatchObject({
      code: 'ARTIFACT_INVALID',
      message: `${server.url} is not the artifact server but another file, of 1000 bytes.`,
      detail: `wanted sha256 ${sha256}\n found sha256 ${sumOf(server.content)}`,
    });
    expect(error.hint).toContain('--artifact server=FILE, or leave it out with --without studio');
    expect(await readdir(cache.folder)).toEqual([]);
    expect(server.asked).toHaveLength(1);
  });

  test('cut short by a server that does not say its length is refused', async () => {
    server.trouble = (_, response) => {
      response.useChunkedEncodingByDefault = false;
      response.writeHead(200, { connection: 'close' }).end(content.subarray(0, 2000));
      return true;
    };
    const error = await refusal(get());
    expect(error.message).toContain('another file, of 2000 bytes');
    expect(error.hint).toContain('cut short');
  });

  test.each([
    [
      'an HTML page',
      '<!doctype html>\n<html><head><title>Please\n log in</title>',
      'an HTML page ("Please log in") of 57 bytes',
    ],
    ['nothing', '', 'an empty file'],
  ])('that is %s is told as such', async (_, text, what) => {
    server.content = Buffer.from(text);
    const error = await refusal(get());
    expect(error).toMatchObject({ code: 'ARTIFACT_INVALID', message: expect.stringContaining(what) });
    expect(error.hint).toContain('A proxy, a login or an error answered in its place');
    expect(await readdir(cache.folder)).toEqual([]);
  });

  test.each([
    [404, 'Not Found', 1],
    [403, 'Forbidden', 1],
    [503, 'Service Unavailable', 4],
  ])('that is answered with %i is told as such', async (status, words, requests) => {
    server.trouble = (_, response) => {
      response.writeHead(status).end('<html>no</html>');
      return true;
    };
    const error = await refusal(get());
    expect(error).toMatchObject({
      code: 'ARTIFACT_UNAVAILABLE',
      message: `The artifact server cannot be fetched: ${server.url} answers ${status} (${words}).`,
    });
    expect(error.hint).toContain('artifacts.server.url');
    expect(server.asked).toHaveLength(requests);
  });

  test('is got where the server had a bad moment', async () => {
    server.trouble = (_, response) => {
      if (server.asked.length > 2) return false;
      response.writeHead(503).end();
      return true;
    };
    expectWhole(await get());
    expect(retries).toHaveLength(2);
  });

  test('is not waited for when its server falls silent, and what arrived is kept', async () => {
    server.trouble = (_, response) => {
      response.writeHead(server.asked.length === 1 ? 200 : 206, {
        'content-length': content.length,
        'content-range': `bytes 1000-${content.length - 1}/${content.length}`,
      });
      if (server.asked.length === 1) response.write(content.subarray(0, 1000));
      else response.flushHeaders();
      return true;
    };
    const error = await refusal(get({}, { silenceMs: 200 }));
    expect(error).toMatchObject({ code: 'ARTIFACT_UNAVAILABLE' });
    expect(error.message).toMatch(/broke off after 1000 of .* \(Body Timeout Error\)/);
    expect(await partials()).toEqual([`${sha256}.partial`]);
  });

  test('that drips in slowly arrives', async () => {
    const small = content.subarray(0, 10);
    server.trouble = (_, response) => {
      response.writeHead(200, { 'content-length': small.length });
      void (async () => {
        for (const byte of small) {
          response.write(Buffer.of(byte));
          await new Promise((resolve) => setTimeout(resolve, 60));
        }
        response.end();
      })();
      return true;
    };
    expect(await get({ sha256: sumOf(small) }, { silenceMs: 300 })).toEqual(small);
  });

  test('is got by a redirect, to another host without the login', async () => {
    const other = await startFileServer(content);
    server.trouble = (_, response) => {
      response.writeHead(302, { location: `${other.url}?signed=1` }).end();
      return true;
    };
    try {
      const url = server.url.replace('127.0.0.1', 'user:p%40ss@localhost');
      // This server is the same one under another name.
      expectWhole(await get({ url }));
      const login = `Basic ${Buffer.from('user:p@ss').toString('base64')}`;
      expect(server.asked.map(({ authorization }) => authorization)).toEqual([login]);
      expect(other.asked).toEqual([
        { method: 'GET', path: '/server.deb?signed=1', range: null, authorization: null },
      ]);
    } finally {
      await other.stop();
    }
  });

  test('behind redirects without end is given up', async () => {
    server.trouble = ({ url = '' }, response) => {
      response.writeHead(302, { location: `${url}x` }).end();
      return true;
    };
    expect(await refusal(get())).toMatchObject({
      code: 'ARTIFACT_UNAVAILABLE',
      message: expect.stringContaining('302'),
    });
  });

  test('at a server that is not there is told with the way out', async () => {
    await server.stop();
    const error = await refusal(get({ url: server.url.replace('//', '//user:secret@') }));
    expect(error.message).toContain(`${server.url} does not answer`);
    expect(error.message).not.toContain('secret');
    expect(error.hint).toContain('--artifact server=FILE');
    server = await startFileServer(content);
  });

  test('is ended by Ctrl-C at once, and taken up by the next run', async () => {
    const interruption = new AbortController();
    server.trouble = (_, response) => {
      response.writeHead(200, { 'content-length': content.length });
      response.write(content.subarray(0, 1_000_000));
      return true;
    };
    const onProgress = (current: number) => {
      if (current === 1_000_000) interruption.abort(new DwtError('INTERRUPTED', 'Interrupted.'));
    };
    const error = await refusal(get({}, { signal: interruption.signal, onProgress }));
    expect(error.code).toBe('INTERRUPTED');
    server.trouble = () => false;
    expectWhole(await get());
    expect(ranges()).toEqual([null, 'bytes=1000000-']);
  });

  test('that several runs want at once is whole for each', async () => {
    await begun(content.subarray(0, 1_000_000));
    const all = await Promise.all(Array.from({ length: 6 }, () => get()));
    for (const each of all) expectWhole(each);
    expect(await readdir(cache.folder)).toEqual([sha256]);
    // One of them had the beginning.
    expect(ranges().filter((range) => range !== null)).toEqual(['bytes=1000000-']);
  });

  test('of a file URL is read where it lies', async () => {
    const path = join(folder, 'a file');
    await writeFile(path, content);
    const url = pathToFileURL(path).href;
    expectWhole(await get({ url }));
    await writeFile(path, 'another');
    expect(await refusal(get({ url }))).toMatchObject({ code: 'ARTIFACT_INVALID' });
    await rm(path);
    expect(await refusal(get({ url }))).toMatchObject({ code: 'ARTIFACT_UNAVAILABLE' });
    expect(server.asked).toEqual([]);
  });

  test('is not fetched where the cache is no folder', async () => {
    await writeFile(join(folder, 'file'), '');
    const error = await refusal(get({}, { cache: new ArtifactCache(join(folder, 'file')) }));
    expect(error).toMatchObject({ code: 'SETUP_FAILED', hint: expect.stringContaining('XDG_CACHE_HOME') });
    expect(server.asked).toEqual([]);
  });
});

describe('dwt doctor', () => {
  const look = (wanted: { url?: string; sha256?: string | null } = {}) =>
    checkArtifact(
      { name: 'server', url: server.url, sha256, features: ['studio'], ...wanted },
      { ...environment, XDG_CACHE_HOME: folder },
      new AbortController().signal,
    );

  test('asks for an artifact without fetching it, and looks at the cache first', async () => {
    const url = server.url.replace('//', '//user:secret@');
    expect(await look({ url })).toEqual({
      name: 'artifact server',
      verdict: 'ok',
      detail: `${server.url} answers`,
      hint: null,
    });
    const login = `Basic ${Buffer.from('user:secret').toString('base64')}`;
    expect(server.asked).toEqual([
      { method: 'HEAD', path: '/server.deb', range: null, authorization: login },
    ]);
    await get({}, { cache: new ArtifactCache(join(folder, 'dwt')) });
    expect(await look()).toMatchObject({ verdict: 'ok', detail: expect.stringContaining('in the cache') });
    await server.stop();
    expect(await look()).toMatchObject({ verdict: 'ok' });
    const gone = await look({ sha256: sumOf(Buffer.from('another')) });
    expect(gone).toMatchObject({ verdict: 'fail', detail: expect.stringContaining('does not answer') });
    expect(gone.hint).toContain('--without studio');
    server = await startFileServer(content);
  });

  test.each([
    [404, 'fail'],
    [405, 'warn'],
  ])('takes %i for %s', async (status, verdict) => {
    server.trouble = (_, response) => {
      response.writeHead(status).end();
      return true;
    };
    expect(await look()).toMatchObject({ verdict });
  });

  test('says what a build does not take from its URL', async () => {
    const check = await look({ sha256: null });
    expect(check).toMatchObject({ verdict: 'warn', detail: expect.stringContaining('has no sha256') });
    expect(check.hint).toContain('--artifact server=FILE');
    expect(server.asked).toEqual([]);
  });
});

describe('a proxy', () => {
  interface Proxy {
    readonly url: string;
    readonly asked: string[];
    stop(): Promise<void>;
  }
  /** Passes requests on, and tunnels where it is asked to. */
  async function startProxy(): Promise<Proxy> {
    const asked: string[] = [];
    const proxy = createServer(async ({ url = '' }, response) => {
      asked.push(`GET ${url}`);
      const answer = await fetch(url);
      response.writeHead(answer.status).end(Buffer.from(await answer.arrayBuffer()));
    });
    proxy.on('connect', ({ url = '' }, socket) => {
      asked.push(`CONNECT ${url}`);
      const [host, port] = url.split(':');
      const upstream = connect(Number(port), host, () => {
        socket.write('HTTP/1.1 200 OK\r\n\r\n');
        socket.pipe(upstream).pipe(socket);
      });
      upstream.on('error', () => socket.destroy());
      socket.on('error', () => upstream.destroy());
    });
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
    return {
      url: `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`,
      asked,
      stop: () =>
        new Promise((resolve) => {
          proxy.close(() => resolve());
          proxy.closeAllConnections();
        }),
    };
  }

  let proxy: Proxy;
  beforeEach(async () => {
    proxy = await startProxy();
  });
  afterEach(() => proxy.stop());

  test('of http_proxy is asked', async () => {
    environment = { http_proxy: proxy.url };
    expectWhole(await get());
    expect(proxy.asked).toEqual([`GET ${server.url}`]);
  });

  test('is not asked for what no_proxy names', async () => {
    environment = { HTTP_PROXY: proxy.url, NO_PROXY: 'localhost,127.0.0.1' };
    expectWhole(await get());
    expect(proxy.asked).toEqual([]);
  });

  test('of https_proxy tunnels, and the certificates of this machine are trusted', async () => {
    certificates(folder);
    const pair = join(folder, 'server');
    const secure = createSecureServer(
      { key: await readFile(join(pair, 'key.pem')), cert: await readFile(join(pair, 'cert.pem')) },
      (_, response) => response.end(content),
    );
    await new Promise<void>((resolve) => secure.listen(0, '127.0.0.1', resolve));
    const url = `https://127.0.0.1:${(secure.address() as AddressInfo).port}/server.deb`;
    try {
      environment = { https_proxy: proxy.url };
      const error = await refusal(get({ url }));
      expect(error).toMatchObject({
        code: 'ARTIFACT_UNAVAILABLE',
        hint: expect.stringContaining('certificates'),
      });
      environment = { https_proxy: proxy.url, SSL_CERT_FILE: join(folder, 'ca.pem') };
      expectWhole(await get({ url }));
      expect(proxy.asked.at(-1)).toBe(`CONNECT ${new URL(url).host}`);
    } finally {
      secure.close();
      secure.closeAllConnections();
    }
  });
});
