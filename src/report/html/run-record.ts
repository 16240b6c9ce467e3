/** What a report keeps of the events of a run: which task and step ran when, how it ended, and what failed steps said last. */
import type { DwtError } from '../../errors.ts';
import type { DwtEvent, StepOutcome, TaskOutcome } from '../../events.ts';

/** Lines of a step's output that are kept in case that it fails. */
const keptLines = 60;
/** A page of more says nothing more; what was left out is counted. */
const mostSteps = 4000;
const mostTasks = 2000;
const mostWarnings = 500;
/** Seconds from which the engine's own work is worth a line. */
const slow = 1;

/** Times are seconds since the start of the run. */
export interface RecordedStep {
  readonly title: string;
  readonly internal: boolean;
  readonly start: number;
  end: number;
  /** As whoever ran it measured it, which is less than from start to end where it waited to be told. */
  seconds: number;
  outcome: StepOutcome | 'running';
  /** The last lines that it said, where it failed. */
  output: readonly string[];
}

export interface RecordedTask {
  readonly title: string;
  /** Null for one that never began. */
  start: number | null;
  end: number;
  seconds: number;
  outcome: TaskOutcome | 'queued' | 'running';
  detail: string | null;
  error: DwtError | null;
  readonly steps: RecordedStep[];
}

export interface RecordedWarning {
  readonly message: string;
  readonly hint: string | null;
}

interface OpenStep {
  readonly step: RecordedStep;
  readonly task: RecordedTask;
  readonly tail: string[];
}

export class RunRecord {
  /** In the order in which they were told of. */
  readonly tasks: RecordedTask[] = [];
  readonly warnings: RecordedWarning[] = [];
  /** Tasks, steps and warnings that there was no room for. */
  leftOut = 0;
  #steps = 0;
  readonly #open = new Map<string, RecordedTask>();
  readonly #running = new Map<string, OpenStep>();

  /** @param now seconds since the start of the run */
  apply(event: DwtEvent, now: number): void {
    switch (event.type) {
      case 'warning':
        if (this.warnings.length < mostWarnings)
          this.warnings.push({ message: event.message, hint: event.hint ?? null });
        else this.leftOut++;
        return;
      case 'task-queued':
        this.#queue(event.task, event.title, now);
        return;
      case 'task-started':
        this.#begin(this.#task(event.task, now), now);
        return;
      case 'step-started':
        this.#startStep(event, now);
        return;
      case 'step-log': {
        const tail = this.#running.get(event.step)?.tail;
        if (tail && tail.push(event.text) > keptLines) tail.shift();
        return;
      }
      case 'step-finished':
        this.#finishStep(event, now);
        return;
      case 'task-finished': {
        const { outcome, seconds, detail = null, error = null } = event;
        Object.assign(this.#task(event.task, now), { end: now, outcome, seconds, detail, error });
      }
    }
  }

  /** The run is over: what has not ended by itself ended with it. */
  close(now: number): void {
    for (const { step, task, tail } of this.#running.values()) {
      Object.assign(step, { end: now, seconds: now - step.start, outcome: 'cancelled', output: tail });
      task.steps.push(step);
    }
    this.#running.clear();
    for (const task of this.tasks) {
      if (task.outcome !== 'running' && task.outcome !== 'queued') continue;
      Object.assign(task, { end: now, seconds: task.start === null ? 0 : now - task.start });
      if (task.outcome === 'running') task.outcome = 'cancelled';
    }
  }

  /** A stage is a task anew where it is built, judged and pushed in one run. */
  #queue(name: string, title: string, now: number): RecordedTask {
    const task: RecordedTask = {
      title,
      start: null,
      end: now,
      seconds: 0,
      outcome: 'queued',
      detail: null,
      error: null,
      steps: [],
    };
    this.#open.set(name, task);
    if (this.tasks.length < mostTasks) this.tasks.push(task);
    else this.leftOut++;
    return task;
  }

  #task(name: string, now: number): RecordedTask {
    return this.#open.get(name) ?? this.#queue(name, name, now);
  }

  #begin(task: RecordedTask, now: number): void {
    if (task.start !== null) return;
    task.start = now;
    task.outcome = 'running';
  }

  #startStep(event: DwtEvent & { type: 'step-started' }, now: number): void {
    const { title, internal = false } = event;
    const task = this.#task(event.task, now);
    this.#begin(task, now);
    const step: RecordedStep = {
      title,
      internal,
      start: now,
      end: now,
      seconds: 0,
      outcome: 'running',
      output: [],
    };
    this.#running.set(event.step, { step, task, tail: [] });
  }

  #finishStep({ step: name, outcome, seconds }: DwtEvent & { type: 'step-finished' }, now: number): void {
    const open = this.#running.get(name);
    if (!open) return;
    this.#running.delete(name);
    const { step, task, tail } = open;
    if (step.internal && seconds < slow && outcome !== 'failed') return;
    if (this.#steps >= mostSteps) {
      this.leftOut++;
      return;
    }
    this.#steps++;
    Object.assign(step, { end: now, seconds, outcome, output: outcome === 'failed' ? tail : [] });
    task.steps.push(step);
  }
}
