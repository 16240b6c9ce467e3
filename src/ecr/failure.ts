/** Why AWS did not do what it was asked for, told apart by the names of its errors. */
import { DwtError } from '../errors.ts';
import type { Caller } from './calls.ts';

/** Credentials that there are, and that AWS does not take: mistyped, revoked, or of a session that is over. */
const refused: ReadonlySet<string> = new Set([
  'ExpiredToken',
  'ExpiredTokenException',
  'InvalidClientTokenId',
  'InvalidSignatureException',
  'SignatureDoesNotMatch',
  'UnrecognizedClientException',
  'MissingAuthenticationTokenException',
]);
const denied: ReadonlySet<string> = new Set(['AccessDenied', 'AccessDeniedException', 'OptInRequired']);
/** The chain found nothing, or what it found (a profile, a session of SSO, a role) gave no credentials. */
const chain: ReadonlySet<string> = new Set([
  'CredentialsProviderError',
  'TokenProviderError',
  'ProviderError',
]);

/** What AWS, or the way to it, threw, as an error that a user can act on. */
export function awsFailure(error: unknown, { host, action }: Caller, patienceMs: number): DwtError {
  const { name, message, $metadata } = error as {
    name?: string;
    message?: string;
    $metadata?: { httpStatusCode?: number };
  };
  const detail = `${name}: ${message?.split('\n')[0]}`;
  const unavailable = (sentence: string, hint: string) =>
    new DwtError('CREDENTIALS_UNAVAILABLE', sentence, { hint, detail, cause: error });
  if (chain.has(name ?? ''))
    return unavailable(
      `This machine has no AWS credentials that ${host} could be asked with.`,
      'Give the machine a role, or set AWS_PROFILE or the variables AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY; where the profile logs in by SSO, run `aws sso login`.',
    );
  if (refused.has(name ?? ''))
    return unavailable(
      `AWS does not take the credentials that this machine has for ${host}.`,
      'They may have expired: log in again (`aws sso login`, or new values of the AWS_ variables), and see with `aws sts get-caller-identity` whether they work.',
    );
  if (denied.has(name ?? ''))
    return unavailable(
      `The AWS credentials of this machine may not ${action} for ${host}.`,
      `Ask for a policy that allows ${action}; \`aws sts get-caller-identity\` says for whom.`,
    );
  const late = name === 'TimeoutError' || name === 'AbortError';
  // AWS's own answers have a status; what has none did not come from there.
  if (late || $metadata?.httpStatusCode === undefined)
    return new DwtError(
      'REGISTRY_UNREACHABLE',
      late
        ? `AWS gave no answer to ${action} for ${host} within ${patienceMs / 1000} s.`
        : `AWS cannot be reached, which is asked about ${host} (${action}).`,
      {
        hint: 'See whether AWS can be reached from this machine: its network, https_proxy and no_proxy, and the CAs that it trusts where TLS is signed anew on the way.',
        detail,
        cause: error,
      },
    );
  return unavailable(
    `AWS failed to do ${action} for ${host}.`,
    'What it said is below; try again later where it is a failure of its own.',
  );
}
