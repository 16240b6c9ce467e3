/** Where the credentials of a registry come from. */
import { type EcrHost, ecrHost } from '../ecr/host.ts';
import type { RegistryAuth } from '../engine/engine.ts';
import { asDwtError } from '../errors.ts';
import { conceal } from '../redact.ts';
import { type Environment, helperFor, readDockerConfig, storedAuth } from './docker-config.ts';

const helperTimeoutMs = 30_000;

/** What to log in with, and where it came from. */
export interface Login {
  /** Null for anonymous. */
  readonly auth: RegistryAuth | null;
  /** Whose it is, for people: `docker's configuration`, `docker-credential-NAME`, `AWS`. */
  readonly source: string;
  /** When it ends, in milliseconds since 1970; null where nobody says. */
  readonly expiresAt: number | null;
  /** Why it is not from where it should be, as a sentence. */
  readonly note?: string;
}

/**
 * What to log in with at `domain` (`docker.io` for Docker Hub), or anonymous. In this order: the credential helper that
 * docker's configuration names for this very registry; at ECR, what AWS gives for the credentials of its default chain;
 * the helper that docker's configuration names for all registries; what that file itself stores.
 * Whatever is secret of the answer is kept out of all that is written from then on.
 *
 * @param environment the variables that name docker's configuration (`DOCKER_CONFIG`, `HOME`) and that a helper is started with
 * @throws DwtError CREDENTIALS_UNAVAILABLE where docker's configuration, the helper that it names or AWS's credentials do
 * not work; REGISTRY_UNREACHABLE where AWS does not answer.
 */
export async function credentialsFor(
  domain: string,
  environment: Environment,
  timeoutMs = helperTimeoutMs,
): Promise<Login> {
  const login = await findLogin(domain, environment, timeoutMs);
  const { username = '', password, identityToken, registryToken } = login.auth ?? {};
  for (const secret of [password, identityToken, registryToken]) if (secret) conceal(secret);
  // The form in which it stands in headers and in docker's configuration.
  if (password) conceal(Buffer.from(`${username}:${password}`).toString('base64'));
  return login;
}

async function findLogin(domain: string, environment: Environment, timeoutMs: number): Promise<Login> {
  const config = await readDockerConfig(environment);
  const named = config && helperFor(config, domain);
  const byHelper = async (): Promise<Login | null> => {
    if (!named) return null;
    const { askHelper } = await import('./credential-helper.ts');
    const auth = await askHelper(named.helper, named.key, environment, timeoutMs);
    return auth && { auth, source: `docker-credential-${named.helper}`, expiresAt: null };
  };
  const stored = (): Login => ({
    auth: config && storedAuth(config, domain),
    source: "docker's configuration",
    expiresAt: null,
  });
  const ecr = ecrHost(domain);
  if (ecr === null) return (await byHelper()) ?? stored();
  // A helper for this very registry is somebody's choice. What docker keeps otherwise is a token of ECR that was valid
  // for twelve hours once, so that AWS's own answer goes before it.
  const chosen = named?.ofThisRegistry ? await byHelper() : null;
  if (chosen) return chosen;
  try {
    return await ecrLogin(domain, ecr);
  } catch (error) {
    const kept = (named?.ofThisRegistry ? null : await byHelper()) ?? stored();
    const { message: note } = asDwtError(error);
    // The public gallery lets everybody in who only reads.
    if (kept.auth || ecr.type === 'public') return { ...kept, note };
    throw error;
  }
}

async function ecrLogin(domain: string, ecr: EcrHost): Promise<Login> {
  if (ecr.type === 'public') return (await import('../ecr/public.ts')).publicLogin(domain, ecr);
  const { PrivateRegistry } = await import('../ecr/private.ts');
  return new PrivateRegistry(domain, ecr).login();
}
