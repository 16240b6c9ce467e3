/** The registry of an environment, as releases talk to it: directly, with retries, and with the ledger of its releases. */
import type { Emit } from '../events.ts';
import { resolveEnvironment } from '../project/environments.ts';
import type { Project } from '../project/project.ts';
import { authProvider } from '../registry/login.ts';
import { type RegistryHost, registryHost } from '../registry/observe.ts';
import { judgeFailure } from '../registry/push-failure.ts';
import { judgeReadFailure } from '../registry/read-failure.ts';
import { type RetryLimits, usualLimits, withRetries } from '../registry/retry.ts';
import { Ledger, type Reliably } from '../release/ledger.ts';
import type { LockTimes } from '../release/lock.ts';
import type { TagRegistry } from '../release/tag-moves.ts';
import { untilAborted } from '../until-aborted.ts';

export interface RegistryAccess {
  readonly environment: NodeJS.ProcessEnv;
  readonly emit: Emit;
  readonly signal: AbortSignal;
  readonly limits?: RetryLimits;
  /** Whether nothing is written there, which a login may not be allowed to. */
  readonly readOnly?: boolean;
}

/** What every command that moves the tags of an environment takes. */
export interface TagWork extends Omit<RegistryAccess, 'readOnly'> {
  readonly project: Project;
  readonly lockTimes?: LockTimes;
}

export interface ReleaseRegistry extends TagRegistry {
  readonly domain: string;
  readonly host: RegistryHost;
  readonly ledger: Ledger;
  /** The same for what has to be done although the work was interrupted. */
  again(): ReleaseRegistry;
}

/** What has to be put in order at the end may take so long, in milliseconds. */
const lastWorkMs = 120_000;

/** @throws DwtError ENVIRONMENT_UNKNOWN, VARIABLE_UNSET, CREDENTIALS_UNAVAILABLE */
export async function environmentRegistry(
  project: Project,
  env: string,
  access: RegistryAccess,
): Promise<ReleaseRegistry> {
  const { registry, releases } = resolveEnvironment(project, env, access.environment);
  const auth = authProvider(registry, access.environment);
  // What cannot work at all is told before anything is begun.
  await untilAborted(access.signal, auth.current());
  const open = (signal: AbortSignal): ReleaseRegistry => {
    const host = registryHost(registry, auth, signal);
    const { client } = host;
    const reliably: Reliably = (path, tag, work) =>
      withRetries(
        work,
        async (thrown) =>
          access.readOnly
            ? judgeReadFailure(thrown, host, `${path}:${tag}`)
            : judgeFailure(thrown, host, { domain: registry, path, tag, digest: null }),
        access.limits ?? usualLimits,
        signal,
        (error, waitMs) =>
          access.emit({
            type: 'warning',
            message: `${error.message} Trying again in ${(waitMs / 1000).toFixed(1)} s.`,
          }),
      );
    return {
      domain: registry,
      host,
      client,
      reliably,
      ledger: new Ledger({ client, path: releases, reliably }),
      again: () => open(AbortSignal.timeout(lastWorkMs)),
    };
  };
  return open(access.signal);
}
