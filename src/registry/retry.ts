/** Tries again what may have failed by chance, within bounds that a user can wait for. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { DwtError } from '../errors.ts';
import type { Judgement } from './push-failure.ts';

export interface RetryLimits {
  readonly attempts: number;
  /** Wait before the second attempt, in milliseconds; doubled for each further one, give or take half. */
  readonly firstWaitMs: number;
  /** A registry that asks for a longer wait is not waited for, in milliseconds. */
  readonly longestWaitMs: number;
  /**
   * No attempt starts later than this after the first one, or after the work last got on, in milliseconds: engines try
   * for up to 50 s themselves.
   */
  readonly lastStartMs: number;
}

export const usualLimits: RetryLimits = {
  attempts: 5,
  firstWaitMs: 1000,
  longestWaitMs: 30_000,
  lastStartMs: 45_000,
};

/**
 * Does `work` until it succeeds, its failure is judged final, or a limit is reached.
 *
 * @param work tells when something is done for good: a push that sent for an hour is not given up for its age
 * @param onRetry told before each wait, which is in milliseconds
 * @throws DwtError the last judgement's, or the signal's reason
 */
export async function withRetries<T>(
  work: (gotOn: () => void) => Promise<T>,
  judge: (thrown: unknown) => Promise<Judgement>,
  limits: RetryLimits,
  signal: AbortSignal,
  onRetry: (error: DwtError, waitMs: number) => void,
): Promise<T> {
  let gotOn = performance.now();
  for (let attempt = 1; ; attempt++) {
    signal.throwIfAborted();
    try {
      return await work(() => {
        gotOn = performance.now();
      });
    } catch (thrown) {
      signal.throwIfAborted();
      const { error, again, afterMs } = await judge(thrown);
      const waitMs = Math.max(afterMs ?? 0, limits.firstWaitMs * 2 ** (attempt - 1) * (0.5 + Math.random()));
      const late = performance.now() - gotOn + waitMs > limits.lastStartMs;
      if (!again || attempt >= limits.attempts || waitMs > limits.longestWaitMs || late) throw error;
      onRetry(error, waitMs);
      await sleep(waitMs, undefined, { signal }).catch(() => signal.throwIfAborted());
    }
  }
}
