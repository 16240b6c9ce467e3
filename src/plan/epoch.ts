/**
 * How old packages may be. An argument that the first package step of a Dockerfile uses carries the time at which
 * packages were last fetched, so that a new time makes that step run again and an old one finds it in the cache.
 */
import type { Hierarchy } from '../hierarchy/hierarchy.ts';
import { epochArgument } from './why.ts';

export interface EpochChoice {
  /** Seconds since 1970 as text, or null where the Dockerfile's own default stands. */
  readonly epoch: string | null;
  /** Seconds that the packages at hand are old, where that was too much; else null. */
  readonly expired: number | null;
}

export const declaresEpoch = (hierarchy: Hierarchy): boolean =>
  hierarchy.globalArguments.has(epochArgument) ||
  hierarchy.stages.some((stage) => stage.arguments.has(epochArgument));

/**
 * The newest epoch of the project's images stays in force, so that a build without a limit reuses what one with a
 * limit has made; it is replaced by now where it is older than the limit, or unknown while there is a limit.
 *
 * @param labels Values of the label `dwt.epoch` on the engine.
 * @param ttlMs Milliseconds, or null for no limit.
 * @param now Milliseconds since 1970.
 */
export function chooseEpoch(
  hierarchy: Hierarchy,
  labels: readonly (string | undefined)[],
  ttlMs: number | null,
  now: number,
): EpochChoice {
  if (!declaresEpoch(hierarchy)) return { epoch: null, expired: null };
  const current = Math.floor(now / 1000);
  const newest = labels
    .filter((label) => label !== undefined && /^[1-9]\d{0,14}$/.test(label))
    .reduce((most, label) => Math.max(most, Number(label)), 0);
  const kept = newest > 0 ? String(newest) : null;
  if (ttlMs === null) return { epoch: kept, expired: null };
  // An epoch in the future is the work of a clock that was wrong, and would never grow old.
  const fresh = newest > 0 && newest <= current + 60 && (current - newest) * 1000 <= ttlMs;
  if (fresh) return { epoch: kept, expired: null };
  return { epoch: String(current), expired: newest > 0 ? Math.max(0, current - newest) : null };
}
