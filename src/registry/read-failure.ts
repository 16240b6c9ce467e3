/** Why something could not be read of a registry. */
import { asDwtError, DwtError } from '../errors.ts';
import { RegistryFailure, RegistryRefusal } from './answer.ts';
import type { RegistryHost } from './observe.ts';
import type { Judgement } from './push-failure.ts';

export function judgeReadFailure(thrown: unknown, { domain, auth }: RegistryHost, name: string): Judgement {
  const final = (error: DwtError): Judgement => ({ error, again: false, afterMs: null });
  if (thrown instanceof RegistryFailure) {
    const error = new DwtError('REGISTRY_UNREACHABLE', `${domain} cannot be reached: ${thrown.why}.`, {
      hint: 'See whether the registry runs and its name is right, then try again.',
      cause: thrown,
    });
    return { error, again: true, afterMs: null };
  }
  if (!(thrown instanceof RegistryRefusal)) return final(asDwtError(thrown));
  const { status, said, retryAfterMs } = thrown;
  const more = { cause: thrown, ...(said && { detail: said }) };
  if (status === 401 || status === 403) {
    const who = auth.login?.auth
      ? `the login that ${auth.login.source} has for it`
      : 'anybody without a login';
    return final(
      new DwtError('PULL_DENIED', `${domain} does not let ${who} read ${name}.`, {
        hint: `Run \`docker login ${domain}\` as somebody who may read it.`,
        ...more,
      }),
    );
  }
  const error = new DwtError(
    'REGISTRY_FAILED',
    `${domain} answered with status ${status} when ${name} was read.`,
    {
      hint: 'What the registry said is below; try again later.',
      ...more,
    },
  );
  return { error, again: status === 429 || status >= 500, afterMs: retryAfterMs };
}
