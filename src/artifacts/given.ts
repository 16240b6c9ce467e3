/** `--artifact NAME=FILE`: a file that the user answers for. */
import type { ArtifactFile } from '../context/tar.ts';
import { DwtError } from '../errors.ts';
import { type WantedArtifact, waysOut } from './artifact.ts';
import { readFacts } from './file.ts';
import { judgeFile } from './judge.ts';

/**
 * @param file Absolute path.
 * @param code Of the error where it cannot be read.
 * @throws DwtError `code` where it cannot be read, ARTIFACT_INVALID where it is another file than the declared one
 */
export async function readGiven(
  wanted: WantedArtifact,
  file: string,
  code: 'USAGE' | 'ARTIFACT_UNAVAILABLE' = 'USAGE',
): Promise<{ readonly sha256: string; readonly file: ArtifactFile }> {
  const { sha256, stamp, head } = await readFacts(file).catch((cause: NodeJS.ErrnoException) => {
    if (cause instanceof DwtError) throw cause;
    throw new DwtError(code, `The file ${file} of the artifact ${wanted.name} ${reasonOf(cause)}.`, {
      hint: `Check the path; else ${waysOut(wanted)}.`,
      cause,
    });
  });
  const refusal = judgeFile(wanted, { sha256, size: stamp.size, head }, file);
  if (refusal) throw refusal;
  return { sha256, file: { file, stamp } };
}

function reasonOf({ code }: NodeJS.ErrnoException): string {
  if (code === 'ENOENT' || code === 'ENOTDIR') return 'does not exist';
  return code === 'EACCES' ? 'cannot be read: permission denied' : `cannot be read (${code ?? 'no file'})`;
}
