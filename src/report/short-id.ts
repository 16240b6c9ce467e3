/** The first twelve digits of an image's id or digest, as docker shows it. */
export const shortId = (id: string): string => id.replace(/^sha256:/, '').slice(0, 12);
