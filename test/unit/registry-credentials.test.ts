import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { DwtError } from '../../src/errors.ts';
import { credentialsFor as loginFor } from '../../src/registry/credentials.ts';

const host = 'r.example.com:5000';
const secret = 'pässw0rd:with:colons';
const basic = Buffer.from(`alice:${secret}`).toString('base64');

let folder: string;
let environment: Record<string, string>;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dwt-credentials-'));
  environment = { DOCKER_CONFIG: folder, HOME: folder, PATH: `${folder}${delimiter}${process.env['PATH']}` };
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const file = () => join(folder, 'config.json');
const configure = (config: unknown) =>
  writeFile(file(), typeof config === 'string' ? config : JSON.stringify(config));

const credentialsFor = async (...question: Parameters<typeof loginFor>) => (await loginFor(...question)).auth;

/** A real program that speaks the helper protocol. */
async function helper(name: string, script: string): Promise<void> {
  const path = join(folder, `docker-credential-${name}`);
  await writeFile(path, `#!/bin/sh\n${script}\n`);
  await chmod(path, 0o755);
}

async function refusal(domain = host, timeoutMs?: number): Promise<DwtError> {
  const error = await credentialsFor(domain, environment, timeoutMs).then(
    () => new Error('it was accepted'),
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof DwtError)) throw error;
  expect(error.code).toBe('CREDENTIALS_UNAVAILABLE');
  expect(error.hint).toBeTruthy();
  expect(JSON.stringify([error, error.message, String(error.cause)])).not.toContain(secret);
  return error;
}

describe("docker's config.json", () => {
  test('is not needed', async () => {
    expect(await credentialsFor(host, environment)).toBeNull();
  });

  test('is found in the home folder too', async () => {
    await mkdir(join(folder, '.docker'));
    await writeFile(
      join(folder, '.docker', 'config.json'),
      JSON.stringify({ auths: { [host]: { auth: basic } } }),
    );
    const { DOCKER_CONFIG: _, ...withoutVariable } = environment;
    expect(await credentialsFor(host, withoutVariable)).toMatchObject({ username: 'alice' });
  });

  test.each([
    host,
    `https://${host}`,
    `http://${host}`,
    `https://${host}/v1/`,
    `https://${host}/v2/`,
    `${host}/`,
  ])('key %s is the registry', async (key) => {
    await configure({ auths: { 'other.example.com': { auth: 'eDp5' }, [key]: { auth: basic } } });
    expect(await credentialsFor(host, environment)).toEqual({
      username: 'alice',
      password: secret,
      serverAddress: key,
    });
  });

  test.each(['https://index.docker.io/v1/', 'docker.io', 'index.docker.io', 'https://registry-1.docker.io'])(
    'key %s is Docker Hub',
    async (key) => {
      await configure({ auths: { [key]: { auth: basic } } });
      expect(await credentialsFor('docker.io', environment)).toMatchObject({
        username: 'alice',
        password: secret,
      });
    },
  );

  test('another port is another registry', async () => {
    await configure({ auths: { 'r.example.com': { auth: basic }, 'r.example.com:5001': { auth: basic } } });
    expect(await credentialsFor(host, environment)).toBeNull();
  });

  test('may hold tokens', async () => {
    await configure({
      auths: { [host]: { auth: Buffer.from('x:').toString('base64'), identitytoken: 'idt' } },
    });
    expect(await credentialsFor(host, environment)).toEqual({
      username: 'x',
      identityToken: 'idt',
      serverAddress: host,
    });
    await configure({ auths: { [host]: { registrytoken: 'rt' } } });
    expect(await credentialsFor(host, environment)).toEqual({ registryToken: 'rt', serverAddress: host });
  });

  test('an empty entry is no credential', async () => {
    await configure({ auths: { [host]: {} } });
    expect(await credentialsFor(host, environment)).toBeNull();
  });

  test.each([
    ['not JSON', `{"auths": {"${host}": {"auth": "${secret}"`, 'is not JSON'],
    ['a list', [], 'must be'],
    ['auths of a wrong type', { auths: [] }, '"auths" must be'],
    ['a number for auth', { auths: { [host]: { auth: 1 } } }, `"auths" > "${host}" > "auth" must be string`],
    ['auth that is not base64', { auths: { [host]: { auth: `!${secret}` } } }, 'not base64'],
    [
      'auth without a colon',
      { auths: { [host]: { auth: Buffer.from(secret.split(':')[0] ?? '').toString('base64') } } },
      'not base64',
    ],
    ['credsStore of a wrong type', { credsStore: {} }, '"credsStore" must be string'],
  ])('%s is refused with the name of the file', async (_, config, problem) => {
    await configure(config);
    const error = await refusal();
    expect(error.message).toContain(problem);
    expect(error.message).toContain(file());
  });

  test('what is wrong for one registry does not matter to another', async () => {
    await configure({ auths: { 'other.example.com': { auth: '!' }, [host]: { auth: basic } } });
    expect(await credentialsFor(host, environment)).toMatchObject({ username: 'alice' });
  });
});

