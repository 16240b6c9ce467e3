/**
 * ECR for tests, under its own name. The API is moto's, the registry behind it Debian's docker-registry. Stand-ins are
 * what joins the two, since neither knows of the other: an API in front of moto's whose tokens differ and can be revoked,
 * and a gate in front of the registry that takes such tokens alone and asks moto which repositories there are and whether
 * their tags can be moved. A proxy as companies have it leads everybody who asks for the name to the gate.
 */
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import {
  createServer,
  type IncomingMessage,
  request as openRequest,
  type Server,
  type ServerResponse,
} from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Moto, startMoto } from './moto.ts';
import { startRegistry, type TestRegistry } from './registry.ts';

export const account = '123456789012';
const region = 'eu-west-2';
export const ecrName = `${account}.dkr.ecr.${region}.amazonaws.com`;

export interface ApiAnswer {
  readonly status: number;
  readonly body: unknown;
}

export interface TestEcr {
  /** Variables of a program that is to find it: the API's address, the proxy, the CA of the gate. */
  readonly environment: Readonly<Record<string, string>>;
  /** A file with the CA that signed the gate's certificate. */
  readonly ca: string;
  readonly proxy: string;
  /** Passwords that were given out, in order. */
  readonly passwords: readonly string[];
  /** What the API was asked to do, such as `GetAuthorizationToken`. */
  readonly actions: readonly string[];
  /** What the gate was asked, as `METHOD PATH`. */
  readonly requests: readonly string[];
  /** What the API answers in place of moto; null for moto's own answer. The target is the header of that name. */
  refuse: (action: string, target: string) => ApiAnswer | null;
  /** Told of each request at the gate before it is looked at. */
  watch: (request: string) => void;
  /** Ends every token that was given out so far. */
  revoke(): void;
  /** One call of ECR's API, by moto. */
  call<T>(action: string, parameters: unknown): Promise<T>;
  forget(): void;
  stop(): Promise<void>;
}

export async function startEcr(): Promise<TestEcr> {
  const moto = await startMoto();
  const registry = await startRegistry();
  const folder = mkdtempSync(join(tmpdir(), 'dwt-ecr-'));
  const certificate = makeCertificate(folder);
  const live = new Set<string>();
  const passwords: string[] = [];
  const actions: string[] = [];
  const requests: string[] = [];

  const api = createServer(
    (request, response) =>
      void serveApi(request, response).catch((error: unknown) => response.destroy(error as Error)),
  );
  const gate = createSecureServer(
    certificate,
    (request, response) =>
      void guard(request, response).catch((error: unknown) => response.destroy(error as Error)),
  );
  const proxy = createServer().on('connect', (request: IncomingMessage, socket: Socket) => {
    if (request.url !== `${ecrName}:443`) return void socket.end('HTTP/1.1 502 Unknown host\r\n\r\n');
    const onward = connect(portOf(gate), '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 OK\r\n\r\n');
      onward.pipe(socket).pipe(onward);
    });
    socket.on('error', () => onward.destroy());
    onward.on('error', () => socket.destroy());
  });
  await Promise.all([api, gate, proxy].map(listening));

  async function serveApi(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await bodyOf(request);
    const target = String(request.headers['x-amz-target'] ?? '');
    const action = /\.(\w+)$/.exec(target)?.[1] ?? new URLSearchParams(body.toString()).get('Action') ?? '';
    actions.push(action);
    const refusal = ecr.refuse(action, target);
    if (refusal) {
      response.writeHead(refusal.status, { 'content-type': 'application/x-amz-json-1.1' });
      return void response.end(JSON.stringify(refusal.body));
    }
    const answer = await fetch(`${moto.url}${request.url}`, {
      method: request.method ?? 'POST',
      headers: wanted(request.headers),
      body: new Uint8Array(body),
    });
    const text = await answer.text();
    response.writeHead(answer.status, { 'content-type': answer.headers.get('content-type') ?? '' });
    response.end(action === 'GetAuthorizationToken' && answer.ok ? newToken(text) : text);
  }

  /** moto gives the same token each time, which was over in 2015; ECR gives another one, for twelve hours. */
  function newToken(text: string): string {
    const answer = JSON.parse(text) as { authorizationData: Record<string, unknown>[] };
    for (const data of answer.authorizationData) {
      const password = `${randomBytes(24).toString('base64url')}-${passwords.length}`;
      passwords.push(password);
      live.add(basicOf(password));
      data['authorizationToken'] = Buffer.from(`AWS:${password}`).toString('base64');
      data['expiresAt'] = Date.now() / 1000 + 12 * 3600;
    }
    return JSON.stringify(answer);
  }

  async function guard(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = 'GET', url: path = '/' } = request;
    requests.push(`${method} ${path}`);
    ecr.watch(`${method} ${path}`);
    const { authorization } = request.headers;
    if (authorization === undefined) {
      const realm = `Basic realm="https://${ecrName}/",service="ecr.amazonaws.com"`;
      return refuse(request, response, 401, 'UNAUTHORIZED', 'Not Authorized', { 'WWW-Authenticate': realm });
    }
    if (!live.has(authorization)) {
      const said = 'Your authorization token has expired. Reauthenticate and try again.';
      return refuse(request, response, 403, 'DENIED', said);
    }
    const [, name, tag] = /^\/v2\/(.+?)\/(?:manifests\/([^/?]+)|blobs\/|tags\/|referrers\/)/.exec(path) ?? [];
    if (name !== undefined) {
      const repository = await repositoryAt(name);
      if (repository === null) {
        const said = `The repository with name '${name}' does not exist in the registry with id '${account}'`;
        return refuse(request, response, 404, 'NAME_UNKNOWN', said);
      }
      if (
        method === 'PUT' &&
        tag &&
        repository.imageTagMutability === 'IMMUTABLE' &&
        (await isTaken(name, tag))
      ) {
        const said = `The image tag '${tag}' already exists in the '${name}' repository and cannot be overwritten because the repository is immutable.`;
        return refuse(request, response, 400, 'TAG_INVALID', said);
      }
    }
    pass(request, response);
  }

  async function repositoryAt(name: string): Promise<{ imageTagMutability: string } | null> {
    const answer = await callMoto('DescribeRepositories', { repositoryNames: [name] });
    const { repositories } = answer as { repositories?: { imageTagMutability: string }[] };
    return repositories?.[0] ?? null;
  }

  const isTaken = async (name: string, tag: string): Promise<boolean> =>
    !tag.startsWith('sha256:') &&
    (await fetch(`http://${registry.host}/v2/${name}/manifests/${tag}`, {
      method: 'HEAD',
      headers: { accept: 'application/vnd.docker.distribution.manifest.v2+json' },
    }).then(({ ok }) => ok));

  function pass(request: IncomingMessage, response: ServerResponse): void {
    const [hostname, port] = registry.host.split(':');
    const { authorization: _, ...headers } = request.headers;
    const onward = openRequest(
      {
        hostname,
        port,
        method: request.method,
        path: request.url,
        headers: { ...headers, host: ecrName, 'x-forwarded-proto': 'https' },
      },
      (answer) => {
        response.writeHead(answer.statusCode ?? 502, answer.headers);
        answer.pipe(response);
      },
    );
    onward.on('error', () => response.destroy());
    request.pipe(onward);
  }

  async function callMoto(action: string, parameters: unknown): Promise<unknown> {
    const answer = await fetch(moto.url, {
      method: 'POST',
      headers: {
        'content-type': 'application/x-amz-json-1.1',
        'x-amz-target': `AmazonEC2ContainerRegistry_V20150921.${action}`,
        // Signed for show: moto only reads which service and region are meant.
        authorization: `AWS4-HMAC-SHA256 Credential=test/20260101/${region}/ecr/aws4_request, SignedHeaders=host, Signature=0`,
      },
      body: JSON.stringify(parameters),
    });
    return answer.json();
  }

  const ecr: TestEcr = {
    environment: {
      AWS_ENDPOINT_URL: `http://127.0.0.1:${portOf(api)}`,
      // Nothing else than the test's own credentials: no role of the machine that the tests run on.
      AWS_EC2_METADATA_DISABLED: 'true',
      HTTPS_PROXY: `http://127.0.0.1:${portOf(proxy)}`,
      SSL_CERT_FILE: join(folder, 'ca.pem'),
      SSL_CERT_DIR: folder,
    },
    ca: join(folder, 'ca.pem'),
    proxy: `http://127.0.0.1:${portOf(proxy)}`,
    passwords,
    actions,
    requests,
    refuse: () => null,
    watch: () => undefined,
    revoke: () => live.clear(),
    call: async (action, parameters) => (await callMoto(action, parameters)) as never,
    forget: () => {
      requests.length = 0;
      actions.length = 0;
    },
    stop: () => stopAll([api, gate, proxy], moto, registry, folder),
  };
  return ecr;
}

