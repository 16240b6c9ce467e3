/** The Git revision that a project's folder is at. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

/** Full commit id, with `-dirty` where the folder has changes; null where it is no checkout or there is no git. */
export async function gitRevision(folder: string): Promise<string | null> {
  const git = async (...words: string[]): Promise<string> => {
    const { stdout } = await promisify(execFile)('git', ['-C', folder, ...words], { timeout: 5000 });
    return stdout.trim();
  };
  try {
    const [commit, changes] = await Promise.all([
      git('rev-parse', 'HEAD'),
      git('status', '--porcelain', '--', '.'),
    ]);
    return changes === '' ? commit : `${commit}-dirty`;
  } catch {
    // A label that says nothing is better than a build that does not start.
    return null;
  }
}
