/** The calls that BuildKit makes on a client's session, by BuildKit's published services: message types and field numbers. */
import type { MethodDefinition } from '@grpc/grpc-js';
import protobuf from 'protobufjs/light.js';

const types = protobuf.Root.fromJSON({
  nested: {
    CredentialsRequest: { fields: { Host: { type: 'string', id: 1 } } },
    CredentialsResponse: {
      fields: { Username: { type: 'string', id: 1 }, Secret: { type: 'string', id: 2 } },
    },
    GetSecretRequest: { fields: { ID: { type: 'string', id: 1 } } },
    GetSecretResponse: { fields: { data: { type: 'bytes', id: 1 } } },
    HealthCheckRequest: { fields: { service: { type: 'string', id: 1 } } },
    HealthCheckResponse: { fields: { status: { type: 'int32', id: 1 } } },
  },
});

function unary<Request, Response>(
  path: string,
  request: string,
  response: string,
): MethodDefinition<Request, Response> {
  const [asked, answered] = [types.lookupType(request), types.lookupType(response)];
  const coder = (type: protobuf.Type) => ({
    encode: (value: unknown): Buffer => Buffer.from(type.encode(type.create(value as object)).finish()),
    decode: (bytes: Buffer): unknown => type.decode(bytes),
  });
  const [requests, responses] = [coder(asked), coder(answered)];
  return {
    path,
    requestStream: false,
    responseStream: false,
    requestSerialize: requests.encode,
    requestDeserialize: (bytes) => requests.decode(bytes) as Request,
    responseSerialize: responses.encode,
    responseDeserialize: (bytes) => responses.decode(bytes) as Response,
  };
}

export const credentialsCall = unary<{ Host: string }, { Username: string; Secret: string }>(
  '/moby.filesync.v1.Auth/Credentials',
  'CredentialsRequest',
  'CredentialsResponse',
);
export const secretCall = unary<{ ID: string }, { data: Uint8Array }>(
  '/moby.buildkit.secrets.v1.Secrets/GetSecret',
  'GetSecretRequest',
  'GetSecretResponse',
);
export const healthCall = unary<{ service: string }, { status: number }>(
  '/grpc.health.v1.Health/Check',
  'HealthCheckRequest',
  'HealthCheckResponse',
);
