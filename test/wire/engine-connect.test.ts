import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { candidateEndpoints } from '../../src/engine/candidates.ts';
import { type ConnectOptions, connectEngine, connectToFirst } from '../../src/engine/connect.ts';
import { parseEndpoint } from '../../src/engine/endpoint.ts';
import type { Engine } from '../../src/engine/engine.ts';
import { DwtError } from '../../src/errors.ts';
import { enginePaths } from '../../src/local-engine/paths.ts';
import { json, type Script, type ScriptedEngine, scriptedEngine } from './engine-scripted.ts';

let home: string;
const closing: (() => unknown)[] = [];

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'dwt-connect-'));
  closing.push(() => rmSync(home, { recursive: true, force: true }));
});

afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

async function scripted(...values: Parameters<typeof scriptedEngine>): Promise<ScriptedEngine> {
  const engine = await scriptedEngine(...values);
  closing.push(() => engine.close());
  return engine;
}

const silent: Script = (_asked, answer) => json(answer, 404, { message: 'page not found' });

async function connect(options: Partial<ConnectOptions>): Promise<Engine> {
  const engine = await connectEngine({ environment: {}, homeFolder: home, ...options });
  closing.push(() => engine.close());
  return engine;
}

async function refused(options: Partial<ConnectOptions>): Promise<DwtError> {
  const error = await connect(options).then(
    (engine) => new Error(`it was reached at ${engine.url}`),
    (thrown) => thrown,
  );
  if (!(error instanceof DwtError)) throw error;
  return error;
}

/** A server that treats each connection as it is told. */
async function listening(onConnection: (socket: Socket) => void): Promise<number> {
  const server: Server = createServer(onConnection);
  await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready));
  closing.push(() => server.close());
  return (server.address() as AddressInfo).port;
}

function write(file: string, content: unknown): void {
  mkdirSync(dirname(join(home, file)), { recursive: true });
  writeFileSync(join(home, file), typeof content === 'string' ? content : JSON.stringify(content));
}

function context(name: string, host: string): void {
  const folder = createHash('sha256').update(name).digest('hex');
  write(`.docker/contexts/meta/${folder}/meta.json`, { Name: name, Endpoints: { docker: { Host: host } } });
}

describe('where an engine is looked for', () => {
  test('--engine before DOCKER_HOST before DOCKER_CONTEXT before the current context', async () => {
    const [flag, host, named, current] = await Promise.all([1, 2, 3, 4].map(() => scripted(silent)));
    context('named', named?.url ?? '');
    context('current', current?.url ?? '');
    write('.docker/config.json', { currentContext: 'current' });
    const environment = { DOCKER_HOST: host?.url, DOCKER_CONTEXT: 'named' };
    expect(await connect({ engine: flag?.url, environment })).toMatchObject({
      url: flag?.url,
      source: '--engine',
    });
    expect(await connect({ environment })).toMatchObject({ url: host?.url, source: 'DOCKER_HOST' });
    expect(await connect({ environment: { DOCKER_CONTEXT: 'named' } })).toMatchObject({
      url: named?.url,
      source: 'context named',
    });
    expect(await connect({})).toMatchObject({ url: current?.url, source: 'context current' });
  });

  test('DOCKER_CONFIG names the folder of the contexts, HOME that of .docker', async () => {
    const engine = await scripted(silent);
    context('there', engine.url);
    write('.docker/config.json', { currentContext: 'there' });
    const elsewhere = { homeFolder: '/nonexistent' };
    expect(
      await connect({ ...elsewhere, environment: { DOCKER_CONFIG: join(home, '.docker') } }),
    ).toMatchObject({ source: 'context there' });
    const found = await connectEngine({ environment: { HOME: home } });
    closing.push(() => found.close());
    expect(found.source).toBe('context there');
  });

  test('a context that is not there: those that are get named', async () => {
    context('prod', 'tcp://prod:2376');
    const error = await refused({ environment: { DOCKER_CONTEXT: 'gone' } });
    expect(error).toMatchObject({
      code: 'ENGINE_UNREACHABLE',
      message: 'The docker context "gone" does not exist.',
      hint: expect.stringMatching(/^Contexts are default, prod;/),
    });
  });

  test('a configuration that is not JSON', async () => {
    write('.docker/config.json', '{');
    expect((await refused({})).message).toContain(join(home, '.docker/config.json'));
  });

  test.each([
    ['mycontext', /DOCKER_CONTEXT=mycontext/],
    ['127.0.0.1:2375', /tcp:\/\/host:port/],
    ['ftp://host/x', /ssh:\/\/user@host/],
    ['unix://relative.sock', /unix:\/\/\/path/],
    ['tcp://host:port', /tcp:\/\/host:port/],
    ['tcp://', /tcp:\/\/host:port/],
    ['ssh://-oProxyCommand=x', /ssh:\/\/user@host/],
  ])('--engine %s is wrong usage', async (engine, hint) => {
    const error = await refused({ engine });
    expect(error.code).toBe('USAGE');
    expect(error.message).toContain(`"${engine}"`);
    expect(error.hint).toMatch(hint);
  });

  test('a password in a URL is not repeated', async () => {
    const error = await refused({ engine: 'ssh://me:hunter2@host' });
    expect(`${error.message} ${error.hint}`).not.toContain('hunter2');
  });
});

