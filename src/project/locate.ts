/** Which folder is the project. */
import { stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { DwtError } from '../errors.ts';

const projectFileName = 'dwt.yaml';

export interface ProjectPlace {
  readonly folder: string;
  /** Absolute path of the project file, or null where the folder has none. */
  readonly file: string | null;
}

type Found = 'file' | 'folder' | null;

async function kindOf(path: string): Promise<Found> {
  try {
    const stats = await stat(path);
    return stats.isDirectory() ? 'folder' : 'file';
  } catch {
    return null;
  }
}

/** The project that `--project` names, else the nearest one upward from `cwd`, else the one shipped with dwt. */
export async function locateProject(project: string | undefined, cwd: string): Promise<ProjectPlace> {
  if (project !== undefined) return named(project, cwd);
  if (
    (await kindOf(join(cwd, projectFileName))) === null &&
    (await kindOf(join(cwd, 'Dockerfile'))) === 'file'
  ) {
    return { folder: resolve(cwd), file: null };
  }
  for (let folder = resolve(cwd); ; folder = dirname(folder)) {
    const found = await inFolder(folder);
    if (found) return found;
    if (dirname(folder) === folder) return shipped();
  }
}

async function inFolder(folder: string): Promise<ProjectPlace | null> {
  for (const candidate of [folder, join(folder, 'dockerfiles')]) {
    const file = join(candidate, projectFileName);
    if ((await kindOf(file)) === 'file') return { folder: candidate, file };
  }
  return null;
}

async function named(project: string, cwd: string): Promise<ProjectPlace> {
  const path = resolve(cwd, project);
  const kind = await kindOf(path);
  if (kind === 'file' && basename(path) === projectFileName) return { folder: dirname(path), file: path };
  if (kind !== 'folder') {
    throw new DwtError(
      'PROJECT_NOT_FOUND',
      kind === 'file'
        ? `--project names the file ${project}, not a folder.`
        : `The folder ${project} does not exist.`,
      {
        hint: `Give --project a folder with a ${projectFileName} or a Dockerfile.`,
      },
    );
  }
  const found = await inFolder(path);
  if (found && found.folder !== path && (await kindOf(join(path, 'Dockerfile'))) === 'file')
    return { folder: path, file: null };
  return found ?? { folder: path, file: null };
}

/** The package's own hierarchy, found from where this code is, bundled or not. */
async function shipped(): Promise<ProjectPlace> {
  for (let folder = import.meta.dirname; dirname(folder) !== folder; folder = dirname(folder)) {
    if ((await kindOf(join(folder, 'package.json'))) === null) continue;
    const found = await inFolder(folder);
    if (found) return found;
  }
  throw new DwtError(
    'PROJECT_NOT_FOUND',
    `There is no ${projectFileName} here or in a folder above, and none comes with dwt.`,
    {
      hint: 'Run dwt in a folder with a Dockerfile, or name one with --project DIR.',
    },
  );
}
