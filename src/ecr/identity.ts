/** Who this machine is to AWS. */
import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';
import { call, clientSettings } from './calls.ts';
import type { EcrHost } from './host.ts';

/** @throws DwtError CREDENTIALS_UNAVAILABLE, REGISTRY_UNREACHABLE */
export async function callerIdentity(
  host: string,
  { region }: EcrHost,
): Promise<{ readonly arn: string; readonly account: string }> {
  const client = new STSClient(clientSettings(region));
  const answer = await call({ host, action: 'sts:GetCallerIdentity' }, (abortSignal) =>
    client.send(new GetCallerIdentityCommand({}), { abortSignal }),
  );
  return { arn: answer?.Arn ?? 'unknown', account: answer?.Account ?? 'unknown' };
}
