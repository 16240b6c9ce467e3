/** The session through which BuildKit asks this program for credentials and secrets while it builds. */
import { randomUUID } from 'node:crypto';
import { Duplex } from 'node:stream';
import {
  type handleUnaryCall,
  Server,
  ServerCredentials,
  type ServiceDefinition,
  type StatusObject,
  status,
} from '@grpc/grpc-js';
import type { BuildSession, SessionProviders } from './engine.ts';
import { credentialsCall, healthCall, secretCall } from './session-messages.ts';
import type { Transport } from './transport.ts';

/** BuildKit's own limit, in bytes. */
const largestSecret = 500 * 1024;
const serving = 1;

/**
 * Opens a session; any number of builds may name it at the same time. The methods for registry tokens are left out on
 * purpose: BuildKit then gets its tokens itself, with the credentials of the host that it asks for.
 */
export async function openSession(transport: Transport, providers: SessionProviders): Promise<BuildSession> {
  const id = randomUUID();
  const socket = await transport.upgrade({
    method: 'POST',
    path: '/session',
    upgrade: 'h2c',
    headers: {
      'X-Docker-Expose-Session-Uuid': id,
      'X-Docker-Expose-Session-Name': 'dwt',
      'X-Docker-Expose-Session-Grpc-Method': [credentialsCall.path, secretCall.path, healthCall.path],
    },
  });
  const server = new Server();
  server.addService({ Credentials: credentialsCall } as ServiceDefinition, {
    Credentials: answering(credentials(providers)),
  });
  server.addService({ GetSecret: secretCall } as ServiceDefinition, {
    GetSecret: answering(secret(providers)),
  });
  server.addService({ Check: healthCall } as ServiceDefinition, {
    Check: answering(async () => ({ status: serving })),
  });
  socket.on('error', () => {});
  server.createConnectionInjector(ServerCredentials.createInsecure()).injectConnection(plain(socket));
  return {
    id,
    async close(): Promise<void> {
      server.forceShutdown();
      socket.destroy();
    },
  };
}

/**
 * node's HTTP/2 looks at what TLS has agreed on, which is HTTP/1 here, and would refuse what was upgraded to since; a
 * stream in between hides it.
 */
const plain = (socket: Duplex): Duplex =>
  'alpnProtocol' in socket ? Duplex.from({ readable: socket, writable: socket }) : socket;

/** A failure that BuildKit is told with this gRPC status; its message becomes part of the build's error. */
class Refusal extends Error {
  readonly code: status;

  constructor(code: status, message: string) {
    super(message);
    this.code = code;
  }
}

function answering<Request, Response>(
  answer: (request: Request) => Promise<Response>,
): handleUnaryCall<Request, Response> {
  return (call, callback) => {
    answer(call.request).then(
      (response) => callback(null, response),
      (error: unknown) => callback(statusOf(error), null),
    );
  };
}

function statusOf(error: unknown): Partial<StatusObject> {
  const details = error instanceof Error ? error.message : String(error);
  return { code: error instanceof Refusal ? error.code : status.INTERNAL, details };
}

function credentials(providers: SessionProviders) {
  return async ({ Host }: { Host: string }): Promise<{ Username: string; Secret: string }> => {
    const found = await providers.credentials(Host);
    return { Username: found?.username ?? '', Secret: found?.secret ?? '' };
  };
}

function secret(providers: SessionProviders) {
  return async ({ ID }: { ID: string }): Promise<{ data: Uint8Array }> => {
    const data = await providers.secret(ID);
    // With this status BuildKit goes on where the secret is optional.
    if (data === null)
      throw new Refusal(
        status.NOT_FOUND,
        `there is no secret ${ID}; give it with --secret id=${ID},src=FILE`,
      );
    if (data.length > largestSecret) {
      throw new Refusal(
        status.RESOURCE_EXHAUSTED,
        `the secret ${ID} has ${data.length} bytes; BuildKit takes at most ${largestSecret}`,
      );
    }
    return { data };
  };
}
