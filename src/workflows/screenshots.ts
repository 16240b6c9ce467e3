/** Where the pictures of judged pages are kept. */
import { accessSync, constants, mkdirSync, mkdtempSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { Verdict } from '../contract/check.ts';
import { DwtError } from '../errors.ts';
import type { Emit } from '../events.ts';

export class Screenshots {
  /** Null until there is one to keep, where no folder was named. */
  #folder: string | null;
  readonly #all: boolean;
  readonly #emit: Emit;

  private constructor(folder: string | null, emit: Emit) {
    this.#folder = folder;
    this.#all = folder !== null;
    this.#emit = emit;
  }

  /**
   * Those of all pages in the folder named, made where it is missing; without one, those of failed pages in a temporary
   * folder.
   *
   * @throws DwtError USAGE
   */
  static prepare(folder: string | null, emit: Emit): Screenshots {
    if (folder === null) return new Screenshots(null, emit);
    const path = resolve(folder);
    try {
      mkdirSync(path, { recursive: true });
      accessSync(path, constants.W_OK);
    } catch (cause) {
      throw new DwtError('USAGE', `Screenshots cannot be written to ${folder}.`, {
        hint: 'Name a folder that this user may write, or may make.',
        cause,
      });
    }
    return new Screenshots(path, emit);
  }

  /** Answers where; null where it is not wanted, or could not be written: the verdict is there all the same. */
  async keep(name: string, picture: Buffer, verdict: Verdict): Promise<string | null> {
    if (!this.#all && verdict === 'pass') return null;
    try {
      this.#folder ??= mkdtempSync(join(tmpdir(), 'dwt-screenshots-'));
      const file = join(this.#folder, `${name}.png`);
      await writeFile(file, picture);
      return file;
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      this.#emit({ type: 'warning', message: `The screenshot of ${name} could not be written: ${reason}.` });
      return null;
    }
  }
}
