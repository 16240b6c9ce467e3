/** Speaks to a registry directly: to see with our own eyes what an engine only reports, and for what engines cannot do. */
import { createHash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import * as z from 'zod';
import { DwtError } from '../errors.ts';
import { registryUrls } from './address.ts';
import { RegistryFailure, RegistryRefusal } from './answer.ts';
import { type Asker, Authorization, isRefusal } from './authorization.ts';
import { type BlobCalls, blobCalls, type LongAnswer } from './blobs.ts';
import { type Answer, answerOf, ask, open, type Question, type Source } from './http.ts';
import type { AuthProvider } from './login.ts';
import { deadline, type Patience, silence } from './patience.ts';

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
  readonly mediaType: string;
  readonly bytes: Buffer;
}

/** A manifest to be stored. */
export type NewManifest = Pick<Manifest, 'mediaType' | 'bytes'>;

export interface RegistryClient extends BlobCalls {
  /** What the registry has under a tag or digest; null where it has nothing. */
  manifest(path: string, tagOrDigest: string): Promise<Manifest | null>;
  /** The digest of what the registry has under a tag, as it states it; null where it has nothing. */
  digestOf(path: string, tagOrDigest: string): Promise<string | null>;
  /**
   * Stores a manifest, byte for byte, under a tag or under its own digest. Answers the digest and whether the registry
   * keeps, by itself, the list of what refers to the manifest's subject.
   */
  putManifest(
    path: string,
    tagOrDigest: string,
    manifest: NewManifest,
  ): Promise<{ readonly digest: string; readonly listsReferrers: boolean }>;
  /** Takes a tag, or a manifest with all its tags, out of a repository; false where it was not there. */
  deleteManifest(path: string, tagOrDigest: string): Promise<boolean>;
  /** What the registry's own list says refers to a manifest, page by page; null where it keeps none. */
  listReferrers(path: string, digest: string): Promise<Manifest['bytes'][] | null>;
  /** The tags of a repository, in no promised order; null where the registry has no such repository. */
  tags(path: string): Promise<string[] | null>;
  /** Begins an upload and gives it up again: returns where a push would be allowed to begin. */
  tryUpload(path: string): Promise<void>;
}

export interface RegistryClientOptions {
  readonly domain: string;
  readonly auth: AuthProvider;
  /** For each question with its answer, in milliseconds; where much is sent or read, for each part of it. */
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

  const timely = async <T>(work: (limits: AbortSignal) => Promise<T>, patience: Patience): Promise<T> => {
    const limits = AbortSignal.any([signal, patience.signal]);
    try {
      return await work(limits);
    } catch (error) {
      throw limits.aborted ? limits.reason : error;
    } finally {
      patience.end();
    }
  };

  const failureOf = (error: unknown): unknown => {
    signal.throwIfAborted();
    // What is sent may come from another registry, which failed in its own words.
    if ([RegistryRefusal, RegistryFailure, DwtError].some((known) => error instanceof known)) return error;
    return new RegistryFailure(domain, error, timeoutMs);
  };

