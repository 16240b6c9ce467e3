/**
 * An image as `docker load` takes it, written by hand: `docker import` records the time of the import, so that the
 * same files get another id each time; here the id follows from the files alone.
 */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { pack } from 'tar-stream';

export interface ImageArchive {
  /** `sha256:…` of the configuration, which is the image's id on an engine. */
  readonly id: string;
  /** Bytes of the one layer. */
  readonly size: number;
  /** The tar, made anew on each call. */
  readonly open: () => NodeJS.ReadableStream;
}

export interface ImageArchiveOptions {
  /** Tar of the root file system. */
  readonly layerFile: string;
  readonly reference: string;
  /** As Docker writes it, such as `amd64`. */
  readonly architecture: string;
  readonly created: Date;
  readonly labels: Readonly<Record<string, string>>;
}

async function sha256(file: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(file), hash);
  return hash.digest('hex');
}

export async function imageArchive(options: ImageArchiveOptions): Promise<ImageArchive> {
  const { layerFile, reference, architecture, labels } = options;
  const created = options.created.toISOString();
  const diffId = await sha256(layerFile);
  const { size } = await stat(layerFile);
  const config = JSON.stringify({
    architecture,
    config: {
      Cmd: ['bash'],
      Env: ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'],
      Labels: labels,
    },
    created,
    history: [{ created, created_by: 'dwt base' }],
    os: 'linux',
    rootfs: { diff_ids: [`sha256:${diffId}`], type: 'layers' },
  });
  const id = createHash('sha256').update(config).digest('hex');
  const layerName = `${diffId}/layer.tar`;
  const manifest = JSON.stringify([{ Config: `${id}.json`, Layers: [layerName], RepoTags: [reference] }]);
  const open = () => {
    const archive = pack();
    const fail = (error: Error) => archive.destroy(error);
    const entry = (name: string, bytes: number) =>
      archive.entry(
        { name, size: bytes, mtime: options.created, mode: 0o644 },
        (error) => error && fail(error),
      );
    entry(`${id}.json`, Buffer.byteLength(config)).end(config);
    entry('manifest.json', Buffer.byteLength(manifest)).end(manifest);
    pipeline(createReadStream(layerFile), entry(layerName, size)).then(() => archive.finalize(), fail);
    return Readable.from(archive);
  };
  return { id: `sha256:${id}`, size, open };
}
