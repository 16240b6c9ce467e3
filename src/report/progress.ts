/** The state of a run as its events leave it: what a live display shows at any moment. */
import type { DwtEvent, TaskOutcome } from '../events.ts';

/** Lines of a step's output that are kept to be shown. */
const keptLines = 8;

export interface RunningStep {
  readonly title: string;
  readonly startedAt: number;
  /** The last lines of its output. */
  readonly tail: string[];
  readonly items: Map<string, { current: number; total: number | null }>;
}

export interface Task {
  readonly name: string;
  readonly parent: string | null;
  readonly title: string;
  outcome: TaskOutcome | 'queued' | 'running';
  startedAt: number;
  seconds: number;
  bytes: number | null;
  detail: string | null;
  readonly steps: Map<string, RunningStep>;
  /** Of the step that failed. */
  failure: readonly string[];
}

export class Progress {
  readonly tasks = new Map<string, Task>();

  /** @param now milliseconds of any steady clock */
  apply(event: DwtEvent, now: number): void {
    if (event.type === 'warning') return;
    const task = this.#task(event.task, event.type === 'task-queued' ? event : null, now);
    switch (event.type) {
      case 'task-queued':
        return;
      case 'task-started':
        task.outcome = 'running';
        task.startedAt = now;
        return;
      case 'step-started':
        if (task.outcome === 'queued') Object.assign(task, { outcome: 'running', startedAt: now });
        task.steps.set(event.step, { title: event.title, startedAt: now, tail: [], items: new Map() });
        return;
      case 'step-progress':
        task.steps.get(event.step)?.items.set(event.item, event);
        return;
      case 'step-log': {
        const tail = task.steps.get(event.step)?.tail;
        if (tail && event.text !== '' && tail.push(event.text) > keptLines) tail.shift();
        return;
      }
      case 'step-finished': {
        const step = task.steps.get(event.step);
        if (step && event.outcome === 'failed') task.failure = [step.title, ...step.tail];
        task.steps.delete(event.step);
        return;
      }
      case 'task-finished':
        task.outcome = event.outcome;
        task.seconds = event.seconds;
        task.bytes = event.bytes ?? null;
        task.detail = event.detail ?? event.error?.message ?? null;
        task.steps.clear();
    }
  }

  #task(name: string, queued: { parent: string | null; title: string } | null, now: number): Task {
    const known = this.tasks.get(name);
    if (known) return known;
    const task: Task = {
      name,
      parent: queued?.parent ?? null,
      title: queued?.title ?? name,
      outcome: 'queued',
      startedAt: now,
      seconds: 0,
      bytes: null,
      detail: null,
      steps: new Map(),
      failure: [],
    };
    this.tasks.set(name, task);
    return task;
  }
}

/** Done and total of all parts of a step whose totals are known; null where none is. */
export function totalsOf(step: RunningStep): { current: number; total: number } | null {
  let current = 0;
  let total = 0;
  for (const item of step.items.values()) {
    if (item.total === null) continue;
    current += Math.min(item.current, item.total);
    total += item.total;
  }
  return total > 0 ? { current, total } : null;
}
