/** Digests of what the stages read, made once for each source that they name. */
import type { ArtifactEntry, ContextEntry } from '../context/entry.ts';
import { type StageArtifact, type StageFile, type StageFiles, sha256 } from './inputs.ts';

type KnownArtifact = Omit<StageArtifact, 'name'>;

interface Selection {
  readonly entries: readonly ContextEntry[];
}

/**
 * @param hashes sha256 of each file's content, by path.
 * @param artifacts By name.
 * @returns What tells a stage's files from its selections; equal selection objects are looked at once.
 */
export function filesDigester(
  hashes: ReadonlyMap<string, string>,
  artifacts: ReadonlyMap<string, KnownArtifact> = new Map(),
): (selections: readonly Selection[]) => StageFiles {
  const known = new Map<Selection, string>();
  const digestOf = (selection: Selection): string => {
    let digest = known.get(selection);
    if (digest === undefined) {
      digest = sha256(
        JSON.stringify(ownEntries(selection).map((entry) => [entry.path, describe(entry, hashes)])),
      );
      known.set(selection, digest);
    }
    return digest;
  };
  return (selections) => ({
    digest: sha256(JSON.stringify(selections.map(digestOf))),
    count: selections.reduce((sum, { entries }) => sum + entries.length, 0),
    artifacts: listArtifacts(selections, artifacts),
    list: () => listFiles(selections, hashes),
  });
}

const ownEntries = ({ entries }: Selection) => entries.filter((entry) => entry.type !== 'artifact');

function listArtifacts(
  selections: readonly Selection[],
  artifacts: ReadonlyMap<string, KnownArtifact>,
): StageArtifact[] {
  const names = new Set<string>();
  for (const { entries } of selections)
    for (const entry of entries) if (entry.type === 'artifact') names.add(entry.name);
  return [...names]
    .sort()
    .map((name) => ({ name, ...(artifacts.get(name) ?? { sha256: null, standIn: false }) }));
}

function listFiles(selections: readonly Selection[], hashes: ReadonlyMap<string, string>): StageFile[] {
  const files = new Map<string, StageFile>();
  for (const selection of selections) {
    for (const entry of ownEntries(selection))
      files.set(entry.path, { path: entry.path, digest: sha256(describe(entry, hashes)) });
  }
  return [...files.values()].sort((a, b) => (a.path < b.path ? -1 : 1));
}

function describe(entry: Exclude<ContextEntry, ArtifactEntry>, hashes: ReadonlyMap<string, string>): string {
  if (entry.type === 'folder') return 'folder';
  if (entry.type === 'symlink') return `symlink ${entry.target}`;
  const hash = hashes.get(entry.path);
  if (hash === undefined) throw new Error(`${entry.path} was not hashed`);
  return `${entry.executable ? 'program' : 'file'} ${hash}`;
}
