/** What a release is called: a part of tags, so it has a tag's letters, and sorts by time where nobody chose it. */
import { DwtError } from '../errors.ts';

/** Tags are `TAG-ID`, and a tag has 128 characters at most. */
const longestId = 64;

/** `20261126-043900123-67d5a9c`, of the moment in UTC to the millisecond and the git revision where there is one. */
export function newReleaseId(now: Date, revision: string | null): string {
  const [day = '', time = ''] = now.toISOString().split('T');
  const moment = `${day.replaceAll('-', '')}-${time.slice(0, 12).replace(/[:.]/g, '')}`;
  const dirty = revision?.endsWith('-dirty') ? '-dirty' : '';
  return revision === null ? moment : `${moment}-${revision.slice(0, 7)}${dirty}`;
}

/** @throws DwtError USAGE */
export function checkReleaseId(id: string): string {
  if (/^[A-Za-z0-9][A-Za-z0-9_-]*$/.test(id) && id.length <= longestId && !reserved.has(id)) return id;
  throw new DwtError('USAGE', `"${id}" cannot be the name of a release.`, {
    hint: reserved.has(id)
      ? 'dwt keeps notes of its own under that name: choose another one.'
      : `It has at most ${longestId} letters, digits, "_" and "-", and starts with a letter or digit.`,
  });
}

/** Tags of the repository of records that are no release. */
export const currentTag = 'current';
export const lastTag = 'last';
export const lockTag = 'lock';
const reserved: ReadonlySet<string> = new Set([currentTag, lastTag, lockTag]);

/** The tag under which a release keeps an image, whatever the tag that people use points to. */
export const releaseTag = (tag: string, id: string): string => `${tag.slice(0, 127 - id.length)}-${id}`;
