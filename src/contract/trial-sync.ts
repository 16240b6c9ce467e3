/** A bucket beside a judged sidecar, and what goes through it both ways. */
import { randomBytes } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { pack } from 'tar-stream';
import { EngineRefusal } from '../engine/failure.ts';
import type { SyncSettings } from '../project/project.ts';
import { type ArchiveEntry, firstEntry } from './archive.ts';
import type { SyncEvidence } from './evidence.ts';
import type { Laboratory } from './laboratory.ts';
import { platform } from './platform.ts';
import { bucketScript } from './scripts/bucket.ts';

const bucket = 'judged';
const prefix = 'user/judged/';
/** Names that careless quoting breaks. */
const names = { down: 'from the bücket.txt', up: 'from the höme.txt' };
const folder = '/tmp/bucket';
const mostBytes = 4096;
const lifetime = 1800;

export class SyncTrial {
  readonly #laboratory: Laboratory;
  readonly #settings: SyncSettings;
  readonly #server: string;
  /** Variables that lead the sidecar to the bucket. */
  readonly environment: Readonly<Record<string, string>>;
  readonly #content: Buffer;

  private constructor(
    laboratory: Laboratory,
    settings: SyncSettings,
    server: string,
    address: string,
    content: Buffer,
  ) {
    this.#laboratory = laboratory;
    this.#settings = settings;
    this.#server = server;
    this.#content = content;
    const url = `http://${address}`;
    this.environment = {
      S3_BUCKET: bucket,
      S3_PREFIX: prefix,
      AWS_ENDPOINT_URL_S3: url,
      AWS_CONTAINER_CREDENTIALS_FULL_URI: `${url}/role`,
      // Clients prefer it, and nobody answers at the address that goes with it.
      AWS_CONTAINER_CREDENTIALS_RELATIVE_URI: '',
    };
  }

  static async open(laboratory: Laboratory, settings: SyncSettings): Promise<SyncTrial> {
    const content = `${randomBytes(8).toString('hex')}\n`;
    const words = [`${lifetime}`, folder, `${prefix}${names.down}`, content];
    const server = await laboratory.createProbe({
      network: laboratory.network.name,
      entrypoint: ['perl', '-e', bucketScript, ...words],
    });
    await laboratory.race(laboratory.engine.startContainer(server));
    const address = await laboratory.addressOf(server);
    return new SyncTrial(laboratory, settings, server, address ?? '', Buffer.from(content));
  }

  /** @param isOver Whether there is no sidecar left to wait for. */
  async observe(subject: string, isOver: () => boolean): Promise<SyncEvidence> {
    const { within } = this.#settings;
    const none = { down: null, up: null, within };
    const down = await this.#await(subject, `${this.#settings.home}/${names.down}`, this.#content, isOver);
    if (down === null) return none;
    const content = randomBytes(64);
    await this.#write(subject, names.up, content);
    const key = Buffer.from(`${prefix}${names.up}`).toString('hex');
    const up = await this.#await(this.#server, `${folder}/${key}`, content, isOver);
    return { ...none, down, up };
  }

  async close(): Promise<void> {
    await this.#laboratory.remove([this.#server]);
  }

  /** A file of a container once it is whole: what is on its way may be there in parts. */
  async #await(container: string, path: string, wanted: Buffer, isOver: () => boolean) {
    const begun = performance.now();
    const seconds = () => (performance.now() - begun) / 1000;
    let found: ArchiveEntry | null = null;
    while (seconds() < this.#settings.within && !isOver()) {
      found = await this.#read(container, path);
      if (found?.content.equals(wanted)) break;
      await this.#laboratory.race(pause(200));
    }
    if (found === null) return null;
    const { uid, gid, content } = found;
    return { uid, gid, isSame: content.equals(wanted), seconds: seconds() };
  }

  /** Null where there is none. */
  async #read(container: string, path: string): Promise<ArchiveEntry | null> {
    const { engine } = this.#laboratory;
    try {
      return await firstEntry(await this.#laboratory.race(engine.readArchive(container, path)), mostBytes);
    } catch (error) {
      if (error instanceof EngineRefusal && error.status === 404) return null;
      throw error;
    }
  }

  async #write(container: string, name: string, content: Buffer): Promise<void> {
    const tar = pack();
    tar.entry({ name, mode: 0o644, uid: platform.user.id, gid: platform.group.id }, content);
    tar.finalize();
    // The engine wants a stream of Node's own.
    const stream = tar as unknown as NodeJS.ReadableStream;
    await this.#laboratory.race(this.#laboratory.engine.writeArchive(container, this.#settings.home, stream));
  }
}
