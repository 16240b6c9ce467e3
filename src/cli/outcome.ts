/** What a command hands back: its result for programs and for people. */
import type { DwtError, ExitStatus } from '../errors.ts';
import type { RunResults } from '../report/html/results.ts';
import type { Paper } from '../report/paper.ts';

export interface Outcome {
  /** What `--json` prints. */
  readonly json: unknown;
  /** The same for people; an empty string prints nothing. */
  readonly text: (paper: Paper) => string | Promise<string>;
  /** A file for another program, with no secret in it by its making: printed as it is in place of both. */
  readonly verbatim?: string;
  /** What failed of it; decides the exit status. */
  readonly errors?: readonly DwtError[];
  /** Whether the text for people has said all of the errors. */
  readonly textTellsErrors?: boolean;
  /** What `--report` shows beside the events. */
  readonly report?: RunResults;
  /** What goes on after the result was told, until it ends or is interrupted; answers what failed of it. */
  readonly follow?: () => Promise<readonly DwtError[]>;
}

/** 130 where it was interrupted; 3 where nothing but reach was missing; else the status of the failures. */
export function statusOf(errors: readonly DwtError[]): 0 | ExitStatus {
  const statuses = new Set(errors.map(({ exitStatus }) => exitStatus));
  for (const status of [130, 2, 1, 3] as const) if (statuses.has(status)) return status;
  return 0;
}
