import { createHash } from 'node:crypto';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { connectEngine } from '../../src/engine/connect.ts';
import type { Engine } from '../../src/engine/engine.ts';
import { DwtError } from '../../src/errors.ts';
import { json, type ScriptedEngine, scriptedEngine } from './engine-scripted.ts';
import { certificates, tlsProxy } from './engine-tls-proxy.ts';

let folder: string;
let engine: ScriptedEngine;
let proxy: Awaited<ReturnType<typeof tlsProxy>>;
let wrongName: Awaited<ReturnType<typeof tlsProxy>>;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'dwt-tls-'));
  certificates(folder);
  engine = await scriptedEngine((_asked, answer) => json(answer, 200, []), { tcp: true });
  proxy = await tlsProxy(folder, engine.url);
  wrongName = await tlsProxy(folder, engine.url, 'elsewhere');
});

afterAll(async () => {
  proxy.close();
  wrongName.close();
  await engine.close();
  rmSync(folder, { recursive: true, force: true });
});

const host = (port = proxy.port): string => `tcp://127.0.0.1:${port}`;

async function works(connecting: Promise<Engine>): Promise<void> {
  const client = await connecting;
  expect(await client.imagesByLabel([])).toEqual([]);
  client.close();
}

async function refused(connecting: Promise<Engine>): Promise<DwtError> {
  const error = await connecting.then(
    async (client) => {
      // With TLS 1.3 a client learns after the handshake that its certificate was not taken.
      await client.version().finally(() => client.close());
      return new Error('it was reached');
    },
    (thrown) => thrown,
  );
  if (!(error instanceof DwtError)) throw error;
  return error;
}

const verified = (of: string, url = host()): Record<string, string> => ({
  DOCKER_HOST: url,
  DOCKER_TLS_VERIFY: '1',
  DOCKER_CERT_PATH: join(folder, of),
});

describe('an engine behind TLS', () => {
  test('with the certificates of DOCKER_CERT_PATH', () =>
    works(connectEngine({ environment: verified('client') })));

  test('by name', () =>
    works(connectEngine({ environment: verified('client', `tcp://localhost:${proxy.port}`) })));

  test('with --engine and the certificates of the environment', () =>
    works(connectEngine({ engine: host(), environment: verified('client', 'tcp://other.invalid') })));

  test('with https://', () =>
    works(connectEngine({ engine: `https://127.0.0.1:${proxy.port}`, environment: verified('client') })));

  test('with the certificates in the docker folder', async () => {
    const home = join(folder, 'home');
    cpSync(join(folder, 'client'), join(home, '.docker'), { recursive: true });
    await works(
      connectEngine({ environment: { DOCKER_HOST: host(), DOCKER_TLS_VERIFY: '1' }, homeFolder: home }),
    );
  });

  test('with the certificates of a context', async () => {
    const contexts = join(folder, 'context-home', 'contexts');
    const id = createHash('sha256').update('secure').digest('hex');
    mkdirSync(join(contexts, 'meta', id), { recursive: true });
    writeFileSync(
      join(contexts, 'meta', id, 'meta.json'),
      JSON.stringify({ Endpoints: { docker: { Host: host() } } }),
    );
    cpSync(join(folder, 'client'), join(contexts, 'tls', id, 'docker'), { recursive: true });
    const environment = { DOCKER_CONFIG: join(folder, 'context-home'), DOCKER_CONTEXT: 'secure' };
    await works(connectEngine({ environment }));
  });
});

describe('is refused', () => {
  test.each([
    ['an authority that is not ours', 'distrustful', /signed by an unknown authority/],
    ['a client whose certificate is not taken', 'stranger', /TLS failed|unknown ca|connection was cut/],
  ])('%s', async (_name, pair, message) => {
    const error = await refused(connectEngine({ environment: verified(pair) }));
    expect(error.code).toBe('ENGINE_UNREACHABLE');
    expect(error.message).toMatch(message);
    expect(error.hint).toContain('DOCKER_CERT_PATH');
  });

  test('a certificate for another host', async () => {
    const error = await refused(connectEngine({ environment: verified('client', host(wrongName.port)) }));
    expect(error.message).toContain('its certificate is for another host');
  });

  test('TLS with what does not speak it', async () => {
    const error = await refused(connectEngine({ environment: verified('client', engine.url) }));
    expect(error.code).toBe('ENGINE_UNREACHABLE');
    expect(error.message).toMatch(/TLS/);
    expect(error.hint).toContain('unset DOCKER_TLS_VERIFY');
  });

  test('nobody there: the certificates are not to blame', async () => {
    const error = await refused(connectEngine({ environment: verified('client', 'tcp://127.0.0.1:1') }));
    expect(error.message).toContain('nothing listens there');
    expect(error.hint).toMatch(/^Correct what DOCKER_HOST says/);
  });

  test('no TLS with what asks for it', async () => {
    const error = await refused(connectEngine({ engine: host(), environment: {} }));
    expect(error.code).toBe('ENGINE_UNREACHABLE');
    expect(error.hint).toMatch(/dwt doctor/);
  });
});
