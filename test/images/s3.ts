/** A real S3 server in a container on the network of what synchronises with it, with the credentials endpoint of a task. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { testBase } from '../support/engine.ts';
import type { Lab } from './images.ts';

const dockerfile = `FROM ${testBase()} AS s3
RUN --mount=type=cache,target=/var/cache/apt,sharing=locked --mount=type=cache,target=/var/lib/apt/lists,sharing=locked \\
    apt-get -q -o Acquire::Retries=5 update && \\
    DEBIAN_FRONTEND=noninteractive apt-get -q -o Acquire::Retries=5 install -y --no-install-recommends ca-certificates python3-venv
RUN --mount=type=secret,id=build-ca,target=/etc/ssl/certs/ca-certificates.crt \\
    python3 -m venv /opt/s3 && /opt/s3/bin/pip install --quiet 'moto[s3]==5.2.5' flask flask-cors
COPY s3.py /opt/s3/
CMD ["/opt/s3/bin/python", "/opt/s3/s3.py"]
`;

export class S3 {
  /** Without a slash at the end. */
  readonly url: string;
  readonly bucket: string;
  /** Of the container that it runs in. */
  readonly container: string;

  constructor(address: string, bucket: string, container: string) {
    this.url = `http://${address}:9000`;
    this.bucket = bucket;
    this.container = container;
  }

  /** What a sidecar is started with to synchronise with this prefix, with the credentials of a task's role. */
  environment = (prefix: string): Record<string, string> => ({
    S3_BUCKET: this.bucket,
    S3_PREFIX: prefix,
    S3_REGION: 'eu-west-2',
    AWS_ENDPOINT_URL_S3: this.url,
    AWS_CONTAINER_CREDENTIALS_FULL_URI: `${this.url}/role`,
  });

  /** The same for what is in the network of the server's own container, where the role is where tasks have it. */
  taskEnvironment = (prefix: string): Record<string, string> => ({
    S3_BUCKET: this.bucket,
    S3_PREFIX: prefix,
    S3_REGION: 'eu-west-2',
    AWS_ENDPOINT_URL_S3: this.url,
    AWS_CONTAINER_CREDENTIALS_RELATIVE_URI: '/role',
  });

  /** Makes objects older than they are. */
  age = async (prefix: string, days: number): Promise<void> => {
    const query = new URLSearchParams({ bucket: this.bucket, prefix, days: `${days}` });
    await (await fetch(`${this.url}/-/age?${query}`)).text();
  };

  /** Takes the credentials that were valid out of force; answers how often some have been asked for. */
  rotate = async (): Promise<{ role: number }> =>
    (await (await fetch(`${this.url}/-/rotate`)).json()) as { role: number };

  /** Closes the port, with what is on the way through it. */
  away = async (seconds: number): Promise<void> => {
    await (await fetch(`${this.url}/-/away?${seconds}`)).text();
  };

  async #request(method: string, path: string, more: RequestInit = {}): Promise<Response> {
    // Signed for show: moto keeps those out who do not even try.
    const authorization = 'AWS4-HMAC-SHA256 Credential=test/20260101/eu-west-2/s3/aws4_request';
    const headers = { 'x-test': 'let in', authorization, ...(more.headers as Record<string, string>) };
    const response = await fetch(`${this.url}/${path}`, { ...more, method, headers });
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
    return response;
  }

  /** As another program would: with no time of the file but, if one is given, in seconds. */
  async put(key: string, body: string | Uint8Array<ArrayBuffer>, mtime?: number): Promise<void> {
    const headers: Record<string, string> = mtime === undefined ? {} : { 'x-amz-meta-mtime': `${mtime}` };
    await (await this.#request('PUT', `${this.bucket}/${quoted(key)}`, { body, headers })).text();
  }

  get = async (key: string): Promise<string> =>
    (await this.#request('GET', `${this.bucket}/${quoted(key)}`)).text();

  remove = async (key: string): Promise<void> => {
    await (await this.#request('DELETE', `${this.bucket}/${quoted(key)}`)).text();
  };

  makeBucket = (): Promise<Response> =>
    this.#request('PUT', this.bucket, {
      body: '<CreateBucketConfiguration><LocationConstraint>eu-west-2</LocationConstraint></CreateBucketConfiguration>',
    });

  /** Every object below a prefix, without it: its MD5. Marks of folders are left out. */
  async list(prefix: string): Promise<Record<string, string>> {
    const found: Record<string, string> = {};
    for (let token = ''; ; ) {
      const query = new URLSearchParams({ 'list-type': '2', 'encoding-type': 'url', prefix });
      if (token) query.set('continuation-token', token);
      const xml = await (await this.#request('GET', `${this.bucket}?${query}`)).text();
      for (const [, key = '', etag = ''] of xml.matchAll(
        /<Key>([^<]*)<\/Key>[\s\S]*?<ETag>(?:&quot;|&#34;|")([0-9a-f]+)/g,
      )) {
        const path = decodeURIComponent(key.replaceAll('+', ' ')).slice(prefix.length);
        if (path && !path.endsWith('/')) found[path] = etag;
      }
      token = /<NextContinuationToken>([^<]*)</.exec(xml)?.[1] ?? '';
      if (!token) return found;
    }
  }
}

const quoted = (key: string): string => key.split('/').map(encodeURIComponent).join('/');

/** Starts one on a network of the lab, and waits until it answers. */
export async function startS3(lab: Lab, network: string, bucket = 'home-folders'): Promise<S3> {
  const program = await readFile(join(import.meta.dirname, 's3.py'), 'utf8');
  const image = await lab.extend({ Dockerfile: dockerfile, 's3.py': program }, 's3');
  const container = await lab.start({ image, network, capabilities: ['NET_ADMIN'] });
  const [address] = Object.values((await lab.engine.containerState(container.id)).addresses);
  if (!address) throw new Error('The S3 server has no address on the network.');
  const s3 = new S3(address, bucket, container.id);
  for (let tries = 0; ; tries++) {
    try {
      await s3.makeBucket();
      return s3;
    } catch (error) {
      if (tries === 150) throw new Error(`S3 does not answer: ${await container.logs()}`, { cause: error });
      await sleep(200);
    }
  }
}
