/** The public gallery's login. The only place that knows its client, which takes long to load. */
import { ECRPUBLICClient, GetAuthorizationTokenCommand } from '@aws-sdk/client-ecr-public';
import type { Login } from '../registry/credentials.ts';
import { call, clientSettings, endOf, loginOf } from './calls.ts';
import type { PublicEcr } from './host.ts';

/** @throws DwtError CREDENTIALS_UNAVAILABLE, REGISTRY_UNREACHABLE */
export async function publicLogin(host: string, { region }: PublicEcr): Promise<Login> {
  const client = new ECRPUBLICClient(clientSettings(region));
  const caller = { host, action: 'ecr-public:GetAuthorizationToken and sts:GetServiceBearerToken' };
  const answer = await call(caller, (abortSignal) =>
    client.send(new GetAuthorizationTokenCommand({}), { abortSignal }),
  );
  const { authorizationData } = answer ?? {};
  return {
    auth: loginOf(authorizationData?.authorizationToken),
    source: 'AWS',
    expiresAt: endOf(authorizationData?.expiresAt),
  };
}
