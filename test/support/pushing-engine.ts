/** As much of an engine as a push needs, in memory; its pushes are real, and fail with text as an engine's do. */
import { createHash, randomBytes } from 'node:crypto';
import type { Engine, ImageDetails, RegistryAuth, TransferProgress } from '../../src/engine/engine.ts';
import { EngineRefusal } from '../../src/engine/failure.ts';
import { parseReference } from '../../src/registry/reference.ts';

interface Stored {
  readonly id: string;
  readonly config: Buffer;
  readonly layers: readonly Buffer[];
  readonly labels: Readonly<Record<string, string>>;
}

const manifestType = 'application/vnd.docker.distribution.manifest.v2+json';
const digestOf = (bytes: Buffer | string): string =>
  `sha256:${createHash('sha256').update(bytes).digest('hex')}`;

export class PushingEngine {
  readonly url = 'unix:///pushing-engine';
  /** Name → image. */
  readonly tags = new Map<string, Stored>();
  /** By id; an image without a tag stays. */
  readonly #images = new Map<string, Stored>();
  /** How many pushes were begun. */
  pushes = 0;

  /** An image of these layers, or of one random layer, under a name `PROJECT/STAGE:TAG`, labelled as dwt's own are. */
  add(name: string, layers: readonly Buffer[] = [randomBytes(1000)]): string {
    const [project = '', stage = ''] = name.split(/[/:]/);
    const labels = {
      'dwt.project': project,
      'dwt.stage': stage,
      'org.opencontainers.image.revision': 'abc123',
    };
    const config = Buffer.from(
      JSON.stringify({ rootfs: { type: 'layers', diff_ids: layers.map(digestOf) } }),
    );
    const id = digestOf(config);
    this.#images.set(id, { id, config, layers, labels });
    this.tags.set(name, { id, config, layers, labels });
    return id;
  }

  asEngine(): Engine {
    return this as unknown as Engine;
  }

  async inspectImage(name: string): Promise<Partial<ImageDetails> | null> {
    const image = this.#find(name);
    return (
      image && {
        id: image.id,
        layers: image.layers.map(digestOf),
        labels: image.labels,
        size: sizeOf(image),
        created: '2026-11-26T00:00:00Z',
      }
    );
  }

  async tag(image: string, name: string): Promise<void> {
    const found = this.#find(image);
    if (!found) throw new Error(`no such image: ${image}`);
    this.tags.set(name, found);
  }

  async removeImage(name: string): Promise<void> {
    this.tags.delete(name);
  }

  async remoteDigest(name: string, auth: RegistryAuth | null): Promise<string | null> {
    const { domain, path, tag } = parseReference(name);
    const response = await this.#ask(`http://${domain}/v2/${path}/manifests/${tag}`, auth, {
      method: 'HEAD',
      headers: { Accept: manifestType },
    });
    if (response.status === 404) return null;
    if (!response.ok) throw new EngineRefusal(await textOf(response), null);
    return response.headers.get('docker-content-digest');
  }

  async push(
    name: string,
    auth: RegistryAuth | null,
    onProgress: (progress: TransferProgress) => void,
    signal: AbortSignal,
  ): Promise<{ digest: string; size: number }> {
    this.pushes += 1;
    const image = this.tags.get(name);
    if (!image) throw new Error(`An image does not exist locally with the tag: ${name}`);
    const { domain, path, tag } = parseReference(name);
    const base = `http://${domain}/v2/${path}`;
    const ask = async (url: string, init: RequestInit): Promise<Response> => {
      const response = await this.#ask(url, auth, { ...init, signal });
      if (!response.ok && response.status !== 404) throw new EngineRefusal(await textOf(response), null);
      return response;
    };
    for (const blob of [...image.layers, image.config]) {
      const digest = digestOf(blob);
      onProgress({
        layer: digest.slice(7, 19),
        status: 'Pushing',
        arrived: false,
        struggles: false,
        current: 0,
        total: blob.length,
      });
      const tell = (status: string) =>
        onProgress({
          layer: digest.slice(7, 19),
          status,
          arrived: true,
          struggles: false,
          current: null,
          total: null,
        });
      if ((await ask(`${base}/blobs/${digest}`, { method: 'HEAD' })).ok) {
        tell('Layer already exists');
        continue;
      }
      const begun = await ask(`${base}/blobs/uploads/`, { method: 'POST' });
      const location = new URL(begun.headers.get('location') ?? '', base);
      location.searchParams.set('digest', digest);
      await ask(location.href, { method: 'PUT', body: new Uint8Array(blob) });
      tell('Pushed');
    }
    const manifest = JSON.stringify(manifestOf(image));
    await ask(`${base}/manifests/${tag}`, {
      method: 'PUT',
      headers: { 'Content-Type': manifestType },
      body: manifest,
    });
    return { digest: digestOf(manifest), size: manifest.length };
  }

  #find(name: string): Stored | null {
    return this.#images.get(name) ?? this.tags.get(name) ?? null;
  }

  #ask(url: string, auth: RegistryAuth | null, init: RequestInit): Promise<Response> {
    const basic = auth && {
      Authorization: `Basic ${Buffer.from(`${auth.username}:${auth.password}`).toString('base64')}`,
    };
    return fetch(url, { ...init, headers: { ...init.headers, ...basic } });
  }
}

const sizeOf = ({ layers }: Stored): number => layers.reduce((sum, { length }) => sum + length, 0);

const manifestOf = ({ config, layers }: Stored) => ({
  schemaVersion: 2,
  mediaType: manifestType,
  config: {
    mediaType: 'application/vnd.docker.container.image.v1+json',
    size: config.length,
    digest: digestOf(config),
  },
  layers: layers.map((layer) => ({
    mediaType: 'application/vnd.docker.image.rootfs.diff.tar.gzip',
    size: layer.length,
    digest: digestOf(layer),
  })),
});

/** The words of engines, which quote a registry's where it has some; nothing but the table of last resort may depend on them. */
async function textOf(response: Response): Promise<string> {
  const { status } = response;
  const said = (await response.json().catch(() => null)) as {
    errors?: { code: string; message: string }[];
  } | null;
  const quoted = said?.errors?.map(
    ({ code, message }) => `${code.toLowerCase().replaceAll('_', ' ')}: ${message}`,
  );
  return (
    {
      401: 'unauthorized: authentication required',
      403: 'denied: requested access to the resource is denied',
      429: 'toomanyrequests: slow down',
    }[status] ?? (status < 500 && quoted ? quoted.join('\n') : `received unexpected HTTP status: ${status}`)
  );
}
