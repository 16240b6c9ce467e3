/** The end of every release, promotion and rollback: the tags move, together, and it is written down what they were. */
import pLimit from 'p-limit';
import { DwtError } from '../errors.ts';
import type { Emit } from '../events.ts';
import { standingImages } from '../release/history.ts';
import { type LockTimes, takeLock, usualLockTimes } from '../release/lock.ts';
import { isHalfMoved, type RecordedImage, type ReleaseRecord } from '../release/record.ts';
import { releaseTag } from '../release/release-id.ts';
import { MovesFailed, moveTags, type TagMove } from '../release/tag-moves.ts';
import { type RunStep, runTask } from '../task.ts';
import type { ReleaseRegistry } from './release-registry.ts';

export interface PublishOptions {
  readonly registry: ReleaseRegistry;
  readonly emit: Emit;
  readonly signal: AbortSignal;
  readonly lockTimes?: LockTimes;
  /** Ids of releases that this takes back: nobody has to finish them before. */
  readonly undoes?: readonly string[];
}

const questionsAtOnce = 8;

/**
 * Takes the lock, moves all tags of the record and completes it. Where one does not move, those that did are put back.
 *
 * @param draft its images are all in the registry; what their tags were before is known where it was begun before
 * @throws DwtError RELEASE_LOCKED, RELEASE_UNFINISHED, RELEASE_OVERTAKEN, RELEASE_HALF_MOVED, or why a tag did not move
 */
export function publish(draft: ReleaseRecord, options: PublishOptions): Promise<ReleaseRecord> {
  const title = `${draft.kind} ${draft.id}`;
  return runTask(options.emit, title, title, async (step) => {
    const { registry, signal, emit } = options;
    const lock = await step('taking the lock', () =>
      takeLock({
        ledger: registry.ledger,
        reliably: registry.reliably,
        id: draft.id,
        by: draft.by,
        times: options.lockTimes ?? usualLockTimes,
        signal,
        onWait: (by, id) =>
          emit({
            type: 'warning',
            message: `Waiting for the release ${id} of ${by} to the same environment.`,
          }),
      }),
    );
    try {
      const value = await publishLocked(draft, lock.check, step, options);
      const moved = value.images.filter(({ former, digest }) => former !== digest).length;
      return { value, detail: `${moved} of ${value.images.length} tags moved` };
    } finally {
      await lock.free(registry.again()).catch(() =>
        emit({
          type: 'warning',
          message: `The lock of ${draft.environment} could not be given back.`,
          hint: "It is nobody's a few minutes from now.",
        }),
      );
    }
  });
}

async function publishLocked(
  draft: ReleaseRecord,
  check: () => Promise<void>,
  step: RunStep,
  options: PublishOptions,
): Promise<ReleaseRecord> {
  const { registry, signal } = options;
  const { ledger } = registry;
  await refuseUnfinished(draft, ledger, { except: options.undoes ?? [] });
  await refuseOvertaken(draft, ledger);
  const { record, moves } = await step('looking at the tags', () => intended(draft, registry));
  await step('keeping the former images', () => keepFormer(record, registry));
  const moving = await step('writing the record', () => ledger.write(inState(record, 'moving')));
  try {
    await step(`moving ${moves.length} tags`, () =>
      moveTags(moves, { there: registry, back: registry.again, check, signal }),
    );
  } catch (thrown) {
    if (!(thrown instanceof MovesFailed)) throw thrown;
    throw await writeFailure(moving, thrown, registry);
  }
  return step('completing the record', () => registry.again().ledger.write(inState(record, 'completed')));
}

export const inState = (record: ReleaseRecord, state: ReleaseRecord['state']): ReleaseRecord => ({
  ...record,
  state,
  at: new Date().toISOString(),
});

/** @throws DwtError RELEASE_UNFINISHED where the tags may be half moved by somebody else */
export async function refuseUnfinished(
  draft: Pick<ReleaseRecord, 'id' | 'environment'>,
  ledger: ReleaseRegistry['ledger'],
  { except = [], olderThanMs = 0 }: { except?: readonly string[]; olderThanMs?: number } = {},
): Promise<void> {
  const last = await ledger.last();
  if (last === null || last.id === draft.id || !isHalfMoved(last) || except.includes(last.id)) return;
  if (Date.now() - Date.parse(last.at) < olderThanMs) return;
  throw new DwtError(
    'RELEASE_UNFINISHED',
    `The ${last.kind} ${last.id} of ${last.by} was broken off while its tags moved.`,
    {
      hint: `Finish it with \`dwt release --env ${draft.environment} --resume\`, or put the tags back with \`dwt rollback --env ${draft.environment}\`.`,
    },
  );
}

