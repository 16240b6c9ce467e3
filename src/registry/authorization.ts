/** Answers a registry's challenge: Basic as it is, Bearer by a token from the realm that the registry names. */
import * as z from 'zod';
import type { RegistryAuth } from '../engine/engine.ts';
import { RegistryRefusal } from './answer.ts';
import { type Answer, ask, type Question, speaksSafely } from './http.ts';
import type { AuthProvider } from './login.ts';

const tokenSchema = z.object({ token: z.string().optional(), access_token: z.string().optional() });

interface Challenge {
  readonly scheme: string;
  readonly parameters: Readonly<Record<string, string>>;
}

/** How a question is asked: with which headers, and by whose login they were made. */
export interface Asker {
  readonly headers: Readonly<Record<string, string>>;
  readonly auth: RegistryAuth | null;
}

interface Known extends Asker {
  readonly challenges: readonly Challenge[];
}

const nobody: Asker = { headers: {}, auth: null };

/** Does what may not take longer than a question to the registry. */
type Timely = <T>(work: (limits: AbortSignal) => Promise<T>) => Promise<T>;

/** Whether an answer may be another one for somebody else, or for the same one with a newer login. */
export const isRefusal = ({ status }: Pick<Answer, 'status'>): boolean => status === 401 || status === 403;

export class Authorization {
  readonly #domain: string;
  readonly #auth: AuthProvider;
  /** By repository, since a token is for one; Basic is for all. */
  readonly #known = new Map<string, Known>();

  constructor(domain: string, auth: AuthProvider) {
    this.#domain = domain;
    this.#auth = auth;
  }

  /** What is known to be asked for at this URL. */
  asker(url: URL): Asker {
    return this.#knownAt(url) ?? nobody;
  }

  /** From here on everything is asked for as by somebody who was never there. */
  forget(): void {
    this.#known.clear();
  }

  /**
   * Who is to ask after `sender` was refused, one after the other until the registry takes one: the login of the moment,
   * then a renewed one. Nobody where there is nothing to answer the refusal with.
   *
   * @throws RegistryRefusal where the token server lets neither in; DwtError CREDENTIALS_UNAVAILABLE
   */
  async *others(refused: Answer, url: URL, sender: Asker, timely: Timely): AsyncGenerator<Asker, void, void> {
    const asked = parseChallenges(refused.headers['www-authenticate'] ?? '');
    // A login that has expired may be refused by 403, which names no way to log in.
    const challenges = asked.length > 0 ? asked : (this.#knownAt(url)?.challenges ?? []);
    if (challenges.length === 0) return;
    const auth = await this.#auth.current();
    let refusal: RegistryRefusal | null = null;
    try {
      const asker = await timely((limits) => this.#answer(challenges, auth, url, limits));
      if (asker && asker.headers['Authorization'] !== sender.headers['Authorization']) yield asker;
    } catch (error) {
      if (!(error instanceof RegistryRefusal && isRefusal(error))) throw error;
      refusal = error;
    }
    const renewed = await this.#auth.renewed(auth);
    const asker = renewed && (await timely((limits) => this.#answer(challenges, renewed, url, limits)));
    if (asker) yield asker;
    else if (refusal) throw refusal;
  }

  #knownAt(url: URL): Known | undefined {
    return this.#known.get('*') ?? this.#known.get(repositoryOf(url));
  }

  async #answer(
    challenges: readonly Challenge[],
    auth: RegistryAuth | null,
    url: URL,
    signal: AbortSignal,
  ): Promise<Asker | null> {
    const bearer = challenges.find(({ scheme }) => scheme === 'bearer');
    const { username, password, registryToken } = auth ?? {};
    let header: string;
    if (bearer) header = `Bearer ${registryToken ?? (await this.#token(bearer.parameters, auth, signal))}`;
    else if (username === undefined || password === undefined) return null;
    else if (challenges.some(({ scheme }) => scheme === 'basic')) header = basic(username, password);
    else return null;
    const known = { headers: { Authorization: header }, auth, challenges };
    this.#known.set(bearer ? repositoryOf(url) : '*', known);
    return known;
  }

  async #token(
    { realm = '', service, scope }: Challenge['parameters'],
    auth: RegistryAuth | null,
    signal: AbortSignal,
  ): Promise<string> {
    const url = URL.canParse(realm) ? new URL(realm) : null;
    if (!url || !speaksSafely(url)) {
      throw new Error(`it sends for a token to ${JSON.stringify(realm)}, which is not https`);
    }
    const { username, password, identityToken } = auth ?? {};
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
  /^\/v2\/(.+)\/(?:manifests|blobs|tags|referrers)\//.exec(pathname)?.[1] ?? '';

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
