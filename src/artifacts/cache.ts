/**
 * Artifacts kept between runs, each in a folder of its sum, and the beginnings of those that have not arrived in whole.
 * Several runs may work here at once: what is unfinished belongs to one run, in a folder with a name of its own, and
 * what is finished is never replaced, since another run may be building with it. A folder is renamed and not the file
 * in it, so that the file's stamp stays what it was. Nothing here is trusted by its name: who takes a file looks at
 * its content.
 */
import { randomBytes } from 'node:crypto';
import { mkdir, readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { DwtError } from '../errors.ts';

/** A run that has not written for so long, in milliseconds, is gone; far longer than a transfer may be silent. */
const abandonedAfterMs = 10 * 60_000;

export class ArtifactCache {
  readonly folder: string;

  /** @param cacheFolder Absolute path of dwt's own cache folder. */
  constructor(cacheFolder: string) {
    this.folder = join(cacheFolder, 'artifacts');
  }

  /** Where the artifact is, if it is there. */
  file(sha256: string): string {
    return fileIn(join(this.folder, sha256));
  }

  /** A file that is this run's alone, with what an earlier run has fetched already; it need not exist. */
  async claim(sha256: string): Promise<Claim> {
    await mkdir(this.folder, { recursive: true, mode: 0o700 });
    const own = join(this.folder, `${sha256}.${randomBytes(6).toString('hex')}.partial`);
    for (const name of await this.#unclaimed(sha256)) {
      // Of two runs that want the same beginning, one gets it, and the other looks on.
      if (await renamed(join(this.folder, name), own)) return this.#claim(own, sha256);
    }
    await mkdir(own, { mode: 0o700 });
    return this.#claim(own, sha256);
  }

  /** Takes away what is not what its name says. */
  remove(sha256: string): Promise<void> {
    return rm(join(this.folder, sha256), { recursive: true, force: true });
  }

  #claim(own: string, sha256: string): Claim {
    const discard = () => rm(own, { recursive: true, force: true });
    const become = async (name: string) => {
      if (!(await renamed(own, join(this.folder, name)))) await discard();
    };
    return {
      file: fileIn(own),
      keep: () => become(sha256),
      release: () => become(`${sha256}.partial`),
      discard,
    };
  }

  async #unclaimed(sha256: string): Promise<string[]> {
    const names = (await readdir(this.folder)).filter(
      (name) => name.startsWith(`${sha256}.`) && name.endsWith('.partial'),
    );
    const unclaimed = await Promise.all(
      names.map(async (name) => {
        const found = await stat(fileIn(join(this.folder, name))).catch(() => null);
        const released = name === `${sha256}.partial`;
        const isFree = found !== null && (released || Date.now() - found.mtimeMs > abandonedAfterMs);
        return isFree ? [{ name, size: found.size }] : [];
      }),
    );
    return unclaimed
      .flat()
      .sort((a, b) => b.size - a.size)
      .map(({ name }) => name);
  }
}

/** An unfinished file; one of the three ends it. */
export interface Claim {
  /** Absolute path. */
  readonly file: string;
  /** It is whole: it is there for all from now on, unless another run was faster. */
  keep(): Promise<void>;
  /** Leaves what has arrived for the next run. */
  release(): Promise<void>;
  discard(): Promise<void>;
}

const fileIn = (folder: string): string => join(folder, 'file');

const codeOf = (thrown: unknown): unknown =>
  typeof thrown === 'object' && thrown !== null && 'code' in thrown ? thrown.code : null;

/** False where it is gone, or where there is one already: a folder with something in it is not replaced. */
async function renamed(from: string, to: string): Promise<boolean> {
  try {
    await rename(from, to);
    return true;
  } catch (thrown) {
    if (['ENOENT', 'ENOTEMPTY', 'EEXIST'].includes(String(codeOf(thrown)))) return false;
    throw thrown;
  }
}

/** What the file system says of the folder, in people's words. */
export function cacheFailure(thrown: unknown, folder: string): unknown {
  const code = codeOf(thrown);
  if (thrown instanceof DwtError || typeof code !== 'string') return thrown;
  const hint = 'Artifacts are kept there between runs; XDG_CACHE_HOME names another place.';
  return code === 'ENOSPC' || code === 'EDQUOT'
    ? new DwtError('DISK_FULL', `The disk with ${folder} is full.`, {
        hint: `Make room. ${hint}`,
        cause: thrown,
      })
    : new DwtError('SETUP_FAILED', `${folder} cannot be written to (${code}).`, {
        hint: `Look at its owner and permissions. ${hint}`,
        cause: thrown,
      });
}
