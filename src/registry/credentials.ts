/** Where the credentials of a registry come from. */
import type { RegistryAuth } from '../engine/engine.ts';
import { conceal } from '../redact.ts';
import { type Environment, helperFor, readDockerConfig, storedAuth } from './docker-config.ts';

const helperTimeoutMs = 30_000;

/** What to log in with, and where it came from. */
export interface Login {
  /** Null for anonymous. */
  readonly auth: RegistryAuth | null;
  /** For people: ends the sentence "the login of …". */
  readonly source: string;
  /** When it ends, in milliseconds since 1970; null where nobody says. */
  readonly expiresAt: number | null;
}

/**
 * What docker on this machine would log in with at `domain` (`docker.io` for Docker Hub), or anonymous.
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
): Promise<Login> {
  const login = await findLogin(domain, environment, timeoutMs);
  for (const secret of [login.auth?.password, login.auth?.identityToken, login.auth?.registryToken])
    if (secret) conceal(secret);
  return login;
}

async function findLogin(domain: string, environment: Environment, timeoutMs: number): Promise<Login> {
  const config = await readDockerConfig(environment);
  const login = (auth: RegistryAuth | null, source: string): Login => ({ auth, source, expiresAt: null });
  if (config === null) return login(null, "docker's configuration");
  const named = helperFor(config, domain);
  if (named) {
    const { askHelper } = await import('./credential-helper.ts');
    const held = await askHelper(named.helper, named.key, environment, timeoutMs);
    if (held) return login(held, `docker-credential-${named.helper}`);
  }
  return login(storedAuth(config, domain), "docker's configuration");
}
