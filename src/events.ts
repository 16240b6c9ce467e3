/**
 * Everything that happens while a workflow runs, as one stream. Workflows emit; what is drawn in a terminal, printed
 * line by line, or written to the log is each a subscriber that sees nothing else.
 */
import type { DwtError } from './errors.ts';

/** A unit of work that has a line of its own: the build, the smoke test or the push of one stage or image. */
export type TaskName = string;

export type TaskOutcome =
  | 'built'
  | 'reused'
  | 'passed'
  | 'pushed'
  | 'present'
  | 'done'
  | 'failed'
  | 'cancelled';
export type StepOutcome = 'done' | 'cached' | 'failed' | 'cancelled';

export type DwtEvent =
  /** A task is going to be done; `parent` is the task under which a tree shows it. */
  | {
      readonly type: 'task-queued';
      readonly task: TaskName;
      readonly parent: TaskName | null;
      readonly title: string;
    }
  | { readonly type: 'task-started'; readonly task: TaskName }
  /** `step` is unique within the run; `title` is one line for people. */
  | {
      readonly type: 'step-started';
      readonly task: TaskName;
      readonly step: string;
      readonly title: string;
      /** The engine's own work around what the user wrote: of interest where it is slow or fails. */
      readonly internal?: boolean;
    }
  /** Bytes or items done of one part of a step; `total` is null where it is not known. */
  | {
      readonly type: 'step-progress';
      readonly task: TaskName;
      readonly step: string;
      readonly item: string;
      readonly current: number;
      readonly total: number | null;
    }
  /** Whole lines or parts of lines of a step's output, decoded as UTF-8 with replacement. */
  | { readonly type: 'step-log'; readonly task: TaskName; readonly step: string; readonly text: string }
  | {
      readonly type: 'step-finished';
      readonly task: TaskName;
      readonly step: string;
      readonly outcome: StepOutcome;
      readonly seconds: number;
    }
  | {
      readonly type: 'task-finished';
      readonly task: TaskName;
      readonly outcome: TaskOutcome;
      readonly seconds: number;
      /** One line for people: a digest, the failed checks. */
      readonly detail?: string;
      /** The size of the image that the task made or found. */
      readonly bytes?: number;
      readonly error?: DwtError;
    }
  /** Something the user should know that fails nothing. */
  | { readonly type: 'warning'; readonly message: string; readonly hint?: string };

export type Emit = (event: DwtEvent) => void;
