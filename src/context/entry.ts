/** One file, folder, symbolic link or artifact of a build context. */

/** What tells whether a file is still the one that was planned with. */
export interface FileStamp {
  /** Bytes. */
  readonly size: number;
  /** Nanoseconds since 1970. */
  readonly mtimeNs: bigint;
  readonly ctimeNs: bigint;
  readonly inode: bigint;
}

export type ContextEntry =
  | { readonly type: 'folder'; readonly path: string }
  /** A file that is not the project's own: where it lies is known when a build begins. */
  | { readonly type: 'artifact'; readonly path: string; readonly name: string }
  | { readonly type: 'symlink'; readonly path: string; readonly target: string }
  | { readonly type: 'file'; readonly path: string; readonly executable: boolean; readonly stamp: FileStamp };

export type FileEntry = Extract<ContextEntry, { type: 'file' }>;

export type ArtifactEntry = Extract<ContextEntry, { type: 'artifact' }>;
