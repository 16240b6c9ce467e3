/** Artifacts that only stand in for the real ones: an image made with some says so by a label. */

export const standInsLabel = 'dwt.stand-ins';

/** Names of the artifacts that an image has a stand-in for. */
export const standInsOf = (labels: Readonly<Record<string, string>>): string[] =>
  labels[standInsLabel]?.split(',').filter(Boolean) ?? [];

/** What is to be known of such an image wherever it is told of; null for all others. */
export const standInNote = (standIns: readonly string[]): string | null =>
  standIns.length === 0
    ? null
    : `stand-in for ${standIns.join(' and ')}: nothing is proved of the real ${standIns.length > 1 ? 'ones' : 'one'}`;
