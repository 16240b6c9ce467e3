/** One picture of a run: the tree of its tasks, a line each, fitted to a terminal. */
import cliTruncate from 'cli-truncate';
import stringWidth from 'string-width';
import { treeLines } from './branches.ts';
import type { Paper, Style } from './paper.ts';
import { type Progress, type RunningStep, type Task, totalsOf } from './progress.ts';
import { formatBytes, formatSeconds } from './units.ts';

export interface FrameOptions {
  readonly paper: Paper;
  /** Lines at most; what is finished is left out first, then what waits. */
  readonly height: number;
  readonly now: number;
  readonly startedAt: number;
  /** The current picture of the spinner. */
  readonly spinner: string;
  readonly marks: {
    readonly tick: string;
    readonly cross: string;
    readonly dot: string;
    readonly full: string;
    readonly empty: string;
  };
}

/** Lines under a failed task, and how many of them stay where there is little room. */
const failureLines = 6;

export function renderFrame(progress: Progress, options: FrameOptions): string[] {
  const all = [...progress.tasks.values()];
  const room = options.height - 1;
  const shown = fold(all, room);
  const lines = treeLines(shown);
  const names = Math.min(
    Math.max(0, ...lines.map(({ node, branch }) => stringWidth(branch) + 2 + stringWidth(node.title))),
    Math.floor(options.paper.width / 2),
  );
  const spare = room - lines.length;
  const failed = shown.filter(({ outcome, failure }) => outcome === 'failed' && failure.length > 0).length;
  const each = failed === 0 ? 0 : Math.min(failureLines, Math.floor(spare / failed));
  const rows = lines.flatMap(({ node, branch, under }) => [
    taskLine(node, branch, names, awaitedBy(node, progress.tasks), options),
    ...failureOf(node, under, each, options),
  ]);
  return [...rows.slice(0, room), footer(all, shown.length, options)];
}

/** Leaves out what a person misses least until the rest fits. */
function fold(tasks: readonly Task[], room: number): readonly Task[] {
  const rank = ({ outcome }: Task): number =>
    outcome === 'failed' ? 0 : outcome === 'running' ? 1 : outcome === 'queued' ? 2 : 3;
  if (tasks.length <= room) return tasks;
  const kept = new Set([...tasks].sort((a, b) => rank(a) - rank(b)).slice(0, Math.max(0, room)));
  return tasks.filter((task) => kept.has(task));
}

/** Of the unfinished stages that the task stands on, the nearest that runs a step, else the farthest; null where all are finished. */
function awaitedBy(task: Task, tasks: Progress['tasks']): string | null {
  const parent = task.parent === null ? undefined : tasks.get(task.parent);
  if (!parent || (parent.outcome !== 'running' && parent.outcome !== 'queued')) return null;
  if (parent.steps.size > 0) return parent.title;
  return awaitedBy(parent, tasks) ?? parent.title;
}

function taskLine(
  task: Task,
  branch: string,
  names: number,
  awaited: string | null,
  options: FrameOptions,
): string {
  const { paper, now } = options;
  const { mark, style } = markOf(task, options);
  const name = cliTruncate(task.title, Math.max(1, names - stringWidth(branch) - 2));
  const space = ' '.repeat(Math.max(0, names - stringWidth(branch) - 2 - stringWidth(name)));
  const seconds = task.outcome === 'running' ? (now - task.startedAt) / 1000 : task.seconds;
  const time =
    task.outcome === 'queued' || (task.outcome !== 'running' && seconds < 0.05) ? '' : formatSeconds(seconds);
  const room = paper.width - names - 2 - (time === '' ? 0 : stringWidth(time) + 2) - 1;
  const text = room < 4 ? '' : cliTruncate(statusOf(task, awaited, options, room), room);
  const gap = ' '.repeat(Math.max(1, room - stringWidth(text) + 2));
  const start = `${paper.paint('dim', branch)}${style ? paper.paint(style, mark) : mark} ${name}${space}  `;
  const painted =
    task.outcome === 'failed'
      ? paper.paint('red', text)
      : task.outcome === 'running'
        ? text
        : paper.paint('dim', text);
  const line = `${start}${painted}${time === '' ? '' : gap + paper.paint('dim', time)}`.trimEnd();
  return cliTruncate(line, Math.max(1, paper.width));
}

function markOf({ outcome }: Task, { marks, spinner }: FrameOptions): { mark: string; style: Style | null } {
  switch (outcome) {
    case 'queued':
      return { mark: marks.dot, style: 'dim' };
    case 'running':
      return { mark: spinner, style: 'cyan' };
    case 'failed':
      return { mark: marks.cross, style: 'red' };
    case 'cancelled':
      return { mark: marks.dot, style: 'yellow' };
    default:
      return { mark: marks.tick, style: 'green' };
  }
}

function statusOf(task: Task, awaited: string | null, options: FrameOptions, room: number): string {
  if (task.outcome === 'queued') return '';
  if (task.outcome !== 'running') {
    const size = task.bytes === null ? null : formatBytes(task.bytes);
    return [wordOf(task), size, task.detail].filter((part) => part !== null).join(', ');
  }
  const steps = [...task.steps.values()];
  const current = steps.at(-1);
  if (!current) return awaited === null ? '' : `waits for ${awaited}`;
  const more = steps.length > 1 ? ` (+${steps.length - 1})` : '';
  const bar = barOf(current, options, room);
  return `${bar}${current.title}${more}`;
}

/** What the mark before the line does not say already. */
const wordOf = ({ outcome, detail }: Task): string | null =>
  outcome === 'done' || (outcome === 'failed' && detail !== null) ? null : outcome;

function barOf(step: RunningStep, { marks }: FrameOptions, room: number): string {
  const totals = totalsOf(step);
  if (!totals) return '';
  const share = totals.current / totals.total;
  const percent = `${String(Math.floor(share * 100)).padStart(3)}%`;
  if (room < 40) return `${percent} `;
  const length = room < 80 ? 10 : 20;
  const full = Math.round(share * length);
  return `${marks.full.repeat(full)}${marks.empty.repeat(length - full)} ${percent} `;
}

function failureOf(task: Task, under: string, most: number, { paper }: FrameOptions): string[] {
  if (task.outcome !== 'failed' || most === 0) return [];
  return task.failure
    .slice(-most)
    .map((line) => cliTruncate(`${paper.paint('dim', under)}  ${line}`, Math.max(1, paper.width - 1)));
}

function footer(tasks: readonly Task[], shown: number, { paper, now, startedAt }: FrameOptions): string {
  const count = (...wanted: Task['outcome'][]): number =>
    tasks.filter(({ outcome }) => wanted.includes(outcome)).length;
  const failed = count('failed');
  const cancelled = count('cancelled');
  const running = count('running');
  const waiting = count('queued');
  const parts = [
    `${tasks.length - running - waiting - failed - cancelled} of ${tasks.length} done`,
    running > 0 ? `${running} running` : null,
    waiting > 0 ? `${waiting} waiting` : null,
    failed > 0 ? paper.paint('red', `${failed} failed`) : null,
    cancelled > 0 ? paper.paint('yellow', `${cancelled} cancelled`) : null,
    shown < tasks.length ? `${tasks.length - shown} not shown` : null,
    formatSeconds((now - startedAt) / 1000),
  ];
  return cliTruncate(parts.filter((part) => part !== null).join(', '), Math.max(1, paper.width - 1));
}
