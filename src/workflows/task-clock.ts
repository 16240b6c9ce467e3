/** Tells of every task once when it starts and once when it ends, whichever of those who share it says so first. */
import type { DwtError } from '../errors.ts';
import type { Emit, TaskName, TaskOutcome } from '../events.ts';
import { secondsSince } from '../task.ts';

export interface TaskClock {
  start(task: TaskName): void;
  isRunning(task: TaskName): boolean;
  finish(task: TaskName, outcome: TaskOutcome, more?: { bytes?: number; error?: DwtError }): void;
  /** Ends what still runs. */
  finishAll(outcome: TaskOutcome): void;
}

export function taskClock(emit: Emit): TaskClock {
  const started = new Map<TaskName, number>();
  const ended = new Set<TaskName>();
  const finish: TaskClock['finish'] = (task, outcome, more = {}) => {
    if (ended.has(task)) return;
    ended.add(task);
    const seconds = secondsSince(started.get(task) ?? performance.now());
    emit({ type: 'task-finished', task, outcome, seconds, ...more });
  };
  return {
    start(task) {
      if (started.has(task) || ended.has(task)) return;
      started.set(task, performance.now());
      emit({ type: 'task-started', task });
    },
    isRunning: (task) => started.has(task) && !ended.has(task),
    finish,
    finishAll(outcome) {
      for (const task of started.keys()) finish(task, outcome);
    },
  };
}
