/** Names that become parts of image references. */
import { DwtError, type Location } from '../errors.ts';

const component = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*$/;
const path = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*$/;
const grammar = 'It has lower case letters and digits, with ".", "_", "__" or dashes between them.';

function refused(what: string, name: string, hint: string, location: Location | undefined): DwtError {
  return new DwtError('REFERENCE_INVALID', `${what} "${name}" cannot be part of an image's name.`, {
    hint,
    ...(location && { location }),
  });
}

/** The project's name is the first part of `NAME/STAGE`; with a dot in it, engines would take it for a registry's host. */
export function checkProjectName(name: string, location?: Location): void {
  if (component.test(name) && !name.includes('.') && name !== 'localhost' && name.length <= 100) return;
  const hint = name.includes('.')
    ? 'Without a dot: engines would take the name for the host of a registry.'
    : name === 'localhost'
      ? 'Engines take "localhost" for the host of a registry.'
      : grammar;
  throw refused("The project's name", name, hint, location);
}

/** A suffix completes an environment's repository; it may have several parts. */
export function checkSuffix(suffix: string, location?: Location): void {
  if (path.test(suffix) && suffix.length <= 128) return;
  throw refused('The suffix', suffix, grammar, location);
}

export function checkTag(tag: string, location?: Location): void {
  if (/^\w[\w.-]{0,127}$/.test(tag)) return;
  throw new DwtError('REFERENCE_INVALID', `"${tag}" is not a legal tag.`, {
    hint: 'A tag has at most 128 letters, digits, "_", "." and "-", and starts with none of the last two.',
    ...(location && { location }),
  });
}

/** A feature's name becomes that of an argument, in upper case and with "_" for "-". */
export const isFeatureName = (name: string): boolean => /^[a-z][a-z0-9]*(?:-[a-z0-9]+)*$/.test(name);

/** An artifact's name is that of a file in the build context. */
export const isArtifactName = (name: string): boolean => /^[a-zA-Z0-9][\w.-]{0,99}$/.test(name);

/** A folder's name as the name of a project: what is not allowed becomes a dash. */
export function legalName(folder: string): string {
  const name = folder
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '')
    .slice(0, 100)
    .replace(/-+$/, '');
  return name === '' || name === 'localhost' ? 'project' : name;
}
