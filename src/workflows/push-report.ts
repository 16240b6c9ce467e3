/** The push of one image as a task with its steps. */
import type { TransferProgress } from '../engine/engine.ts';
import type { DwtError } from '../errors.ts';
import type { Emit, StepOutcome, TaskOutcome } from '../events.ts';
import { secondsSince } from '../task.ts';

export class PushReport {
  readonly #emit: Emit;
  readonly #task: string;
  #started = performance.now();
  #steps = 0;

  constructor(emit: Emit, task: string) {
    this.#emit = emit;
    this.#task = task;
    emit({ type: 'task-queued', task, parent: null, title: task });
  }

  start(): void {
    this.#started = performance.now();
    this.#emit({ type: 'task-started', task: this.#task });
  }

  /** Seconds since the start, to the millisecond. */
  get seconds(): number {
    return secondsSince(this.#started);
  }

  async step<T>(
    title: string,
    signal: AbortSignal,
    work: (onProgress: (progress: TransferProgress) => void) => Promise<T>,
  ): Promise<T> {
    const task = this.#task;
    const step = `push ${task} ${++this.#steps}`;
    const started = performance.now();
    const finish = (outcome: StepOutcome) =>
      this.#emit({ type: 'step-finished', task, step, outcome, seconds: secondsSince(started) });
    this.#emit({ type: 'step-started', task, step, title });
    try {
      const value = await work(({ layer, current, total }) => {
        if (current !== null) this.#emit({ type: 'step-progress', task, step, item: layer, current, total });
      });
      finish('done');
      return value;
    } catch (error) {
      finish(signal.aborted ? 'cancelled' : 'failed');
      throw error;
    }
  }

  retry(error: DwtError, waitMs: number): void {
    this.#emit({
      type: 'warning',
      message: `${this.#task}: ${error.message} Trying again in ${(waitMs / 1000).toFixed(1)} s.`,
    });
  }

  warn(message: string, hint: string): void {
    this.#emit({ type: 'warning', message, hint });
  }

  finish(outcome: TaskOutcome, more: { readonly detail?: string; readonly error?: DwtError } = {}): void {
    this.#emit({ type: 'task-finished', task: this.#task, outcome, seconds: this.seconds, ...more });
  }
}
