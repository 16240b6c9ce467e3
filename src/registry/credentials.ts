/** Where the credentials of a registry come from. */
import type { RegistryAuth } from '../engine/engine.ts';
import { conceal } from '../redact.ts';
import { type Environment, helperFor, readDockerConfig, storedAuth } from './docker-config.ts';

const helperTimeoutMs = 30_000;

/**
 * What docker on this machine would log in with at `domain` (`docker.io` for Docker Hub), or null for anonymous.
 * The helper that docker's configuration names for the registry is asked first, then what the file itself stores.
 * Whatever is secret of the answer is kept out of all that is written from then on.
 *
 * @param environment the variables that name docker's configuration (`DOCKER_CONFIG`, `HOME`) and that a helper is started with
 * @throws DwtError CREDENTIALS_UNAVAILABLE where docker's configuration or the helper that it names does not work.
 */
export async function credentialsFor(
  domain: string,
  environment: Environment,
  timeoutMs = helperTimeoutMs,
): Promise<RegistryAuth | null> {
  const config = await readDockerConfig(environment);
  if (config === null) return null;
  const named = helperFor(config, domain);
  const held =
    named &&
    (await (
      await import('./credential-helper.ts')
    ).askHelper(named.helper, named.key, environment, timeoutMs));
  const auth = held ?? storedAuth(config, domain);
  for (const secret of [auth?.password, auth?.identityToken, auth?.registryToken])
    if (secret) conceal(secret);
  return auth;
}
