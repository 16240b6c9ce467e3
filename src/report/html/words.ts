/** Outcomes as a report says them: in words, with a mark beside, so that no colour is needed to tell them apart. */
import type { StepOutcome, TaskOutcome } from '../../events.ts';

type Told = TaskOutcome | StepOutcome | 'queued' | 'running';

const words: Readonly<Partial<Record<Told, string>>> = {
  queued: 'not begun',
  running: 'unfinished',
  failed: 'failed',
  cached: 'from the cache',
  present: 'was there',
};

export const outcomeWords = (outcome: Told): string => words[outcome] ?? outcome;

export function mark(outcome: Told): string {
  if (outcome === 'failed') return '✖';
  if (outcome === 'cancelled' || outcome === 'queued' || outcome === 'running') return '–';
  return outcome === 'cached' || outcome === 'reused' || outcome === 'present' ? '○' : '✔';
}
