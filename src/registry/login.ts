/** The login at one registry: asked for when it is needed, kept, and asked for anew once it has expired. */
import type { RegistryAuth } from '../engine/engine.ts';
import { credentialsFor, type Login } from './credentials.ts';
import type { Environment } from './docker-config.ts';

/** Of a login whose end is known, it is not begun with any more so shortly before, in milliseconds. */
const lastMinutesMs = 5 * 60_000;

/** What a registry's login is asked of, as often as it is needed. */
export interface AuthProvider {
  /**
   * What to log in with now; null for anonymous.
   *
   * @throws DwtError CREDENTIALS_UNAVAILABLE
   */
  current(): Promise<RegistryAuth | null>;
  /**
   * What to log in with after the registry refused `refused`; null where there is nothing better. What was renewed and is
   * refused before anybody took it is not renewed again.
   *
   * @throws DwtError CREDENTIALS_UNAVAILABLE
   */
  renewed(refused: RegistryAuth | null): Promise<RegistryAuth | null>;
  /** Told that the registry took `auth`: from then on a refusal may mean that it has expired. */
  accepted(auth: RegistryAuth | null): void;
  /** Where the login came from; null before it was asked for. */
  readonly login: Login | null;
}

/** The login that docker on this machine, or a cloud's own credentials, have for `domain`. */
export function authProvider(domain: string, environment: Environment): AuthProvider {
  return renewable(() => credentialsFor(domain, environment));
}

/** A login from any source; `ask` is called again for each renewal. */
export function renewable(ask: () => Promise<Login>): AuthProvider {
  let held: Promise<Login> | null = null;
  let known: Login | null = null;
  /** Renewed, and not accepted so far. */
  let untried: RegistryAuth | null = null;

  const askAnew = (): Promise<Login> => {
    const asked = ask().then(
      (login) => {
        known = login;
        return login;
      },
      (error: unknown) => {
        if (held === asked) held = null;
        throw error;
      },
    );
    held = asked;
    return asked;
  };

  /** Several may find a login at its end at the same time; the first of them asks for all. */
  const successorOf = (asked: Promise<Login>): Promise<Login> =>
    held === null || held === asked ? askAnew() : held;

  return {
    get login() {
      return known;
    },
    async current() {
      const asked = held ?? askAnew();
      const { auth, expiresAt } = await asked;
      if (expiresAt === null || expiresAt - Date.now() > lastMinutesMs) return auth;
      return (await successorOf(asked)).auth;
    },
    async renewed(refused) {
      const asked = held ?? askAnew();
      const { auth } = await asked;
      if (!same(auth, refused)) return auth;
      if (auth !== null && auth === untried) return null;
      const { auth: renewed } = await successorOf(asked);
      if (renewed === null || same(renewed, refused)) return null;
      untried = renewed;
      return renewed;
    },
    accepted(auth) {
      if (auth === untried) untried = null;
    },
  };
}

/** The same secret is the same login, however often it was asked for. */
const same = (one: RegistryAuth | null, other: RegistryAuth | null): boolean =>
  one === other ||
  (one !== null &&
    other !== null &&
    one.username === other.username &&
    one.password === other.password &&
    one.identityToken === other.identityToken &&
    one.registryToken === other.registryToken);
