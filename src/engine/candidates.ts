/** Which engines come into question, in the order in which docker and then dwt look for one. */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { DwtError } from '../errors.ts';
import { privateEngineSocket } from '../local-engine/paths.ts';
import { type Endpoint, parseEndpoint, readTls, type TlsMaterial } from './endpoint.ts';

type Variables = Readonly<Record<string, string | undefined>>;

/**
 * One endpoint where the user has said which (flag, DOCKER_HOST, context), else the default socket and then the
 * private engine's.
 */
export function candidateEndpoints(
  engine: string | undefined,
  environment: Variables,
  home = environment['HOME'] || homedir(),
): Endpoint[] {
  const dockerFolder = environment['DOCKER_CONFIG'] || join(home, '.docker');
  const tls = (): TlsMaterial | null => environmentTls(environment, dockerFolder);
  if (engine) return [parseEndpoint(engine, '--engine', tls())];
  if (environment['DOCKER_HOST']) return [parseEndpoint(environment['DOCKER_HOST'], 'DOCKER_HOST', tls())];
  const context = environment['DOCKER_CONTEXT'] || currentContext(dockerFolder);
  if (context && context !== 'default') return [contextEndpoint(context, dockerFolder)];
  return [
    parseEndpoint('unix:///var/run/docker.sock', 'default socket', null),
    parseEndpoint(`unix://${privateEngineSocket(environment)}`, 'private engine', null),
  ];
}

function environmentTls(environment: Variables, dockerFolder: string): TlsMaterial | null {
  const verify = Boolean(environment['DOCKER_TLS_VERIFY']);
  if (!verify && !environment['DOCKER_TLS']) return null;
  return readTls(environment['DOCKER_CERT_PATH'] || dockerFolder, verify);
}

function currentContext(dockerFolder: string): string | null {
  const config = readJson(join(dockerFolder, 'config.json')) as { currentContext?: unknown } | null;
  return typeof config?.currentContext === 'string' ? config.currentContext : null;
}

function contextEndpoint(name: string, dockerFolder: string): Endpoint {
  const id = createHash('sha256').update(name).digest('hex');
  const contexts = join(dockerFolder, 'contexts');
  const metadata = readJson(join(contexts, 'meta', id, 'meta.json')) as {
    Endpoints?: { docker?: { Host?: string; SkipTLSVerify?: boolean } };
  } | null;
  const docker = metadata?.Endpoints?.docker;
  if (!docker?.Host) {
    throw new DwtError(
      'ENGINE_UNREACHABLE',
      `The docker context "${name}" ${metadata ? 'names no engine' : 'does not exist'}.`,
      {
        hint: `Contexts are ${['default', ...contextNames(contexts)].join(', ')}; or name an engine with --engine URL.`,
      },
    );
  }
  const material = readTls(join(contexts, 'tls', id, 'docker'), !docker.SkipTLSVerify);
  const tls = material.ca || material.cert || docker.SkipTLSVerify ? material : null;
  return parseEndpoint(docker.Host, `context ${name}`, tls);
}

function contextNames(contexts: string): string[] {
  let ids: string[];
  try {
    ids = readdirSync(join(contexts, 'meta'));
  } catch {
    // Where there is none, or none that may be read, there is none to name.
    return [];
  }
  return ids
    .map((id) => (readJson(join(contexts, 'meta', id, 'meta.json')) as { Name?: unknown } | null)?.Name)
    .filter((name) => typeof name === 'string')
    .sort();
}

/** Null where there is no such file: docker's configuration is optional. */
function readJson(file: string): unknown {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    // ENOTDIR and EACCES: the home of another user; docker ignores it as well.
    if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'EACCES') return null;
    throw error;
  }
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new DwtError(
      'ENGINE_UNREACHABLE',
      `${file} is not JSON, so the docker context cannot be read from it.`,
      {
        hint: 'Correct the file, or name the engine with --engine URL.',
        cause: error,
      },
    );
  }
}
