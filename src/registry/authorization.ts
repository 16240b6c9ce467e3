/** Answers a registry's challenge: Basic as it is, Bearer by a token from the realm that the registry names. */
import * as z from 'zod';
import type { RegistryAuth } from '../engine/engine.ts';
import { RegistryRefusal } from './answer.ts';
import { type Answer, ask, type Question, speaksSafely } from './http.ts';

const tokenSchema = z.object({ token: z.string().optional(), access_token: z.string().optional() });

interface Challenge {
  readonly scheme: string;
  readonly parameters: Readonly<Record<string, string>>;
}

export class Authorization {
  readonly #domain: string;
  readonly #auth: RegistryAuth | null;
  /** By repository, since a token is for one; Basic is for all. */
  readonly #known = new Map<string, string>();

  constructor(domain: string, auth: RegistryAuth | null) {
    this.#domain = domain;
    this.#auth = auth;
  }

  /** What is known to be asked for at this URL. */
  headers(url: URL): Record<string, string> {
    const value = this.#known.get('*') ?? this.#known.get(repositoryOf(url));
    return value === undefined ? {} : { Authorization: value };
  }

  /** The headers that answer a 401, or null where there is nothing to answer it with. */
  async answer({ headers }: Answer, url: URL, signal: AbortSignal): Promise<Record<string, string> | null> {
    const challenges = parseChallenges(headers['www-authenticate'] ?? '');
    const bearer = challenges.find(({ scheme }) => scheme === 'bearer');
    const { username, password, registryToken } = this.#auth ?? {};
    if (bearer) {
      const token = registryToken ?? (await this.#token(bearer.parameters, signal));
      this.#known.set(repositoryOf(url), `Bearer ${token}`);
    } else if (
      challenges.some(({ scheme }) => scheme === 'basic') &&
      username !== undefined &&
      password !== undefined
    ) {
      this.#known.set('*', basic(username, password));
    } else {
      return null;
    }
    return this.headers(url);
  }

  async #token(
    { realm = '', service, scope }: Challenge['parameters'],
    signal: AbortSignal,
  ): Promise<string> {
    const url = URL.canParse(realm) ? new URL(realm) : null;
    if (!url || !speaksSafely(url)) {
      throw new Error(`it sends for a token to ${JSON.stringify(realm)}, which is not https`);
    }
    const { username, password, identityToken } = this.#auth ?? {};
    const asked = { ...(service && { service }), ...(scope && { scope }) };
    let question: Question = { method: 'GET' };
    if (identityToken !== undefined) {
      const form = { grant_type: 'refresh_token', client_id: 'dwt', refresh_token: identityToken, ...asked };
      question = {
        method: 'POST',
        headers: { 'Content-Type': 'application/x-www-form-urlencoded' },
        body: new URLSearchParams(form).toString(),
      };
    } else {
      for (const [name, value] of Object.entries(asked)) url.searchParams.set(name, value);
      if (username !== undefined && password !== undefined) {
        question = { method: 'GET', headers: { Authorization: basic(username, password) } };
      }
    }
    const response = await ask(url, question, signal);
    if (response.status !== 200) throw RegistryRefusal.of(this.#domain, response);
    const answer = tokenSchema.parse(JSON.parse(response.text));
    const token = answer.token ?? answer.access_token;
    if (!token) throw new Error(`${url.host} answered without a token`);
    return token;
  }
}

const basic = (username: string, password: string): string =>
  `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;

const repositoryOf = ({ pathname }: URL): string =>
  /^\/v2\/(.+)\/(?:manifests|blobs|tags)\//.exec(pathname)?.[1] ?? '';

/** Reads `Bearer realm="…",service="…"`; a comma inside quotes separates nothing. */
function parseChallenges(header: string): Challenge[] {
  const challenges: { scheme: string; parameters: Record<string, string> }[] = [];
  for (const [, scheme, name, quoted, plain] of header.matchAll(
    /(?:^|[\s,])(?:(bearer|basic)(?=\s|$)|(\w+)=(?:"([^"]*)"|([^\s,"]+)))/gi,
  )) {
    if (scheme) challenges.push({ scheme: scheme.toLowerCase(), parameters: {} });
    else if (name)
      Object.assign(challenges.at(-1)?.parameters ?? {}, { [name.toLowerCase()]: quoted ?? plain ?? '' });
  }
  return challenges;
}