async function stopAll(
  servers: readonly Server[],
  moto: Moto,
  registry: TestRegistry,
  folder: string,
): Promise<void> {
  for (const server of servers) {
    server.closeAllConnections();
    server.close();
  }
  await Promise.all([moto.stop(), registry.stop()]);
  rmSync(folder, { recursive: true, force: true });
}

const basicOf = (password: string): string => `Basic ${Buffer.from(`AWS:${password}`).toString('base64')}`;

const portOf = (server: { address(): unknown }): number => (server.address() as AddressInfo).port;

async function listening(server: Server): Promise<void> {
  await once(server.listen(0, '127.0.0.1'), 'listening');
}

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** The headers that say what is asked; those of the connection are the next one's own. */
function wanted(headers: IncomingMessage['headers']): Record<string, string> {
  const names = ['content-type', 'x-amz-target', 'x-amz-date', 'authorization'];
  return Object.fromEntries(
    names.flatMap((name) => (headers[name] === undefined ? [] : [[name, String(headers[name])]])),
  );
}

function refuse(
  request: IncomingMessage,
  response: ServerResponse,
  status: number,
  code: string,
  message: string,
  headers: Record<string, string> = {},
): void {
  request.resume();
  response.writeHead(status, { 'content-type': 'application/json', ...headers });
  response.end(request.method === 'HEAD' ? '' : JSON.stringify({ errors: [{ code, message }] }));
}

function makeCertificate(folder: string): { key: Buffer; cert: Buffer } {
  const openssl = (...values: string[]) => execFileSync('openssl', values, { cwd: folder, stdio: 'pipe' });
  const fresh = ['-newkey', 'rsa:2048', '-nodes'];
  openssl(
    'req',
    '-x509',
    ...fresh,
    '-subj',
    '/CN=Test CA',
    '-days',
    '9',
    '-keyout',
    'ca.key',
    '-out',
    'ca.pem',
  );
  openssl('req', ...fresh, '-subj', '/CN=ECR', '-keyout', 'gate.key', '-out', 'gate.csr');
  writeFileSync(join(folder, 'extensions'), `subjectAltName=DNS:${ecrName}\n`);
  const signed = ['-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial', '-days', '9'];
  openssl('x509', '-req', '-in', 'gate.csr', ...signed, '-extfile', 'extensions', '-out', 'gate.pem');
  const read = (name: string) => readFileSync(join(folder, name));
  return { key: read('gate.key'), cert: read('gate.pem') };
}