describe('a credential helper', () => {
  test('is asked on stdin, with nothing on its command line', async () => {
    await configure({ credHelpers: { [host]: 'test' } });
    await helper('test', `read key; echo "{\\"Username\\":\\"$#$1\\",\\"Secret\\":\\"$key\\"}"`);
    expect(await credentialsFor(host, environment)).toEqual({
      username: '1get',
      password: host,
      serverAddress: host,
    });
  });

  test('is asked for Docker Hub by its old key', async () => {
    await configure({ credsStore: 'test' });
    await helper('test', `read key; echo "{\\"Username\\":\\"a\\",\\"Secret\\":\\"$key\\"}"`);
    expect(await credentialsFor('docker.io', environment)).toMatchObject({
      password: 'https://index.docker.io/v1/',
    });
  });

  test('of one registry goes before the store of all', async () => {
    await configure({ credsStore: 'all', credHelpers: { [host]: 'one' } });
    await helper('all', `echo '{"Username":"all","Secret":"s"}'`);
    await helper('one', `echo '{"Username":"one","Secret":"s"}'`);
    expect(await credentialsFor(host, environment)).toMatchObject({ username: 'one' });
    expect(await credentialsFor('other.example.com', environment)).toMatchObject({ username: 'all' });
  });

  test('may answer an identity token', async () => {
    await configure({ credsStore: 'test' });
    await helper('test', `echo '{"Username":"<token>","Secret":"idt"}'`);
    expect(await credentialsFor(host, environment)).toEqual({ identityToken: 'idt', serverAddress: host });
  });

  test('that has nothing leaves what the file has, else nothing', async () => {
    await helper('test', 'echo "credentials not found in native keychain"; exit 1');
    await configure({ credsStore: 'test' });
    expect(await credentialsFor(host, environment)).toBeNull();
    await configure({ credsStore: 'test', auths: { [host]: { auth: basic } } });
    expect(await credentialsFor(host, environment)).toMatchObject({ username: 'alice' });
  });

  test('that is not installed is named', async () => {
    await configure({ credsStore: 'nowhere' });
    expect((await refusal()).message).toBe(
      `The credential helper docker-credential-nowhere is not installed, and it is asked for ${host}.`,
    );
  });

  test('that fails says why', async () => {
    await configure({ credsStore: 'test' });
    await helper('test', 'echo "the keychain is locked"; exit 1');
    const error = await refusal();
    expect(error.message).toContain('docker-credential-test failed');
    expect(error.detail).toBe('the keychain is locked');
  });

  test('that hangs is ended', async () => {
    await configure({ credsStore: 'test' });
    await helper('test', 'sleep 30');
    const start = Date.now();
    expect((await refusal(host, 200)).message).toContain('no answer within 0.2 s');
    expect(Date.now() - start).toBeLessThan(5000);
  });

  test.each([
    ['nothing', ':'],
    ['no JSON', `echo '${secret}'`],
    ['another JSON', `echo '{"Secret":"${secret}"}'`],
  ])('that answers %s is refused, and its answer not shown', async (_, script) => {
    await configure({ credsStore: 'test' });
    await helper('test', script);
    expect((await refusal()).message).toContain('not of the protocol');
  });

  test('that no one may run is named', async () => {
    await configure({ credsStore: 'test' });
    await helper('test', ':');
    await chmod(join(folder, 'docker-credential-test'), 0o644);
    // As root too: a file without any x bit is not started.
    expect((await refusal()).message).toContain('docker-credential-test');
  });

  test('whose name is a path is not started', async () => {
    await configure({ credsStore: '../../bin/x' });
    expect((await refusal()).message).toContain('has a name that no program has');
  });
});
