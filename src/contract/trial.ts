/** Judges one image: what every kind's trial is given, answers, and shares. */
import type { CheckSettings, Kind } from '../project/project.ts';
import { type CheckResult, checkFailed, type Judgement, type Verdict } from './check.ts';
import type { Laboratory } from './laboratory.ts';

export interface TrialRequest {
  readonly laboratory: Laboratory;
  /** Id or reference on the engine. */
  readonly image: string;
  /** The user of the image's configuration. */
  readonly user: string;
  readonly kind: Exclude<Kind, 'shared'>;
  readonly checks: CheckSettings;
  /** How its page is looked at; null where it is not. */
  readonly page: PageRequest | null;
  readonly report: TrialReport;
}

export interface PageRequest {
  /** The browser. */
  readonly program: string;
  /** What the tool is called in its address bar. */
  readonly host: string;
  /** Answers where the screenshot is kept; null where it is not. */
  readonly keep: (screenshot: Buffer, verdict: Verdict) => Promise<string | null>;
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
  'page',
];
/** What has no place of its own, such as `command NAME`, comes last. */
const placeOf = ({ name }: { readonly name: string }): number =>
  order.includes(name) ? order.indexOf(name) : order.length;
const inOrder = <Named extends { readonly name: string }>(named: readonly Named[]): Named[] =>
  named.toSorted((one, other) => placeOf(one) - placeOf(other));

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
  async add(
    name: string,
    judgement: Judgement,
    output: () => Promise<string>,
    more: Pick<CheckResult, 'screenshot'> = {},
  ): Promise<boolean> {
    const { verdict, seen, hint } = judgement;
    const passed = verdict === 'pass';
    const seconds = (performance.now() - (this.#begun.get(name) ?? performance.now())) / 1000;
    const last = passed ? '' : (await output()).trimEnd();
    const result: CheckResult = {
      name,
      verdict,
      detail: seen,
      seconds: Math.round(seconds * 1000) / 1000,
      ...more,
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
