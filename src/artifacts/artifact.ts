/** Artifacts as plans and builds speak of them. */
import type { ArtifactFile } from '../context/tar.ts';

/** What is known of an artifact: what it is, and where its file is to come from. */
export type PlannedArtifact =
  /** Only features need it, and they are left out: an empty file is in its place. */
  | { readonly kind: 'left-out'; readonly sha256: null }
  | { readonly kind: 'given'; readonly sha256: string; readonly file: ArtifactFile }
  /** To be fetched where something is built with it. */
  | { readonly kind: 'declared'; readonly sha256: string }
  /** Not given, and with no sum to trust one by; `sha256` is what the images at hand were built with, or null. */
  | { readonly kind: 'missing'; readonly sha256: string | null };

/** By name. */
export type PlannedArtifacts = ReadonlyMap<string, PlannedArtifact>;

/** What is asked for, and how a build goes on without it. */
export interface WantedArtifact {
  readonly name: string;
  readonly url: string;
  readonly sha256: string | null;
  /** Names of the features that need it. */
  readonly features: readonly string[];
}

/** How a user gets on where the artifact cannot be had. */
export function waysOut({ name, features }: WantedArtifact): string {
  const without = features.map((feature) => `--without ${feature}`).join(' ');
  return `give the file with --artifact ${name}=FILE${without && `, or leave it out with ${without}`}`;
}
