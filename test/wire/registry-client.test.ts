import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { RegistryAuth } from '../../src/engine/engine.ts';
import { RegistryFailure, RegistryRefusal } from '../../src/registry/answer.ts';
import { registryClient } from '../../src/registry/client.ts';
import { renewable } from '../../src/registry/login.ts';

const manifest = JSON.stringify({ schemaVersion: 2, config: { digest: 'sha256:c' } });
const digest = `sha256:${createHash('sha256').update(manifest).digest('hex')}`;

let server: Server;
let host: string;
let seen: { method: string; path: string; authorization: string | undefined; body: string }[];
let handle: (request: IncomingMessage, response: ServerResponse, body: string) => void;

beforeEach(async () => {
  seen = [];
  server = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    const { method = '', url: path = '', headers } = request;
    if (path === '/v2/' && method === 'HEAD') return void response.end();
    seen.push({ method, path, authorization: headers.authorization, body });
    handle(request, response, body);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('No port was given.');
  host = `127.0.0.1:${address.port}`;
});
afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

const client = (auth: RegistryAuth | null = null) =>
  registryClient({
    domain: host,
    auth: renewable(async () => ({ auth, source: 'the test', expiresAt: null })),
    timeoutMs: 500,
    signal: new AbortController().signal,
  });

/** A registry that wants tokens of its own token server. */
const withTokens =
  (token: string, realm = `http://${host}/token`) =>
  ({ url = '', headers }: IncomingMessage, response: ServerResponse) => {
    if (url.startsWith('/token')) return void response.end(JSON.stringify({ token }));
    if (headers.authorization === `Bearer ${token}`) return void response.end(manifest);
    const scope = 'repository:a/b:pull,push';
    response
      .writeHead(401, { 'WWW-Authenticate': `Bearer realm="${realm}",service="reg, istry",scope="${scope}"` })
      .end();
  };

describe('a token', () => {
  test('is fetched with a name and a password, once', async () => {
    handle = withTokens('t1');
    const asked = client({ username: 'al', password: 'pw' });
    expect((await asked.manifest('a/b', 'x'))?.digest).toBe(digest);
    await asked.manifest('a/b', 'y');
    const basic = `Basic ${Buffer.from('al:pw').toString('base64')}`;
    expect(seen.map(({ path, authorization }) => [path.replace(/\?.*/, ''), authorization])).toEqual([
      ['/v2/a/b/manifests/x', undefined],
      ['/token', basic],
      ['/v2/a/b/manifests/x', 'Bearer t1'],
      ['/v2/a/b/manifests/y', 'Bearer t1'],
    ]);
    const parameters = new URL(seen[1]?.path ?? '', `http://${host}`).searchParams;
    expect(Object.fromEntries(parameters)).toEqual({
      service: 'reg, istry',
      scope: 'repository:a/b:pull,push',
    });
  });

  test('is fetched by anybody where there is no login', async () => {
    handle = withTokens('t2');
    expect((await client().manifest('a/b', 'x'))?.digest).toBe(digest);
    expect(seen[1]?.authorization).toBeUndefined();
  });

  test('is fetched with an identity token, which stays out of the URL', async () => {
    handle = withTokens('t3');
    expect(await client({ identityToken: 'idt' }).manifest('a/b', 'x')).not.toBeNull();
    expect(seen[1]).toMatchObject({ method: 'POST', path: '/token' });
    expect(Object.fromEntries(new URLSearchParams(seen[1]?.body))).toMatchObject({
      grant_type: 'refresh_token',
      refresh_token: 'idt',
    });
  });

  test('may be given', async () => {
    handle = withTokens('t4');
    expect(await client({ registryToken: 't4' }).manifest('a/b', 'x')).not.toBeNull();
    expect(seen.map(({ path }) => path)).not.toContain('/token');
  });

  test('is not asked for over plain http on another machine', async () => {
    handle = withTokens('t5', 'http://r.example.com/token');
    await expect(client({ username: 'al', password: 'pw' }).manifest('a/b', 'x')).rejects.toThrow(
      'which is not https',
    );
  });
});

describe('an answer', () => {
  test('is told apart by status, code and Retry-After', async () => {
    handle = (_, response) =>
      void response
        .writeHead(429, { 'Retry-After': '7' })
        .end(JSON.stringify({ errors: [{ code: 'TOOMANYREQUESTS', message: 'slow down' }] }));
    const error = await client()
      .manifest('a/b', 'x')
      .catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(RegistryRefusal);
    expect(error).toMatchObject({
      status: 429,
      retryAfterMs: 7000,
      said: 'TOOMANYREQUESTS: slow down',
      full: false,
    });
  });

  test.each(['<html>', '{"errors": 3}', '{"errors": [null]}', '[]', ''])(
    'that is not of the specification is no defect: %j',
    async (body) => {
      handle = (_, response) => void response.writeHead(500).end(body);
      await expect(client().manifest('a/b', 'x')).rejects.toBeInstanceOf(RegistryRefusal);
    },
  );

  test('of 404 is nothing', async () => {
    handle = (_, response) => void response.writeHead(404).end();
    expect(await client().manifest('a/b', 'x')).toBeNull();
  });

  test('that does not end is given up', async () => {
    handle = (_, response) => void response.writeHead(200).write('{');
    const error = await client()
      .manifest('a/b', 'x')
      .catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(RegistryFailure);
    expect(error).toMatchObject({ why: 'no answer within 0.5 s' });
  });

  test('without end is given up', async () => {
    handle = (_, response) => {
      const more = () => {
        while (!response.destroyed && response.write(Buffer.alloc(1 << 20)));
      };
      response.on('drain', more);
      more();
    };
    await expect(client().manifest('a/b', 'x')).rejects.toThrow(/longer than|no answer within/);
  });

  test('that redirects is followed, without the login where it leads to another host', async () => {
    const other = host.replace('127.0.0.1', 'localhost');
    handle = ({ url = '', headers }, response) => {
      if (url.startsWith('/elsewhere')) return void response.end(manifest);
      if (!headers.authorization)
        return void response.writeHead(401, { 'WWW-Authenticate': 'Basic realm="r"' }).end();
      response.writeHead(307, { Location: `http://${other}/elsewhere` }).end();
    };
    expect((await client({ username: 'al', password: 'pw' }).manifest('a/b', 'x'))?.digest).toBe(digest);
    expect(seen.at(-1)).toMatchObject({ path: '/elsewhere', authorization: undefined });
  });

  test.each(['http://r.example.com/', 'ftp://r.example.com/'])(
    'that redirects to %s is not followed',
    async (location) => {
      handle = (_, response) => void response.writeHead(307, { Location: location }).end();
      await expect(client().manifest('a/b', 'x')).rejects.toThrow('which is not https');
    },
  );

  test('that redirects for ever is given up', async () => {
    handle = (_, response) => void response.writeHead(307, { Location: '/again' }).end();
    await expect(client().manifest('a/b', 'x')).rejects.toThrow('redirects more than 5 times');
  });
});
