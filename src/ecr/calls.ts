/** How AWS is called: with the credentials of its own default chain, in bounded time, by this machine's proxies. */
import type { RegistryAuth } from '../engine/engine.ts';
import { conceal } from '../redact.ts';
import { webAgent } from '../registry/agent.ts';
import { withMachineCas } from '../registry/trust.ts';
import { untilAborted } from '../until-aborted.ts';
import { awsFailure } from './failure.ts';

/** For one call with its retries, and whatever the credential chain asks before it, in milliseconds. */
const patienceMs = 30_000;
const connectMs = 5000;
const answerMs = 15_000;

const secretVariables = ['AWS_SECRET_ACCESS_KEY', 'AWS_SESSION_TOKEN', 'AWS_CONTAINER_AUTHORIZATION_TOKEN'];

/** What all clients are made with; the chain is the SDK's own: variables, profiles and SSO, web identity, roles. */
export function clientSettings(region: string) {
  for (const name of secretVariables) conceal(process.env[name] ?? '');
  const httpsAgent = webAgent();
  return {
    region,
    maxAttempts: 3,
    requestHandler: {
      connectionTimeout: connectMs,
      requestTimeout: answerMs,
      throwOnRequestTimeout: true,
      ...(httpsAgent && { httpsAgent }),
    },
  };
}

export interface Caller {
  /** The registry that the call is for, as errors name it. */
  readonly host: string;
  /** What an IAM policy calls it, such as `ecr:GetAuthorizationToken`. */
  readonly action: string;
}

/**
 * Does one call; null where AWS answers with the error `expected`.
 *
 * @throws DwtError CREDENTIALS_UNAVAILABLE, REGISTRY_UNREACHABLE
 */
export async function call<T>(
  caller: Caller,
  work: (limits: AbortSignal) => Promise<T>,
  expected?: string,
): Promise<T | null> {
  const limits = AbortSignal.timeout(patienceMs);
  try {
    return await untilAborted(
      limits,
      withMachineCas(() => work(limits)),
    );
  } catch (error) {
    if (expected !== undefined && (error as Error).name === expected) return null;
    throw awsFailure(limits.aborted ? limits.reason : error, caller, patienceMs);
  }
}

/** The login that ECR's token is: base64 of `AWS:PASSWORD`; null where it is none. */
export function loginOf(token: string | undefined): RegistryAuth | null {
  const text = Buffer.from(token ?? '', 'base64').toString('utf8');
  const colon = text.indexOf(':');
  return colon < 1 ? null : { username: text.slice(0, colon), password: text.slice(colon + 1) };
}

/** The end of a login in milliseconds since 1970; null where this machine's clock would have it over already. */
export function endOf(expiresAt: Date | undefined): number | null {
  const end = expiresAt?.getTime() ?? 0;
  return end > Date.now() + answerMs ? end : null;
}
