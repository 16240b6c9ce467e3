/** Reports a piece of work and its steps as events, so that a workflow's own text is the work alone. */
import { asDwtError } from './errors.ts';
import type { Emit, TaskName } from './events.ts';

export interface StepReport {
  /** Output of the step, whole lines or parts of lines. */
  log(text: string): void;
  progress(item: string, current: number, total: number | null): void;
}

export type RunStep = <T>(title: string, work: (report: StepReport) => Promise<T>) => Promise<T>;

export interface TaskResult<T> {
  readonly value: T;
  /** One line for people. */
  readonly detail: string;
}

/** Seconds since `start` of `performance.now()`, to the millisecond. */
export const secondsSince = (start: number): number => Math.round(performance.now() - start) / 1000;

/** Runs `work` as one task with a line of its own; its steps are numbered within the task. */
export async function runTask<T>(
  emit: Emit,
  task: TaskName,
  title: string,
  work: (step: RunStep) => Promise<TaskResult<T>>,
): Promise<T> {
  const started = performance.now();
  let steps = 0;
  const step: RunStep = async (stepTitle, stepWork) => {
    const name = `${task}/${++steps}`;
    const stepStarted = performance.now();
    const finish = (outcome: 'done' | 'failed') =>
      emit({ type: 'step-finished', task, step: name, outcome, seconds: secondsSince(stepStarted) });
    emit({ type: 'step-started', task, step: name, title: stepTitle });
    try {
      const value = await stepWork({
        log: (text) => emit({ type: 'step-log', task, step: name, text }),
        progress: (item, current, total) =>
          emit({ type: 'step-progress', task, step: name, item, current, total }),
      });
      finish('done');
      return value;
    } catch (thrown) {
      finish('failed');
      throw thrown;
    }
  };
  emit({ type: 'task-queued', task, parent: null, title });
  emit({ type: 'task-started', task });
  try {
    const { value, detail } = await work(step);
    emit({ type: 'task-finished', task, outcome: 'done', seconds: secondsSince(started), detail });
    return value;
  } catch (thrown) {
    const error = asDwtError(thrown);
    const outcome = error.code === 'INTERRUPTED' ? 'cancelled' : 'failed';
    emit({ type: 'task-finished', task, outcome, seconds: secondsSince(started), error });
    throw error;
  }
}
