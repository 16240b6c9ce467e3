/**
 * One release at a time moves tags. Registries can neither compare and swap nor lock, so a tag is written, and read again
 * after a moment: of several who write it at once, the last one finds itself, the others find that one. A rival who stands
 * still between its reading and its writing for longer than that moment is not seen here; it is by every tag that moves,
 * which has to be where the record says that it was.
 */
import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import * as z from 'zod';
import { DwtError } from '../errors.ts';
import { parseJson, readDocument, sendDocument } from '../evidence/document.ts';
import type { Ledger, Reliably } from './ledger.ts';
import { lockTag } from './release-id.ts';

const lockType = 'application/vnd.dwt.lock.v1+json';

const lockSchema = z.object({
  /** Null where it is free. */
  holder: z.string().nullable(),
  id: z.string(),
  by: z.string(),
  since: z.string(),
  until: z.string(),
});
type LockNote = z.infer<typeof lockSchema>;

export interface LockTimes {
  /** How long somebody else is waited for, in milliseconds. */
  readonly waitMs: number;
  /** Between writing and reading again, at least, in milliseconds. */
  readonly settleMs: number;
  /** After which a lock is nobody's: its holder has died. In milliseconds. */
  readonly expiryMs: number;
}

export const usualLockTimes: LockTimes = { waitMs: 120_000, settleMs: 500, expiryMs: 300_000 };

export interface LockOptions {
  readonly ledger: Ledger;
  readonly reliably: Reliably;
  readonly id: string;
  readonly by: string;
  readonly times: LockTimes;
  readonly signal: AbortSignal;
  /** Told once, where somebody else is waited for. */
  readonly onWait: (by: string, id: string) => void;
}

export interface HeldLock {
  /** @throws DwtError RELEASE_LOCKED where somebody else has taken it */
  check(): Promise<void>;
  /** @param at how the registry is reached now that the work is over */
  free(at: Pick<LockOptions, 'ledger' | 'reliably'>): Promise<void>;
}

/** @throws DwtError RELEASE_LOCKED where somebody else keeps it for longer than is waited. */
export async function takeLock(options: LockOptions): Promise<HeldLock> {
  const { ledger, times, signal, onWait } = options;
  const holder = randomBytes(8).toString('hex');
  const patient = performance.now() + times.waitMs;
  for (let waited = false; ; ) {
    const started = performance.now();
    const note = await read(options);
    if (note === null || isFree(note)) {
      await write(options, noteOf(options, holder));
      // The slower the registry, the longer may a rival's own reading and writing take.
      await sleep(Math.max(times.settleMs, 2 * (performance.now() - started)), undefined, { signal });
      const now = await read(options);
      if (now?.holder === holder) return held(options, holder);
      continue;
    }
    if (performance.now() > patient) throw refusal(note, ledger.path);
    if (!waited) onWait(note.by, note.id);
    waited = true;
    await sleep(Math.min(2000, times.settleMs * 2) * (0.5 + Math.random()), undefined, { signal });
  }
}

function held(options: LockOptions, holder: string): HeldLock {
  let written = performance.now();
  return {
    async check() {
      const note = await read(options);
      if (note?.holder !== holder) throw refusal(note, options.ledger.path);
      if (performance.now() - written < options.times.expiryMs / 2) return;
      await write(options, noteOf(options, holder));
      written = performance.now();
    },
    async free(at) {
      const last = { ...options, ...at };
      // Not every registry takes tags away, so a free lock is one that says so.
      if ((await read(last))?.holder === holder) await write(last, noteOf(last, null));
    },
  };
}

const isFree = ({ holder, until }: LockNote): boolean => holder === null || Date.parse(until) < Date.now();

const noteOf = ({ id, by, times }: LockOptions, holder: string | null): LockNote => ({
  holder,
  id,
  by,
  since: new Date().toISOString(),
  until: new Date(Date.now() + times.expiryMs).toISOString(),
});

async function read({ ledger: { client, path }, reliably }: LockOptions): Promise<LockNote | null> {
  const document = await reliably(path, lockTag, () => readDocument(client, path, lockTag));
  return (document && lockSchema.safeParse(parseJson(document.bytes)).data) ?? null;
}

async function write({ ledger: { client, path }, reliably }: LockOptions, note: LockNote): Promise<void> {
  const bytes = Buffer.from(JSON.stringify(note));
  const annotations = { 'org.opencontainers.image.created': note.since };
  const document = { artifactType: lockType, mediaType: lockType, bytes, annotations };
  await reliably(path, lockTag, async () => {
    const manifest = await sendDocument(client, path, document, null);
    await client.putManifest(path, lockTag, manifest);
  });
}

const refusal = (note: LockNote | null, path: string): DwtError =>
  note === null || note.holder === null
    ? new DwtError('RELEASE_LOCKED', `The lock ${path}:${lockTag} was taken away while it was held.`, {
        hint: 'Somebody deleted it, or another release took it for expired; look at the tags, then run again.',
      })
    : new DwtError(
        'RELEASE_LOCKED',
        `${note.by} is releasing ${note.id} to the same environment since ${note.since}.`,
        {
          hint: `Run again when that has ended. If it has died, its lock is nobody's from ${note.until} on.`,
        },
      );