  /** Asks with what is known of a login, and again as others for as long as the registry refuses and there are some. */
  const converse = async <T>(
    path: string,
    question: (patience: Patience) => Question,
    patienceOf: (ms: number) => Patience,
    read: (response: IncomingMessage, patience: Patience) => T | Promise<T>,
  ): Promise<T> => {
    const url = new URL(path, await found());
    const askAs = async (asker: Asker): Promise<{ refused: Answer } | { value: T }> => {
      const patience = patienceOf(timeoutMs);
      const { headers, ...asked } = question(patience);
      return timely(async (limits) => {
        const response = await open(url, { ...asked, headers: { ...headers, ...asker.headers } }, limits);
        if (isRefusal({ status: response.statusCode ?? 0 })) return { refused: await answerOf(response) };
        auth.accepted(asker.auth);
        return { value: await read(response, patience) };
      }, patience);
    };
    const inTime = <U>(work: (limits: AbortSignal) => Promise<U>) => timely(work, deadline(timeoutMs));
    try {
      const known = authorization.asker(url);
      let answer = await askAs(known);
      if ('value' in answer) return answer.value;
      for await (const other of authorization.others(answer.refused, url, known, inTime)) {
        answer = await askAs(other);
        if ('value' in answer) return answer.value;
      }
      throw RegistryRefusal.of(domain, answer.refused);
    } catch (error) {
      throw failureOf(error);
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

  const found = (): Promise<URL> => {
    base ??= find().catch((error: unknown) => {
      base = null;
      throw error;
    });
    return base;
  };

  const request = (path: string, question: Question): Promise<Answer> =>
    converse(path, () => question, deadline, answerOf);

  const sendLong = (path: string, question: Question, source: Source): Promise<Answer> => {
    const audible = ({ heard }: Patience): Source => ({
      size: source.size,
      async *open() {
        for await (const chunk of source.open()) {
          heard();
          yield chunk;
        }
      },
    });
    return converse(path, (patience) => ({ ...question, body: audible(patience) }), silence, answerOf);
  };

  const readLong = (path: string): Promise<LongAnswer> =>
    converse(
      path,
      () => ({ method: 'GET' }),
      silence,
      (response, patience) => ({
        status: response.statusCode ?? 0,
        headers: response.headers,
        body: told(response, patience),
      }),
    );

  async function* told(response: IncomingMessage, patience: Patience): AsyncIterable<Buffer> {
    try {
      patience.heard();
      for await (const chunk of response as AsyncIterable<Buffer>) {
        patience.heard();
        yield chunk;
      }
    } catch (error) {
      throw failureOf(patience.signal.aborted ? patience.signal.reason : error);
    } finally {
      patience.end();
    }
  }

  /** All pages of a list; null where the registry has no such list. */
  const pages = async (path: string): Promise<Buffer[] | null> => {
    const read: Buffer[] = [];
    for (let next: string | null = path; next !== null && read.length < mostPages; ) {
      const answer: Answer = await request(next, { method: 'GET' });
      if (noSuchList.has(answer.status)) return null;
      if (answer.status !== 200) throw RegistryRefusal.of(domain, answer);
      // What answers everything with a page of its own has no list.
      if (!/\bjson\b/.test(answer.headers['content-type'] ?? '')) return null;
      read.push(answer.bytes);
      next = nextPage(answer.headers['link']);
    }
    return read;
  };

  /** Registries give up unfinished uploads by themselves; ending one at once is only tidier. */
  const giveUp = async (location: string | undefined): Promise<void> => {
    if (location) await request(location, { method: 'DELETE' }).catch(() => undefined);
  };

  const manifest = async (path: string, tagOrDigest: string): Promise<Manifest | null> => {
    const answer = await request(`/v2/${path}/manifests/${tagOrDigest}`, {
      method: 'GET',
      headers: { Accept: manifestTypes },
    });
    if (answer.status === 404) return null;
    if (answer.status !== 200) throw RegistryRefusal.of(domain, answer);
    return {
      digest: digestOfBytes(answer.bytes),
      stated: headerOf(answer, 'docker-content-digest'),
      config: configOf(answer.text),
      mediaType: headerOf(answer, 'content-type') ?? '',
      bytes: answer.bytes,
    };
  };

  return {
    manifest,

    async digestOf(path, tagOrDigest) {
      const answer = await request(`/v2/${path}/manifests/${tagOrDigest}`, {
        method: 'HEAD',
        headers: { Accept: manifestTypes },
      });
      if (answer.status === 404) return null;
      if (answer.status !== 200) throw RegistryRefusal.of(domain, answer);
      return headerOf(answer, 'docker-content-digest') ?? (await manifest(path, tagOrDigest))?.digest ?? null;
    },

    async putManifest(path, tagOrDigest, { mediaType, bytes }) {
      const answer = await request(`/v2/${path}/manifests/${tagOrDigest}`, {
        method: 'PUT',
        headers: { 'Content-Type': mediaType },
        body: bytes,
      });
      if (answer.status !== 201) throw RegistryRefusal.of(domain, answer);
      return { digest: digestOfBytes(bytes), listsReferrers: headerOf(answer, 'oci-subject') !== null };
    },

    async deleteManifest(path, tagOrDigest) {
      const answer = await request(`/v2/${path}/manifests/${tagOrDigest}`, { method: 'DELETE' });
      if (answer.status === 404) return false;
      if (answer.status !== 202 && answer.status !== 200) throw RegistryRefusal.of(domain, answer);
      return true;
    },

    listReferrers: (path, digest) => pages(`/v2/${path}/referrers/${digest}`),

    async tags(path) {
      const read = await pages(`/v2/${path}/tags/list?n=1000`);
      return read?.flatMap((page) => tagsSchema.parse(JSON.parse(page.toString())).tags ?? []) ?? null;
    },

    async tryUpload(path) {
      // A token that is still good would hide that the login behind it is not.
      authorization.forget();
      const answer = await request(`/v2/${path}/blobs/uploads/`, { method: 'POST' });
      if (answer.status !== 202) throw RegistryRefusal.of(domain, answer);
      await giveUp(answer.headers.location);
    },

    ...blobCalls({ domain, request, sendLong, readLong, giveUp }),
  };
}

const mostPages = 1000;
/** The specification wants 404; some say that they do not do that. */
const noSuchList: ReadonlySet<number> = new Set([404, 405, 501]);
const tagsSchema = z.object({ tags: z.array(z.string()).nullish() });

/** The digest that names these bytes in a registry. */
export const digestOfBytes = (bytes: Uint8Array): string =>
  `sha256:${createHash('sha256').update(bytes).digest('hex')}`;

function headerOf({ headers }: Answer, name: string): string | null {
  const value = headers[name];
  return typeof value === 'string' ? value : null;
}

/** Of a `Link` header with `rel="next"`. */
const nextPage = (link: string | string[] | undefined): string | null =>
  /<([^>]+)>\s*;\s*rel="?next"?/.exec(String(link ?? ''))?.[1] ?? null;

function configOf(manifest: string): string | null {
  try {
    const { config } = JSON.parse(manifest) as { config?: { digest?: unknown } };
    return typeof config?.digest === 'string' ? config.digest : null;
  } catch {
    return null;
  }
}
