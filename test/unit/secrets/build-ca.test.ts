import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { readBuildCa } from '../../../src/secrets/build-ca.ts';

const certificate = (body: string) => `-----BEGIN CERTIFICATE-----\n${body}\n-----END CERTIFICATE-----\n`;

let folder: string;
let system: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dwt-ca-'));
  system = join(folder, 'system.crt');
  await writeFile(system, certificate('SYSTEM'));
});
afterAll(() => rm(folder, { recursive: true }));

test("without a file it is the machine's own bundle", async () => {
  const bundle = await readBuildCa(null, { SSL_CERT_FILE: system });
  expect(Buffer.from(bundle ?? []).toString()).toBe(certificate('SYSTEM'));
});

test("a given CA comes beside the machine's, and only its certificates", async () => {
  const given = join(folder, 'given.pem');
  await writeFile(
    given,
    `-----BEGIN PRIVATE KEY-----\nKEY\n-----END PRIVATE KEY-----\n${certificate('GIVEN')}`,
  );
  const bundle = Buffer.from((await readBuildCa(given, { SSL_CERT_FILE: system })) ?? []).toString();
  expect(bundle).toContain(certificate('GIVEN'));
  expect(bundle).toContain(certificate('SYSTEM'));
  expect(bundle).not.toContain('KEY');
});

test.each([
  ['is not there', 'missing.pem', null, 'cannot be read'],
  ['is no PEM', 'binary.der', 'garbage', 'holds no PEM certificate'],
])('a file that %s is refused by name', async (_, name, content, message) => {
  const path = join(folder, name);
  if (content !== null) await writeFile(path, content);
  await expect(readBuildCa(path, { SSL_CERT_FILE: system })).rejects.toMatchObject({
    code: 'SECRET_INVALID',
    message: expect.stringContaining(message),
  });
});
