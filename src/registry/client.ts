/** Speaks to a registry directly, to see with our own eyes what an engine only reports. Sends no layer. */
import { createHash } from 'node:crypto';
import { DwtError } from '../errors.ts';
import { registryUrls } from './address.ts';
import { RegistryFailure, RegistryRefusal } from './answer.ts';
import { type Asker, Authorization, isRefusal } from './authorization.ts';
import { type Answer, ask, type Question } from './http.ts';
import type { AuthProvider } from './login.ts';

const manifestTypes = [
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.docker.distribution.manifest.v2+json',
].join(', ');

export interface Manifest {
  /** Of the bytes that the registry served. */
  readonly digest: string;
  /** What the registry says the digest is; null where it says nothing. */
  readonly stated: string | null;
  /** The digest of the image's configuration; null for an index of several images. */
  readonly config: string | null;
}

export interface RegistryClient {
  /** What the registry has under a tag or digest; null where it has nothing. */
  manifest(path: string, tagOrDigest: string): Promise<Manifest | null>;
  /** Begins an upload and gives it up again: returns where a push would be allowed to begin. */
  tryUpload(path: string): Promise<void>;
}

export interface RegistryClientOptions {
  readonly domain: string;
  readonly auth: AuthProvider;
  /** For each question with its answer, in milliseconds. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/**
 * A client of one registry. Its methods throw `RegistryRefusal` for an answer that is not the wanted one,
 * `RegistryFailure` where there is no answer, and DwtError CREDENTIALS_UNAVAILABLE where a login cannot be had.
 */
export function registryClient({ domain, auth, timeoutMs, signal }: RegistryClientOptions): RegistryClient {
  const authorization = new Authorization(domain, auth);
  let base: Promise<URL> | null = null;

  const timely = async <T>(work: (limits: AbortSignal) => Promise<T>): Promise<T> => {
    const limits = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
    try {
      return await work(limits);
    } catch (error) {
      throw limits.aborted ? limits.reason : error;
    }
  };

  const send = async (url: URL, question: Question): Promise<Answer> => {
    const askAs = async (asker: Asker): Promise<Answer> => {
      const headers = { ...question.headers, ...asker.headers };
      const answer = await timely((limits) => ask(url, { ...question, headers }, limits));
      if (!isRefusal(answer)) auth.accepted(asker.auth);
      return answer;
    };
    try {
      const known = authorization.asker(url);
      let answer = await askAs(known);
      if (!isRefusal(answer)) return answer;
      for await (const other of authorization.others(answer, url, known, timely)) {
        answer = await askAs(other);
        if (!isRefusal(answer)) break;
      }
      return answer;
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof RegistryRefusal || error instanceof DwtError) throw error;
      throw new RegistryFailure(domain, error, timeoutMs);
    }
  };

  /** Which of the URLs answers. A login is only sent where it is asked for, so that the wrong one learns none. */
  const find = async (): Promise<URL> => {
    const [plain, secure] = registryUrls(domain);
    if (!secure) return plain;
    const version = (url: URL): Promise<Answer> =>
      ask(
        new URL('/v2/', url),
        { method: 'HEAD' },
        AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]),
      );
    const answers = await version(plain).then(
      // What a server of https says to plain http.
      ({ status }) => status !== 400,
      (error: unknown) => error,
    );
    if (answers === true) return plain;
    const isSecure = await version(secure).then(
      () => true,
      () => false,
    );
    if (isSecure) return secure;
    signal.throwIfAborted();
    if (answers === false) return plain;
    throw new RegistryFailure(domain, answers, timeoutMs);
  };

  const request = async (path: string, question: Question): Promise<Answer> => {
    base ??= find();
    const url = await base.catch((error: unknown) => {
      base = null;
      throw error;
    });
    return send(new URL(path, url), question);
  };

  return {
    async manifest(path, tagOrDigest) {
      const answer = await request(`/v2/${path}/manifests/${tagOrDigest}`, {
        method: 'GET',
        headers: { Accept: manifestTypes },
      });
      if (answer.status === 404) return null;
      if (answer.status !== 200) throw RegistryRefusal.of(domain, answer);
      const stated = answer.headers['docker-content-digest'];
      return {
        digest: `sha256:${createHash('sha256').update(answer.text).digest('hex')}`,
        stated: typeof stated === 'string' ? stated : null,
        config: configOf(answer.text),
      };
    },

    async tryUpload(path) {
      // A token that is still good would hide that the login behind it is not.
      authorization.forget();
      const answer = await request(`/v2/${path}/blobs/uploads/`, { method: 'POST' });
      if (answer.status !== 202) throw RegistryRefusal.of(domain, answer);
      const { location } = answer.headers;
      // Registries give up unfinished uploads by themselves; ending this one at once is only tidier.
      if (location && base) {
        await request(new URL(location, await base).href, { method: 'DELETE' }).catch(() => undefined);
      }
    },
  };
}

function configOf(manifest: string): string | null {
  try {
    const { config } = JSON.parse(manifest) as { config?: { digest?: unknown } };
    return typeof config?.digest === 'string' ? config.digest : null;
  } catch {
    return null;
  }
}