/** A release that was completed after this one was begun may be of newer sources. */
async function refuseOvertaken(draft: ReleaseRecord, ledger: ReleaseRegistry['ledger']): Promise<void> {
  const current = await ledger.current();
  if (current === null || current.id === draft.id || current.inForce === draft.previous) return;
  const own = new Set(draft.images.map(({ repository, tag }) => `${repository}:${tag}`));
  const both = current.images.filter(({ repository, tag }) => own.has(`${repository}:${tag}`));
  if (both.length === 0) return;
  throw new DwtError(
    'RELEASE_OVERTAKEN',
    `The ${current.kind} ${current.id} of ${current.by} was completed while this one was being made, with ${both.map(({ stage }) => stage).join(', ')} in both.`,
    { hint: 'See what it was, then run again: what is built and proved is not done twice.' },
  );
}

/** What is to move, from where: the tags as they are now, or as they were before a first attempt. */
async function intended(
  draft: ReleaseRecord,
  { client, reliably, ledger }: ReleaseRegistry,
): Promise<{ record: ReleaseRecord; moves: TagMove[] }> {
  const limit = pLimit(questionsAtOnce);
  const now = await Promise.all(
    draft.images.map(({ repository, tag }) =>
      limit(() => reliably(repository, tag, () => client.digestOf(repository, tag))),
    ),
  );
  const current = await ledger.current();
  const moves: TagMove[] = [];
  const images = draft.images.map((image, index): RecordedImage => {
    const { stage, repository: path, tag, digest, former } = image;
    const from = now[index] ?? null;
    if (former !== undefined && from !== former && from !== digest) {
      throw new DwtError(
        'RELEASE_OVERTAKEN',
        `Somebody else moved ${path}:${tag}: it is ${from ?? 'gone'}, and was ${former ?? 'not there'}.`,
        { hint: 'Find out who publishes to that tag; then release again without --resume.' },
      );
    }
    if (from !== digest) moves.push({ stage, path, tag, from, to: digest });
    return { ...image, former: former === undefined ? from : former };
  });
  return { record: { ...draft, images, previous: current?.inForce ?? null }, moves };
}

/** What a rule of the registry for images without a tag would take away, a rollback would miss. */
async function keepFormer(
  record: ReleaseRecord,
  { client, reliably, ledger }: ReleaseRegistry,
): Promise<void> {
  const known = new Set<string>();
  const history: ReleaseRecord[] = [];
  for await (const each of ledger.history()) {
    history.push(each);
    // Whatever was released before that has been replaced since.
    if (history.length === 3) break;
  }
  for (const { repository, digest } of standingImages(history)) known.add(`${repository}@${digest}`);
  const limit = pLimit(questionsAtOnce);
  await Promise.all(
    record.images.map(({ repository, tag, former, digest }) =>
      limit(async () => {
        if (!former || former === digest || known.has(`${repository}@${former}`)) return;
        const kept = releaseTag(tag, `before-${record.id}`);
        await reliably(repository, kept, async () => {
          const manifest = await client.manifest(repository, former);
          if (manifest) await client.putManifest(repository, kept, manifest);
        });
      }),
    ),
  );
}

async function writeFailure(
  moving: ReleaseRecord,
  { error, left }: MovesFailed,
  registry: ReleaseRegistry,
): Promise<DwtError> {
  const { environment } = moving;
  const { ledger } = registry.again();
  await ledger.write(inState(moving, left.length === 0 ? 'undone' : 'broken')).catch(() => {
    // The record says that it moves, which is told in the same way.
  });
  if (left.length === 0) {
    const { code, message, detail } = error;
    return new DwtError(code, `${message} Every tag is as it was before.`, {
      hint: `${error.hint ?? 'Mend that.'} \`dwt release --env ${environment} --resume\` then goes on with the same images.`,
      cause: error,
      ...(detail && { detail }),
    });
  }
  const tags = left.map(
    ({ move, now }) =>
      `${move.path}:${move.tag} is ${now ?? 'gone'} and was ${move.from ?? 'not there before'}`,
  );
  return new DwtError(
    'RELEASE_HALF_MOVED',
    `${left.length} of ${moving.images.length} tags could not be put back after this: ${error.message}`,
    {
      hint: `Put them back with \`dwt rollback --env ${environment}\`, or finish with \`dwt release --env ${environment} --resume\`.`,
      detail: tags.join('\n'),
      cause: error,
    },
  );
}
