/** Blobs of one registry, in both directions, without ever holding one in memory. */
import { createHash } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { DwtError } from '../errors.ts';
import { RegistryRefusal } from './answer.ts';
import type { Answer, Question, Source } from './http.ts';

export interface BlobCalls {
  /** Bytes of a blob that the repository has; null where it has not. */
  blobSize(path: string, digest: string): Promise<number | null>;
  /**
   * A blob as it comes; null where the repository has none. Its reader is told at the end where what came is not what
   * the digest says.
   */
  openBlob(path: string, digest: string): Promise<AsyncIterable<Uint8Array> | null>;
  /** Sends a blob in one request; the source is opened again where the registry asks for a login meanwhile. */
  uploadBlob(path: string, digest: string, source: Source): Promise<void>;
  /** Takes a blob from another repository of the same registry; false where the registry does not do that. */
  mountBlob(path: string, digest: string, from: string): Promise<boolean>;
}

/** An answer whose body is still to be read. */
export interface LongAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: AsyncIterable<Buffer>;
}

interface Registry {
  readonly domain: string;
  request(path: string, question: Question): Promise<Answer>;
  sendLong(path: string, question: Question, source: Source): Promise<Answer>;
  readLong(path: string): Promise<LongAnswer>;
  /** Ends an upload that was begun. */
  giveUp(location: string | undefined): Promise<void>;
}

export function blobCalls({ domain, request, sendLong, readLong, giveUp }: Registry): BlobCalls {
  return {
    async blobSize(path, digest) {
      const answer = await request(`/v2/${path}/blobs/${digest}`, { method: 'HEAD' });
      if (answer.status === 404) return null;
      if (answer.status !== 200) throw RegistryRefusal.of(domain, answer);
      return Number(answer.headers['content-length'] ?? 0);
    },

    async openBlob(path, digest) {
      const answer = await readLong(`/v2/${path}/blobs/${digest}`);
      if (answer.status === 200) return verified(domain, path, digest, answer.body);
      const bytes = await beginning(answer.body);
      if (answer.status === 404) return null;
      throw RegistryRefusal.of(domain, { ...answer, bytes, text: bytes.toString('utf8') });
    },

    async uploadBlob(path, digest, source) {
      const begun = await request(`/v2/${path}/blobs/uploads/`, { method: 'POST' });
      const { location } = begun.headers;
      if (begun.status !== 202 || !location) throw RegistryRefusal.of(domain, begun);
      const end = `${location}${location.includes('?') ? '&' : '?'}digest=${encodeURIComponent(digest)}`;
      const headers = { 'Content-Type': 'application/octet-stream' };
      try {
        const answer = await sendLong(end, { method: 'PUT', headers }, source);
        if (answer.status !== 201) throw RegistryRefusal.of(domain, answer);
      } catch (error) {
        await giveUp(location);
        throw error;
      }
    },

    async mountBlob(path, digest, from) {
      const query = new URLSearchParams({ mount: digest, from });
      const answer = await request(`/v2/${path}/blobs/uploads/?${query}`, { method: 'POST' });
      if (answer.status === 201) return true;
      if (answer.status !== 202) throw RegistryRefusal.of(domain, answer);
      await giveUp(answer.headers.location);
      return false;
    },
  };
}

/** What is short in memory, as a source. */
export const sourceOf = (bytes: Uint8Array): Source => ({
  size: bytes.byteLength,
  async *open() {
    yield bytes;
  },
});

async function* verified(
  domain: string,
  path: string,
  digest: string,
  body: LongAnswer['body'],
): AsyncIterable<Uint8Array> {
  const [algorithm = '', expected] = digest.split(':');
  const hash = createHash(algorithm);
  for await (const chunk of body) {
    hash.update(chunk);
    yield chunk;
  }
  const found = hash.digest('hex');
  if (found === expected) return;
  throw new DwtError('REGISTRY_BROKEN', `${domain} served other bytes than ${digest} of ${path}.`, {
    hint: 'The registry, or a proxy before it, is broken: trust nothing that it serves until that is mended.',
    detail: `What came has the digest ${algorithm}:${found}.`,
  });
}

/** Of a refusal, as much as is worth reading. */
async function beginning(body: LongAnswer['body']): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of body) {
    chunks.push(chunk);
    length += chunk.byteLength;
    if (length > 64 << 10) break;
  }
  return Buffer.concat(chunks);
}
