/** The folder that a report is written to. */
import { access, constants, mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { DwtError } from '../../errors.ts';

const page = 'index.html';

/**
 * Finds out that nothing can be written there before there is a report to lose; the folder is made where it is missing.
 * Answers its absolute path.
 *
 * @throws DwtError USAGE, DISK_FULL
 */
export async function prepareFolder(folder: string): Promise<string> {
  const path = resolve(folder);
  try {
    await mkdir(path, { recursive: true });
    await access(path, constants.W_OK | constants.X_OK);
    const draft = draftOf(path);
    await writeFile(draft, '');
    await rm(draft);
    return path;
  } catch (cause) {
    throw unwritable(folder, cause);
  }
}

/** Answers what was wrong instead of throwing it: the result is there all the same. A report that is there stays until the new one is whole. */
export async function writePage(folder: string, text: string): Promise<DwtError | null> {
  const draft = draftOf(folder);
  try {
    await writeFile(draft, text);
    await rename(draft, join(folder, page));
    return null;
  } catch (cause) {
    await rm(draft, { force: true }).catch(() => {});
    return unwritable(folder, cause);
  }
}

const draftOf = (folder: string): string => join(folder, `.${page}.${process.pid}`);

function unwritable(folder: string, cause: unknown): DwtError {
  const full = (cause as NodeJS.ErrnoException).code === 'ENOSPC';
  return new DwtError(full ? 'DISK_FULL' : 'USAGE', `The report cannot be written to ${folder}.`, {
    hint: full
      ? 'Make room there and run again.'
      : 'Name a folder that this user may write, or may make, with --report.',
    cause,
  });
}