describe('an engine that cannot be reached', () => {
  test('without a wish: the default socket, then the private engine, and all that was tried', async () => {
    const environment = { XDG_RUNTIME_DIR: home };
    const candidates = candidateEndpoints(undefined, environment, home);
    expect(candidates.map(({ url, source }) => [source, url])).toEqual([
      ['default socket', 'unix:///var/run/docker.sock'],
      ['private engine', `unix://${enginePaths(environment).socket}`],
    ]);
    const absent = candidates.map(({ source }) =>
      parseEndpoint(`unix://${home}/${source[0]}.sock`, source, null),
    );
    const error = await connectToFirst(absent, { environment }).catch((thrown: DwtError) => thrown);
    expect(error).toMatchObject({ code: 'ENGINE_UNREACHABLE' });
    expect((error as DwtError).message).toMatch(
      /^No Docker engine answers. Tried .*d\.sock \(default socket\): no such file.*; .*p\.sock \(private engine\): no such file.*\.$/,
    );
    const engine = await scripted(silent);
    const reached = await connectToFirst([...absent, parseEndpoint(engine.url, 'private engine', null)], {
      environment,
    });
    closing.push(() => reached.close());
    expect(reached.source).toBe('private engine');
  });

  test('no such socket', async () => {
    const error = await refused({ engine: `unix://${home}/none.sock` });
    expect(error.code).toBe('ENGINE_UNREACHABLE');
    expect(error.message).toMatch(/cannot be reached at unix:.*none\.sock \(--engine\): no such file/);
    expect(error.hint).toMatch(/dwt engine up.*dwt doctor/);
  });

  test('nobody listens', async () => {
    const port = await listening(() => {});
    await closing.pop()?.();
    const error = await refused({ environment: { DOCKER_HOST: `tcp://127.0.0.1:${port}` } });
    expect(error.message).toMatch(/\(DOCKER_HOST\): nothing listens there/);
  });

  test('an unknown host', async () => {
    const error = await refused({ engine: 'tcp://no-such-host.invalid:2375' });
    expect(error.code).toBe('ENGINE_UNREACHABLE');
    expect(error.message).toMatch(/host name/);
  });

  test.each<[string, (socket: Socket) => void, RegExp]>([
    ['cuts the connection', (socket) => socket.destroy(), /the connection was cut/],
    ['does not speak HTTP', (socket) => socket.end('SSH-2.0-OpenSSH_9.2\r\n'), /does not speak HTTP/],
    ['never answers', () => {}, /no answer in time/],
    [
      'is some web server',
      (socket) => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nHi'),
      /not a Docker engine/,
    ],
    [
      'refuses',
      (socket) => socket.end('HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno'),
      /status 403 \(no\)/,
    ],
  ])('something that %s', async (_name, behave, message) => {
    const port = await listening((socket) => {
      socket.on('error', () => {});
      closing.push(() => socket.destroy());
      behave(socket);
    });
    const error = await refused({ engine: `tcp://127.0.0.1:${port}`, timeoutMs: 500 });
    expect(error.code).toBe('ENGINE_UNREACHABLE');
    expect(error.message).toMatch(message);
  });

  test('an interrupted attempt is the interruption', async () => {
    const port = await listening((socket) => closing.push(() => socket.destroy()));
    const error = await refused({ engine: `tcp://127.0.0.1:${port}`, signal: AbortSignal.timeout(50) });
    expect(error.code).toBe('INTERRUPTED');
  });
});

describe('the version of the API', () => {
  test.each([
    ['1.41', '/v1.41/version'],
    ['1.45', '/v1.45/version'],
    ['1.99', '/v1.51/version'],
    ['2.0', '/v1.51/version'],
  ])('an engine that offers %s', async (api, path) => {
    const engine = await scripted(
      (_asked, answer) => json(answer, 200, { Version: 'x', Os: 'linux', Arch: 'arm64' }),
      { api },
    );
    const version = await (await connect({ engine: engine.url })).version();
    expect(engine.asked[0]?.path).toBe(path);
    expect(version).toEqual({ version: 'x', api: path.slice(2, 6), os: 'linux', architecture: 'arm64' });
  });

  test('an engine before 20.10', async () => {
    const engine = await scripted(silent, { api: '1.40' });
    const error = await refused({ engine: engine.url });
    expect(error).toMatchObject({ code: 'ENGINE_TOO_OLD' });
    expect(error.message).toContain('1.40');
  });
});
