/** Finds the engine to use and makes sure that it answers. */
import { DwtError } from '../errors.ts';
import { candidateEndpoints } from './candidates.ts';
import { agentFor } from './connection.ts';
import { DockerEngine } from './docker-engine.ts';
import type { Endpoint } from './endpoint.ts';
import type { Engine } from './engine.ts';
import {
  ConnectionFailure,
  EngineRefusal,
  errorCode,
  interruption,
  isTlsFailure,
  plainly,
} from './failure.ts';
import { Transport } from './transport.ts';

/** The API of engine 20.10, and the newest one whose answers this program knows. */
const oldestApi = '1.41';
const newestApi = '1.51';

export interface ConnectOptions {
  /** The URL that the user gave with --engine. */
  readonly engine?: string | undefined;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Where `.docker` is; the environment's HOME if not given. */
  readonly homeFolder?: string;
  readonly signal?: AbortSignal;
  /** How long an engine may take to answer, in milliseconds. */
  readonly timeoutMs?: number;
}

/** The first engine that answers; `ENGINE_UNREACHABLE` names all that were tried. */
export async function connectEngine(options: ConnectOptions): Promise<Engine> {
  return connectToFirst(candidateEndpoints(options.engine, options.environment, options.homeFolder), options);
}

export async function connectToFirst(
  endpoints: readonly Endpoint[],
  options: Omit<ConnectOptions, 'engine' | 'homeFolder'>,
): Promise<Engine> {
  const failures: [Endpoint, unknown][] = [];
  for (const endpoint of endpoints) {
    try {
      return await connectTo(endpoint, options);
    } catch (error) {
      if (options.signal?.aborted) throw interruption(options.signal);
      if (error instanceof DwtError && error.code !== 'ENGINE_LOST' && !(error instanceof EngineRefusal))
        throw error;
      failures.push([
        endpoint,
        error instanceof DwtError && error.code === 'ENGINE_LOST' ? error.cause : error,
      ]);
    }
  }
  throw unreachable(failures);
}

async function connectTo(
  endpoint: Endpoint,
  { environment, signal, timeoutMs = 20_000 }: Omit<ConnectOptions, 'engine' | 'homeFolder'>,
): Promise<Engine> {
  const transport = new Transport(endpoint, await agentFor(endpoint, environment));
  const late = AbortSignal.timeout(timeoutMs);
  try {
    const answer = await transport.stream({
      method: 'GET',
      path: '/_ping',
      signal: signal ? AbortSignal.any([signal, late]) : late,
    });
    // To its end, so that the next request finds the connection free: over ssh a second one takes 150 ms.
    await transport.bytes(answer);
    const offered = answer.headers['api-version'];
    transport.api = negotiate(typeof offered === 'string' ? offered : null, endpoint);
    return new DockerEngine(transport);
  } catch (error) {
    transport.close();
    if (late.aborted && !signal?.aborted)
      throw new ConnectionFailure({ code: 'ETIMEDOUT', message: `${timeoutMs / 1000} s` });
    throw error;
  }
}

function negotiate(offered: string | null, endpoint: Endpoint): string {
  if (offered === null || !/^\d+\.\d+$/.test(offered)) {
    throw new ConnectionFailure({ code: 'ENOTDOCKER', message: 'what answers is not a Docker engine' });
  }
  if (minor(offered) < minor(oldestApi)) {
    throw new DwtError(
      'ENGINE_TOO_OLD',
      `The engine at ${endpoint.url} (${endpoint.source}) speaks API ${offered}; ${oldestApi} is needed.`,
      {
        hint: 'Use Docker 20.10 or newer.',
      },
    );
  }
  return minor(offered) < minor(newestApi) ? offered : newestApi;
}

/** Docker's API has never had another major version than 1; one that has is newer than all of them. */
function minor(version: string): number {
  const [major = 0, rest = 0] = version.split('.').map(Number);
  return major * 1000 + rest;
}

function unreachable(failures: readonly [Endpoint, unknown][]): DwtError {
  const tried = failures.map(([endpoint, error]) => `${endpoint.url} (${endpoint.source}): ${said(error)}`);
  const [[endpoint, error] = []] = failures;
  const message =
    tried.length === 1
      ? `The Docker engine cannot be reached at ${tried[0]}.`
      : `No Docker engine answers. Tried ${tried.join('; ')}.`;
  return new DwtError('ENGINE_UNREACHABLE', message, {
    hint: `${
      endpoint
        ? advice(
            endpoint,
            failures.map(([, each]) => errorCode(each)),
          )
        : ''
    } \`dwt doctor\` shows what works from here.`.trim(),
    cause: error,
  });
}

const said = (error: unknown): string =>
  error instanceof EngineRefusal
    ? `it answered with status ${error.status ?? 'unknown'} (${error.said})`
    : plainly(error);

const nobodyThere = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH']);

function advice({ address, source }: Endpoint, codes: readonly (string | null)[]): string {
  if (codes.includes('EACCES') || codes.includes('EPERM')) {
    return 'Join the group that may use the socket (`sudo usermod -aG docker $USER`, then log in again).';
  }
  if (address.kind === 'ssh')
    return `See that \`ssh ${address.user ? `${address.user}@` : ''}${address.host} docker version\` works without a password.`;
  if (codes.includes('EPROTO'))
    return 'Where that engine speaks no TLS, unset DOCKER_TLS_VERIFY and DOCKER_TLS; else correct the port.';
  // An engine that takes no certificate of ours may just cut the connection.
  const answers = !codes.some((code) => code !== null && nobodyThere.has(code));
  if (
    codes.some((code) => code && isTlsFailure(code)) ||
    (address.kind === 'tcp' && address.tls && answers)
  ) {
    return 'See that ca.pem, cert.pem and key.pem of DOCKER_CERT_PATH (or of the docker context) belong to this engine.';
  }
  if (source === 'default socket') {
    return 'Start Docker, name an engine with --engine URL or DOCKER_HOST, or start a private one with `dwt engine up`.';
  }
  return `Correct what ${source} says or start that engine; \`dwt engine up\` starts a private one.`;
}
