/** Names of the images that `dwt base` makes, kept apart from the images that they stand in for. */

/** The Debian suite that the base image has. */
export const baseSuite = 'trixie';

/** The image that is pulled where it can be. */
export const officialBase = `debian:${baseSuite}`;

/** The image that `dwt base` makes where it cannot. */
export const ownBase = `dwt/debian:${baseSuite}`;

/** The image that `dwt base` makes in place of this one, or null where it makes none. */
export const standInFor = (reference: string): string | null =>
  reference.replace(/^(docker\.io\/)?(library\/)?/, '') === officialBase ? ownBase : null;

/**
 * Build arguments that put the image of `dwt base` in place of an official one: those global arguments of a Dockerfile
 * that name an image which the engine does not have while it has the stand-in. What the user gave stays.
 */
export async function standInArguments(
  globalArguments: ReadonlyMap<string, string | null>,
  given: Readonly<Record<string, string>>,
  isOnEngine: (reference: string) => Promise<boolean>,
): Promise<Record<string, string>> {
  const substituted: Record<string, string> = {};
  for (const [name, value] of globalArguments) {
    const standIn = value === null || name in given ? null : standInFor(value);
    if (value === null || standIn === null || (await isOnEngine(value))) continue;
    if (await isOnEngine(standIn)) substituted[name] = standIn;
  }
  return substituted;
}
