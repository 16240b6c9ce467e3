/** Moves the tags of many images together: all of them, or, where one does not move, none. */
import pLimit from 'p-limit';
import { asDwtError, DwtError } from '../errors.ts';
import type { NewManifest, RegistryClient } from '../registry/client.ts';
import type { Reliably } from './ledger.ts';
import { takeTagAway } from './take-tag-away.ts';

export interface TagMove {
  readonly stage: string;
  readonly path: string;
  readonly tag: string;
  /** What the tag points to; null for nothing. */
  readonly from: string | null;
  /** What it is to point to; null to take it away. */
  readonly to: string | null;
}

/** How the registry is reached: for what an interruption ends, and for what it does not, which are writes and the way back. */
export interface TagRegistry {
  readonly client: RegistryClient;
  readonly reliably: Reliably;
}

export interface MoveOptions {
  readonly there: TagRegistry;
  readonly back: () => TagRegistry;
  /** Asked before the first tag moves, and before each. */
  readonly check: () => Promise<void>;
  readonly signal: AbortSignal;
}

/** What became of moves that failed. */
export class MovesFailed extends Error {
  override readonly name = 'MovesFailed';
  /** Why. */
  readonly error: DwtError;
  /** Tags that are not as they were. */
  readonly left: readonly { readonly move: TagMove; readonly now: string | null }[];

  constructor(error: DwtError, left: MovesFailed['left']) {
    super(error.message, { cause: error });
    this.error = error;
    this.left = left;
  }
}

/** More make no registry faster, and fewer make the moment longer in which some have moved. */
const movesAtOnce = 8;

/**
 * Moves all tags.
 *
 * @throws MovesFailed after what had moved was put back
 */
export async function moveTags(moves: readonly TagMove[], options: MoveOptions): Promise<void> {
  const { there, check, signal } = options;
  const touched: TagMove[] = [];
  const manifests = new Map<string, NewManifest>();
  try {
    // Whatever has to be written is at hand before the first tag moves, for the way back too.
    const needed = moves.flatMap(({ path, tag, from, to }) =>
      [from, to].flatMap((digest) => (digest === null ? [] : [{ path, tag, digest }])),
    );
    const limit = pLimit(movesAtOnce);
    await Promise.all(
      needed.map((need) =>
        limit(async () => manifests.set(`${need.path}@${need.digest}`, await fetched(need, there))),
      ),
    );
    await check();
    const move = async (one: TagMove): Promise<void> => {
      signal.throwIfAborted();
      if (failed) return;
      try {
        await expect(one, there);
        touched.push(one);
        // A write that is broken off may be done all the same, and later than it was put back: it is let end.
        await point(one, one.to, manifests, letEnd(options.back(), signal));
      } catch (error) {
        failed = true;
        throw error;
      }
    };
    let failed = false;
    // New tags come last, since not every registry can take one away again; those that go, after them and one by one.
    for (const [group, atOnce] of [
      [moves.filter(({ from, to }) => from !== null && to !== null), limit],
      [moves.filter(({ from }) => from === null), limit],
      [moves.filter(({ from, to }) => from !== null && to === null), pLimit(1)],
    ] as const) {
      if (group.length > 0) await check();
      const settled = await Promise.allSettled(group.map((one) => atOnce(move, one)));
      const rejected = settled.find((each) => each.status === 'rejected');
      if (rejected) throw rejected.reason;
    }
    await Promise.all(moves.map((one) => limit(() => confirm(one, there))));
    await check();
  } catch (thrown) {
    const error = signal.aborted
      ? new DwtError('INTERRUPTED', 'The release was interrupted while its tags moved.')
      : asDwtError(thrown);
    throw new MovesFailed(error, await putBack(touched, manifests, options.back()));
  }
}

/** A write that was begun ends, whatever happens meanwhile; it is only not tried again after an interruption. */
const letEnd = ({ client, reliably }: TagRegistry, signal: AbortSignal): TagRegistry => ({
  client,
  reliably: (path, tag, work) => {
    let begun = false;
    return reliably(path, tag, () => {
      if (begun) signal.throwIfAborted();
      begun = true;
      return work();
    });
  },
});

async function fetched(
  { path, tag, digest }: { path: string; tag: string; digest: string },
  { client, reliably }: TagRegistry,
): Promise<NewManifest> {
  const manifest = await reliably(path, tag, () => client.manifest(path, digest));
  if (manifest?.digest === digest) return manifest;
  throw new DwtError(
    'MANIFEST_GONE',
    manifest === null
      ? `${path}@${digest}, to which ${tag} is to point, is not in the registry.`
      : `The registry serves ${manifest.digest} as ${path}@${digest}.`,
    {
      hint:
        manifest === null
          ? 'A rule of the registry, or somebody, deleted it: push or release that image again.'
          : 'The registry, or a proxy before it, is broken: trust nothing that it serves until that is mended.',
    },
  );
}

async function expect({ path, tag, from }: TagMove, { client, reliably }: TagRegistry): Promise<void> {
  const now = await reliably(path, tag, () => client.digestOf(path, tag));
  if (now === from) return;
  throw new DwtError(
    'RELEASE_OVERTAKEN',
    `Somebody else moved ${path}:${tag} in the meantime: it is ${now ?? 'gone'}, and was ${from ?? 'not there'}.`,
    { hint: 'Find out who publishes to that tag, then run again.' },
  );
}

async function confirm({ path, tag, to }: TagMove, { client, reliably }: TagRegistry): Promise<void> {
  const now = await reliably(path, tag, () => client.digestOf(path, tag));
  if (now === to) return;
  throw new DwtError(
    'RELEASE_OVERTAKEN',
    `${path}:${tag} is ${now ?? 'gone'}, right after it was moved to ${to ?? 'nothing'}.`,
    { hint: 'Somebody else publishes to that tag at the same time; find out who, then run again.' },
  );
}

async function point(
  { path, tag }: TagMove,
  digest: string | null,
  manifests: ReadonlyMap<string, NewManifest>,
  { client, reliably }: TagRegistry,
): Promise<void> {
  const manifest = manifests.get(`${path}@${digest}`);
  if (manifest) await reliably(path, tag, () => client.putManifest(path, tag, manifest));
  else await reliably(path, tag, () => takeTagAway(client, path, tag));
}

/**
 * Answers what could not be put back. What somebody else has moved since is theirs, and is told. Tags that there were not
 * go one by one, after the others: on some registries a tag is taken away by writing all its neighbours anew.
 */
async function putBack(
  touched: readonly TagMove[],
  manifests: ReadonlyMap<string, NewManifest>,
  back: TagRegistry,
): Promise<MovesFailed['left']> {
  const putBackOne = (one: TagMove) => putOneBack(one, manifests, back);
  const limit = pLimit(movesAtOnce);
  const former = touched.filter(({ from }) => from !== null);
  const left = await Promise.all(former.map((one) => limit(putBackOne, one)));
  for (const one of touched) if (one.from === null) left.push(await putBackOne(one));
  return left.flat();
}

async function putOneBack(
  move: TagMove,
  manifests: ReadonlyMap<string, NewManifest>,
  back: TagRegistry,
): Promise<MovesFailed['left']> {
  const { path, tag, from, to } = move;
  const look = () => back.reliably(path, tag, () => back.client.digestOf(path, tag));
  let now: string | null = to;
  try {
    now = await look();
    // A write that was answered by a cut connection may have been done or not.
    if (now === to && now !== from) await point(move, from, manifests, back);
    now = await look();
  } catch {
    // What it is now is told below.
  }
  return now === from ? [] : [{ move, now }];
}
