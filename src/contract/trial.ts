/** Judges one image: what every kind's trial is given, answers, and shares. */
import type { CheckSettings, Kind } from '../project/project.ts';
import { type CheckResult, checkFailed, type Judgement } from './check.ts';
import type { Laboratory } from './laboratory.ts';

export interface TrialRequest {
  readonly laboratory: Laboratory;
  /** Id or reference on the engine. */
  readonly image: string;
  /** The user of the image's configuration. */
  readonly user: string;
  readonly kind: Exclude<Kind, 'shared'>;
  readonly checks: CheckSettings;
  readonly report: TrialReport;
}

/** What is told while a trial goes on. */
export interface TrialReport {
  begin(check: string): void;
  /** Ends a check that was begun, or says one that needed no work of its own. */
  end(result: CheckResult): void;
  /** Ends a check that could not be judged. */
  leave(check: string): void;
}

/** A check that could not be judged, and why. */
export interface SkippedCheck {
  readonly name: string;
  readonly because: string;
}

/** The order in which results are told, whatever the order they were found in. */
const order = [
  'http',
  'metrics',
  'up',
  'ends',
  'user',
  'account',
  'sudo',
  'environment',
  'stop',
  'restart',
  'isolation',
];
const inOrder = <Named extends { readonly name: string }>(named: readonly Named[]): Named[] =>
  named.toSorted((one, other) => order.indexOf(one.name) - order.indexOf(other.name));

export interface TrialResult {
  readonly checks: readonly CheckResult[];
  readonly skipped: readonly SkippedCheck[];
}

/** Collects results as they come, and gives each failure the container's last lines. */
export class Findings {
  readonly #checks: CheckResult[] = [];
  readonly #skipped: SkippedCheck[] = [];
  readonly #report: TrialReport;
  readonly #begun = new Map<string, number>();

  constructor(report: TrialReport) {
    this.#report = report;
  }

  get checks(): CheckResult[] {
    return inOrder(this.#checks);
  }

  get skipped(): SkippedCheck[] {
    return inOrder(this.#skipped);
  }

  begin(...names: readonly string[]): void {
    for (const name of names) {
      this.#begun.set(name, performance.now());
      this.#report.begin(name);
    }
  }

  /** `output`: the container's last lines, asked for only where they are shown. */
  async add(name: string, judgement: Judgement, output: () => Promise<string>): Promise<boolean> {
    const { verdict, seen, hint } = judgement;
    const passed = verdict === 'pass';
    const seconds = (performance.now() - (this.#begun.get(name) ?? performance.now())) / 1000;
    const last = passed ? '' : (await output()).trimEnd();
    const result: CheckResult = {
      name,
      verdict,
      detail: seen,
      seconds: Math.round(seconds * 1000) / 1000,
      ...(last && { output: last }),
      ...(!passed && { error: checkFailed(name, seen, hint, last) }),
    };
    this.#checks.push(result);
    this.#report.end(result);
    return passed;
  }

  skip(names: readonly string[], because: string): void {
    for (const name of names) {
      this.#skipped.push({ name, because });
      this.#report.leave(name);
    }
  }
}
