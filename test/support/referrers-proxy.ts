/**
 * A stand-in for a registry that lists referrers by itself, which Debian's does not: it stands before a real one, notes
 * the subject of every manifest that passes, and answers the list, two entries to a page.
 */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';

export interface ReferrersProxy {
  readonly host: string;
  stop(): Promise<void>;
}

const perPage = 2;

export async function startReferrersProxy(registry: string): Promise<ReferrersProxy> {
  /** `PATH@SUBJECT` → descriptors. */
  const lists = new Map<string, { digest: string }[]>();
  const server = createServer(async (request, response) => {
    const { method = 'GET', url = '' } = request;
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const body = Buffer.concat(chunks);
    const [, listed, subject] = /^\/v2\/(.+)\/referrers\/([^?]+)/.exec(url) ?? [];
    if (listed !== undefined) {
      const all = lists.get(`${listed}@${subject}`) ?? [];
      const start = Number(new URL(url, 'http://proxy').searchParams.get('start') ?? 0);
      const next = start + perPage;
      const more = next < all.length && {
        link: `</v2/${listed}/referrers/${subject}?start=${next}>; rel="next"`,
      };
      response.writeHead(200, { 'content-type': 'application/vnd.oci.image.index.v1+json', ...more });
      response.end(JSON.stringify({ schemaVersion: 2, manifests: all.slice(start, next) }));
      return;
    }
    const { authorization = '', accept = '', 'content-type': type = '' } = request.headers;
    const sends = method !== 'GET' && method !== 'HEAD';
    const answer = await fetch(`http://${registry}${url}`, {
      method,
      headers: { authorization, accept, 'content-type': type },
      redirect: 'manual',
      ...(sends && { body }),
    });
    const passed = Object.fromEntries(answer.headers);
    const location = passed['location'];
    if (location) passed['location'] = location.replace(registry, host);
    const [, path] = /^\/v2\/(.+)\/manifests\//.exec(url) ?? [];
    const about = method === 'PUT' && answer.status === 201 && path ? subjectOf(body) : null;
    if (about) {
      const key = `${path}@${about.subject}`;
      const others = (lists.get(key) ?? []).filter(({ digest }) => digest !== about.descriptor.digest);
      lists.set(key, [...others, about.descriptor]);
      passed['oci-subject'] = about.subject;
    }
    const sent = Buffer.from(await answer.arrayBuffer());
    if (method !== 'HEAD') passed['content-length'] = String(sent.byteLength);
    response.writeHead(answer.status, passed).end(sent);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('No port was given.');
  const host = `127.0.0.1:${address.port}`;
  return {
    host,
    async stop() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function subjectOf(manifest: Buffer) {
  const { subject, mediaType, artifactType, annotations } = JSON.parse(manifest.toString());
  if (!subject) return null;
  const digest = `sha256:${createHash('sha256').update(manifest).digest('hex')}`;
  const descriptor = { mediaType, digest, size: manifest.byteLength, artifactType, annotations };
  return { subject: subject.digest as string, descriptor };
}
