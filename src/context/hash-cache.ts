/**
 * Hashes of files kept between runs, one file for each project folder. It may be lost, old, cut or written by two runs
 * at once: then files are read again, and no answer is wrong.
 */
import { createHash, randomBytes } from 'node:crypto';
import { mkdir, readFile, rename, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { FileEntry } from './entry.ts';

// A file that was written this shortly before it was read may be written again with no change of its times.
const settledMs = 2000;

// Beyond this many, what the run at hand did not ask for is dropped.
const mostKept = 200_000;

const format = 'dwt file hashes 1';

export class HashCache {
  readonly #file: string | null;
  readonly #known: ReadonlyMap<string, string>;
  readonly #used = new Map<string, string>();
  #changed = false;

  private constructor(file: string | null, known: ReadonlyMap<string, string>) {
    this.#file = file;
    this.#known = known;
  }

  /** @param cacheFolder Null for a cache that knows nothing and keeps nothing. */
  static async open(folder: string, cacheFolder: string | null): Promise<HashCache> {
    if (cacheFolder === null) return new HashCache(null, new Map());
    const name = createHash('sha256').update(folder).digest('hex').slice(0, 32);
    const file = join(cacheFolder, 'files', name);
    return new HashCache(file, await readKnown(file));
  }

  /** The hash that the file had when it looked as it does now, or null. */
  get(entry: FileEntry): string | null {
    const known = this.#known.get(entry.path);
    const stamp = stampText(entry);
    if (!known?.startsWith(`${stamp} `)) return null;
    this.#used.set(entry.path, known);
    return known.slice(stamp.length + 1);
  }

  /** @param at When reading it began, milliseconds since 1970. */
  set(entry: FileEntry, hash: string, at: number): void {
    const { mtimeNs, ctimeNs } = entry.stamp;
    const settled = BigInt(at - settledMs) * 1_000_000n;
    if (mtimeNs > settled || ctimeNs > settled) return;
    this.#used.set(entry.path, `${stampText(entry)} ${hash}`);
    this.#changed = true;
  }

  /** Writes what is new. A cache that cannot be written costs time, not the run. */
  async save(): Promise<void> {
    if (!this.#file || !this.#changed) return;
    const kept =
      this.#known.size + this.#used.size > mostKept ? this.#used : new Map([...this.#known, ...this.#used]);
    const body = JSON.stringify([...kept]);
    const temporary = `${this.#file}.${randomBytes(6).toString('hex')}`;
    try {
      await mkdir(join(this.#file, '..'), { recursive: true });
      await writeFile(temporary, `${format}\n${digest(body)}\n${body}`, { flag: 'wx', mode: 0o600 });
      await rename(temporary, this.#file);
    } catch {
      await unlink(temporary).catch(() => undefined);
    }
  }
}

const digest = (body: string): string => createHash('sha256').update(body).digest('hex');

const stampText = ({ stamp }: FileEntry): string =>
  `${stamp.size} ${stamp.mtimeNs} ${stamp.ctimeNs} ${stamp.inode}`;

async function readKnown(file: string): Promise<ReadonlyMap<string, string>> {
  try {
    const [first, sum, ...rest] = (await readFile(file, 'utf8')).split('\n');
    const body = rest.join('\n');
    if (first !== format || sum !== digest(body)) return new Map();
    return new Map(JSON.parse(body) as [string, string][]);
  } catch {
    return new Map();
  }
}
