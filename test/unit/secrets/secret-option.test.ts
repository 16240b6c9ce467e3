import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { parseSecretOption, readSecrets } from '../../../src/secrets/secret-option.ts';

describe('parseSecretOption', () => {
  test.each([
    ['id=token,src=token.txt', { kind: 'file', path: 'token.txt' }],
    ['id=token,source=token.txt', { kind: 'file', path: 'token.txt' }],
    ['type=file,id=token,src=a=b.txt', { kind: 'file', path: 'a=b.txt' }],
    ['id=token,env=MY_TOKEN', { kind: 'variable', name: 'MY_TOKEN' }],
    ['id=token,type=env,src=MY_TOKEN', { kind: 'variable', name: 'MY_TOKEN' }],
    ['id=token,type=env', { kind: 'variable', name: 'token' }],
    ['id=token', { kind: 'file', path: 'token' }],
  ])('%s', (words, source) => {
    expect(parseSecretOption(words, {})).toEqual({ id: 'token', source });
  });

  test('an id alone takes the variable of that name where there is one', () => {
    expect(parseSecretOption('id=token', { token: 'x' }).source).toEqual({ kind: 'variable', name: 'token' });
  });

  test.each([
    ['', 'not of the form key=value'],
    ['src=file', 'has no id'],
    ['id=,src=file', 'has no id'],
    ['id=a,src=b,env=C', 'names a file and a variable'],
    ['id=a,type=socket', 'unknown type socket'],
    ['id=a,colour=red', 'no part named colour'],
  ])('refuses %j', (words, message) => {
    expect(() => parseSecretOption(words, {})).toThrow(
      expect.objectContaining({ code: 'SECRET_INVALID', message: expect.stringContaining(message) }),
    );
  });

  test('what might be the secret itself is not repeated in the error', () => {
    expect(() => parseSecretOption('hunter2', {})).toThrow(
      expect.not.objectContaining({ message: expect.stringContaining('hunter2') }),
    );
  });
});

describe('readSecrets', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'dwt-secrets-'));
  });
  afterAll(() => rm(folder, { recursive: true }));

  test('reads files as bytes and variables as UTF-8', async () => {
    const path = join(folder, 'bytes');
    await writeFile(path, Buffer.from([0, 255, 10]));
    const secrets = await readSecrets(
      [
        { id: 'file', source: { kind: 'file', path } },
        { id: 'variable', source: { kind: 'variable', name: 'PASSWORD' } },
      ],
      { PASSWORD: 'grün' },
    );
    expect([...(secrets.get('file') ?? [])]).toEqual([0, 255, 10]);
    expect(Buffer.from(secrets.get('variable') ?? []).toString()).toBe('grün');
  });

  test.each([
    [
      'a missing file',
      [{ id: 'a', source: { kind: 'file', path: '/nowhere/at/all' } }],
      'cannot be read from /nowhere/at/all',
    ],
    [
      'an unset variable',
      [{ id: 'a', source: { kind: 'variable', name: 'UNSET' } }],
      'UNSET, which is not set',
    ],
    [
      'one id twice',
      [
        { id: 'a', source: { kind: 'variable', name: 'SET' } },
        { id: 'a', source: { kind: 'variable', name: 'SET' } },
      ],
      'given twice',
    ],
  ] as const)('refuses %s', async (_, options, message) => {
    await expect(readSecrets(options, { SET: 'x' })).rejects.toMatchObject({
      code: 'SECRET_INVALID',
      message: expect.stringContaining(message),
    });
  });

  test('refuses what BuildKit would refuse for its size', async () => {
    const path = join(folder, 'large');
    await writeFile(path, Buffer.alloc(500 * 1024 + 1));
    await expect(readSecrets([{ id: 'a', source: { kind: 'file', path } }], {})).rejects.toMatchObject({
      code: 'SECRET_INVALID',
    });
  });
});
