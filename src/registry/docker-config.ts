/** The credentials part of docker's `config.json`: where it is, and what it says of one registry. Holds secrets; prints none. */
import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import * as z from 'zod';
import type { RegistryAuth } from '../engine/engine.ts';
import { DwtError } from '../errors.ts';
import { dockerHub } from './reference.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

/** The key under which docker keeps the credentials of Docker Hub. */
const hubKey = 'https://index.docker.io/v1/';

const entrySchema = z.object({
  auth: z.string().optional(),
  username: z.string().optional(),
  password: z.string().optional(),
  identitytoken: z.string().optional(),
  registrytoken: z.string().optional(),
});
const configSchema = z.object({
  auths: z.record(z.string(), entrySchema).optional(),
  credsStore: z.string().optional(),
  credHelpers: z.record(z.string(), z.string()).optional(),
});

export interface DockerConfig {
  /** Its path, or the variable that it came from, as errors name it. */
  readonly file: string;
  readonly content: z.infer<typeof configSchema>;
}

/**
 * Reads `config.json` in `DOCKER_CONFIG`, else in `~/.docker`; null where there is none.
 *
 * @throws DwtError CREDENTIALS_UNAVAILABLE for a file that cannot be read or is not what docker writes.
 */
export async function readDockerConfig(environment: Environment): Promise<DockerConfig | null> {
  const file = join(
    environment['DOCKER_CONFIG'] || join(environment['HOME'] || homedir(), '.docker'),
    'config.json',
  );
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ENOENT' || code === 'ENOTDIR') return null;
    throw unusable(
      file,
      `cannot be read (${code})`,
      'Make it readable for this user, or name another folder in DOCKER_CONFIG.',
    );
  }
  if (text.trim() === '') return null;
  return { file, content: parseConfig(text, file) };
}

function parseConfig(text: string, file: string): DockerConfig['content'] {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // The parser's own message quotes the text, which may be a password.
    throw unusable(
      file,
      'is not JSON',
      `Look at it with \`jq . ${file}\`, or log in again with docker login.`,
    );
  }
  const parsed = configSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  const where = issue?.path
    .map((part) => (typeof part === 'string' ? JSON.stringify(part) : String(part)))
    .join(' > ');
  const expected = issue?.code === 'invalid_type' ? `must be ${issue.expected}` : 'is wrong';
  throw unusable(
    file,
    `is not what docker writes: ${where || 'it'} ${expected}`,
    'Correct it, or log in again with docker login.',
  );
}

/** The helper program that holds a registry's credentials. */
export interface NamedHelper {
  /** Without `docker-credential-`. */
  readonly helper: string;
  /** What it is asked for. */
  readonly key: string;
  /** Whether it is named for this registry; else it is the one for all. */
  readonly ofThisRegistry: boolean;
}

/** The helper that holds a registry's credentials; null where the file does. */
export function helperFor(config: DockerConfig, domain: string): NamedHelper | null {
  const { credHelpers = {}, credsStore } = config.content;
  const key = domain === dockerHub ? hubKey : domain;
  const own =
    credHelpers[key] ??
    namesOf(domain)
      .map((name) => credHelpers[name])
      .find(Boolean);
  const helper = own ?? credsStore;
  return helper ? { helper, key, ofThisRegistry: own !== undefined } : null;
}

/**
 * What the file itself has for a registry, or null.
 *
 * @throws DwtError CREDENTIALS_UNAVAILABLE for an entry that cannot be decoded.
 */
export function storedAuth(config: DockerConfig, domain: string): RegistryAuth | null {
  const { auths = {} } = config.content;
  const names = namesOf(domain);
  const key =
    names.find((name) => name in auths) ?? Object.keys(auths).find((name) => names.includes(hostOf(name)));
  const entry = key === undefined ? undefined : auths[key];
  if (key === undefined || entry === undefined) return null;
  const { username, password } = entry.auth ? decodeBasic(entry.auth, key, config.file) : entry;
  const auth: RegistryAuth = {
    ...(username && { username }),
    ...(password && { password }),
    ...(entry.identitytoken && { identityToken: entry.identitytoken }),
    ...(entry.registrytoken && { registryToken: entry.registrytoken }),
  };
  // docker login leaves an empty entry behind where a helper keeps the secret.
  return Object.keys(auth).length === 0 ? null : { ...auth, serverAddress: key };
}

/** Docker's own reading of a key: `https://HOST/v1/` and HOST are the same. */
const hostOf = (key: string): string => key.replace(/^https?:\/\//, '').replace(/\/.*$/, '');

const namesOf = (domain: string): readonly string[] =>
  domain === dockerHub ? [hubKey, dockerHub, 'index.docker.io', 'registry-1.docker.io'] : [domain];

function decodeBasic(auth: string, key: string, file: string): { username: string; password: string } {
  // Buffer skips what is not base64, so a wrong value shows only by what it decodes to.
  const text = Buffer.from(auth, 'base64').toString('utf8').replace(/\0+$/, '');
  const colon = text.indexOf(':');
  if (!/^[A-Za-z0-9+/_=\s-]*$/.test(auth) || colon < 1) {
    throw unusable(
      file,
      `has an "auth" for ${key} that is not base64 of NAME:PASSWORD`,
      `Log in again with \`docker login ${hostOf(key)}\`.`,
    );
  }
  return { username: text.slice(0, colon), password: text.slice(colon + 1) };
}

const unusable = (file: string, problem: string, hint: string): DwtError =>
  new DwtError('CREDENTIALS_UNAVAILABLE', `Docker's configuration file ${file} ${problem}.`, { hint });
