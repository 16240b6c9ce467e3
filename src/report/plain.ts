/**
 * Progress for logs: every line starts with its stage and stands alone. A step is written out where it starts; its end
 * only names it. What is over at once and says nothing has no line of its own.
 */
import type { DwtEvent, TaskOutcome } from '../events.ts';
import type { Display } from './display.ts';
import { formatBytes, formatSeconds } from './units.ts';

/** Seconds from which an engine's own work is worth a line. */
const slow = 5;
/** Characters of a step's title that are enough to find the line where it started. */
const longestName = 40;
/** Characters of a title where the step starts; the Dockerfile has the rest. */
const longestTitle = 500;

interface Step {
  readonly title: string;
  /** Whether its start has been written. */
  shown: boolean;
}

/** @param write takes one whole line without its line feed */
export function plainDisplay(write: (line: string) => void): Display {
  let width = 0;
  const steps = new Map<string, Step>();

  const startOf = ({ title }: Step): string => `> ${shortened(title, longestTitle)}`;

  const linesOf = (event: DwtEvent): string[] => {
    switch (event.type) {
      case 'task-queued':
        width = Math.max(width, event.task.length);
        return [];
      case 'step-started': {
        const step = { title: event.title, shown: event.internal !== true };
        steps.set(event.step, step);
        return step.shown ? [startOf(step)] : [];
      }
      case 'step-log': {
        const step = steps.get(event.step);
        const start = step && !step.shown ? [startOf(step)] : [];
        if (step) step.shown = true;
        return [...start, `  ${event.text}`];
      }
      case 'step-finished': {
        const { title, shown } = steps.get(event.step) ?? { title: event.step, shown: true };
        steps.delete(event.step);
        const { outcome, seconds } = event;
        const isNews = shown || outcome === 'failed' || seconds >= slow;
        const took = outcome === 'cached' ? '' : ` (${formatSeconds(seconds)})`;
        return isNews ? [`< ${outcome}${took}: ${shortened(title, longestName)}`] : [];
      }
      case 'task-finished':
        return [finished(event)];
      default:
        return [];
    }
  };

  return {
    emit(event) {
      if (event.type === 'warning') {
        write(`warning: ${event.message}${event.hint ? ` ${event.hint}` : ''}`);
        return;
      }
      for (const text of linesOf(event)) write(`${event.task.padEnd(width)} | ${text}`.trimEnd());
    },
    close: () => {},
  };
}

function shortened(title: string, most: number): string {
  const characters = [...title];
  return characters.length <= most ? title : `${characters.slice(0, most - 1).join('')}…`;
}

function finished(event: DwtEvent & { type: 'task-finished' }): string {
  const { outcome, seconds, bytes, detail, error } = event;
  const facts = [
    seconds >= 0.05 ? formatSeconds(seconds) : null,
    bytes === undefined ? null : formatBytes(bytes),
    detail ?? error?.message ?? null,
  ];
  return [outcomeWords[outcome], ...facts.filter((fact) => fact !== null)].join(', ');
}

const outcomeWords: Record<TaskOutcome, string> = {
  built: '= built',
  reused: '= reused',
  passed: '= passed',
  pushed: '= pushed',
  present: '= present already',
  done: '= done',
  failed: '! FAILED',
  cancelled: '- cancelled',
};
