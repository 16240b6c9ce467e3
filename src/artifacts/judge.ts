/** Whether a file is the artifact that it is to be, and what it is where it is not. Pure. */
import { DwtError } from '../errors.ts';
import { type WantedArtifact, waysOut } from './artifact.ts';

export interface Candidate {
  readonly sha256: string;
  /** Bytes. */
  readonly size: number;
  /** Its first bytes. */
  readonly head: Uint8Array;
}

/**
 * Why the file is not the artifact, or null where it is. Without a declared sum anything is the artifact but what can
 * be none: an empty file, or a web page where the URL names something else.
 *
 * @param from Where the file is from: its path or its URL.
 */
export function judgeFile(wanted: WantedArtifact, file: Candidate, from: string): DwtError | null {
  const { name, url, sha256 } = wanted;
  if (file.sha256 === sha256) return null;
  const isPage = looksLikePage(file.head) && !/\.x?html?$/i.test(url);
  const isNone = isPage || file.size === 0;
  if (sha256 === null && !isNone) return null;
  const what =
    file.size === 0
      ? 'an empty file'
      : isPage
        ? `an HTML page${titleOf(file.head)} of ${file.size} bytes`
        : `another file, of ${file.size} bytes`;
  const cause = isNone
    ? 'A proxy, a login or an error answered in its place'
    : `It may be cut short or another version: mend artifacts.${name}.sha256 in dwt.yaml if this is the file that you trust`;
  return new DwtError('ARTIFACT_INVALID', `${from} is not the artifact ${name} but ${what}.`, {
    hint: `${cause}. Else ${waysOut(wanted)}.`,
    ...(sha256 !== null && { detail: `wanted sha256 ${sha256}\n found sha256 ${file.sha256}` }),
  });
}

/** By its beginning: what a server calls it is often wrong. */
const looksLikePage = (head: Uint8Array): boolean =>
  /^\uFEFF?\s*(?:<!--[\s\S]*?-->\s*|<\?xml[^>]*>\s*)*<(?:!doctype\s+html|html|head|body)[\s>]/i.test(
    Buffer.from(head).toString('utf8'),
  );

function titleOf(head: Uint8Array): string {
  const [, title] =
    /<title[^>]*>\s*([^<]{1,80}?)\s*<\/title>/i.exec(Buffer.from(head).toString('utf8')) ?? [];
  return title === undefined ? '' : ` ("${title.replaceAll(/\s+/g, ' ')}")`;
}
