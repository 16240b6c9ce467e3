/** Gets an artifact by its sum: from the cache, or from its URL, in as many requests as that takes. */
import { truncate } from 'node:fs/promises';
import { STATUS_CODES } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Dispatcher } from 'undici';
import type { ArtifactFile } from '../context/tar.ts';
import { changed } from '../context/tree.ts';
import { DwtError } from '../errors.ts';
import { shownUrl } from './address.ts';
import { type WantedArtifact, waysOut } from './artifact.ts';
import { type ArtifactCache, type Claim, cacheFailure } from './cache.ts';
import { readFacts } from './file.ts';
import { readGiven } from './given.ts';
import { judgeFile } from './judge.ts';
import { type TransferEnd, transfer } from './transfer.ts';

export interface FetchOptions {
  readonly cache: ArtifactCache;
  readonly dispatcher: () => Promise<Dispatcher>;
  readonly onProgress: (current: number, total: number | null) => void;
  /** Told before each wait for another try. */
  readonly onRetry: (message: string) => void;
  /** Wait before the second try, in milliseconds; doubled for each further one. */
  readonly firstWaitMs: number;
  readonly signal: AbortSignal;
}

export type SummedArtifact = WantedArtifact & { readonly sha256: string };

/** Tries in a row that bring nearly nothing. */
const mostAttempts = 4;
/** Bytes; a try that brings as much was worth it, and is not counted. */
const worthIt = 1_000_000;

/**
 * Answers a file whose content has just been seen to be the artifact.
 *
 * @throws DwtError ARTIFACT_INVALID, ARTIFACT_UNAVAILABLE, DISK_FULL, SETUP_FAILED, or the signal's reason
 */
export async function fetchArtifact(wanted: SummedArtifact, options: FetchOptions): Promise<ArtifactFile> {
  const { cache } = options;
  const { url, sha256 } = wanted;
  if (url.startsWith('file:'))
    return (await readGiven(wanted, fileURLToPath(url), 'ARTIFACT_UNAVAILABLE')).file;
  const cached = await inCache(wanted, options);
  if (cached) return cached;
  try {
    const claim = await cache.claim(sha256);
    try {
      await download(claim, wanted, options);
      await claim.keep();
    } catch (thrown) {
      if (thrown instanceof DwtError && thrown.code === 'ARTIFACT_INVALID') await claim.discard();
      else await claim.release();
      throw thrown;
    }
  } catch (thrown) {
    throw cacheFailure(thrown, cache.folder);
  }
  const kept = await inCache(wanted, options);
  if (kept) return kept;
  throw changed(cache.file(sha256), 'is not what was written there');
}

/** Null where it is not there, or is not what its name says. */
async function inCache({ sha256 }: SummedArtifact, options: FetchOptions): Promise<ArtifactFile | null> {
  const file = options.cache.file(sha256);
  const facts = await readFacts(file, options.signal).catch(() => null);
  options.signal.throwIfAborted();
  if (facts?.sha256 === sha256) return { file, stamp: facts.stamp };
  if (facts) await options.cache.remove(sha256);
  return null;
}

/** Until the file is what it is to be. */
async function download({ file }: Claim, wanted: SummedArtifact, options: FetchOptions): Promise<void> {
  for (const again of [true, false]) {
    const { resumedAt } = await downloadWhole(file, wanted, options);
    const { sha256, stamp, head } = await readFacts(file, options.signal);
    const refusal = judgeFile(wanted, { sha256, size: stamp.size, head }, shownUrl(wanted.url));
    if (!refusal) return;
    // What was there before may have been the beginning of another file: once more, from the start.
    if (resumedAt === 0 || !again) throw refusal;
    await truncate(file);
  }
}

async function downloadWhole(
  file: string,
  wanted: WantedArtifact,
  options: FetchOptions,
): Promise<{ readonly resumedAt: number }> {
  const { onProgress, onRetry, signal, firstWaitMs } = options;
  const { name, url } = wanted;
  const dispatcher = await options.dispatcher();
  let best = 0;
  for (let attempt = 1; ; attempt++) {
    const ended = await transfer({ url, file, dispatcher, onProgress, signal });
    if (ended.end === 'whole') return ended;
    const failure = explain(ended, wanted);
    if (ended.end === 'broken' && ended.current - best >= worthIt) {
      best = ended.current;
      attempt = 1;
    }
    if (!mayPass(ended) || attempt >= mostAttempts) throw failure;
    const waitMs = firstWaitMs * 2 ** (attempt - 1);
    onRetry(`${name}: ${failure.message} Trying again in ${(waitMs / 1000).toFixed(1)} s.`);
    await sleep(waitMs, undefined, { signal }).catch(() => signal.throwIfAborted());
  }
}

/** Whether another try may go better. */
const mayPass = (ended: Exclude<TransferEnd, { end: 'whole' }>): boolean =>
  ended.end === 'broken' || ended.status >= 500 || ended.status === 408 || ended.status === 429;

function explain(ended: Exclude<TransferEnd, { end: 'whole' }>, wanted: WantedArtifact): DwtError {
  const url = shownUrl(wanted.url);
  if (ended.end === 'refused') {
    const words = STATUS_CODES[ended.status];
    return new DwtError(
      'ARTIFACT_UNAVAILABLE',
      `The artifact ${wanted.name} cannot be fetched: ${url} answers ${ended.status}${words ? ` (${words})` : ''}.`,
      { hint: `Check artifacts.${wanted.name}.url in dwt.yaml; else ${waysOut(wanted)}.` },
    );
  }
  const { cause, current, total } = ended;
  const arrived = total === null ? `${current} bytes` : `${current} of ${total} bytes`;
  const what = current > 0 ? `broke off after ${arrived}` : 'does not answer';
  return new DwtError(
    'ARTIFACT_UNAVAILABLE',
    `The artifact ${wanted.name} cannot be fetched: ${url} ${what} (${reasonOf(cause)}).`,
    {
      hint:
        current > 0
          ? `Run again: what has arrived is kept, and the rest is asked for. Else ${waysOut(wanted)}.`
          : `Check the way there from here: https_proxy, no_proxy, certificates. Else ${waysOut(wanted)}.`,
      cause,
    },
  );
}

function reasonOf(error: Error): string {
  // Node tells of several addresses tried in one error without words of its own.
  const first: Error = 'errors' in error && Array.isArray(error.errors) ? error.errors[0] : error;
  return first.message.replace(/\.$/, '') || ((first as NodeJS.ErrnoException).code ?? first.name);
}
