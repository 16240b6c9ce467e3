/** When what ran: a picture that needs neither style sheet nor script, and the same as a table. */
import { plural } from '../../contract/check.ts';
import { formatSeconds } from '../units.ts';
import { html, type Markup } from './markup.ts';
import type { RecordedStep, RecordedTask, RunRecord } from './run-record.ts';
import { mark, outcomeWords } from './words.ts';

/** Pixels. A task is a line of text over its lane, so that names have the whole width of a phone. */
const rowHeight = 42;
const laneTop = 20;
const laneHeight = 16;
const axisHeight = 26;
/** Ticks that a phone has room for. */
const mostTicks = 5;
const tickSteps = [0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200];

export function timeline({ tasks }: RunRecord, seconds: number): Markup {
  if (tasks.length === 0) return html``;
  const drawn = tasks.filter(({ start }) => start !== null);
  return html`
<section aria-labelledby="timeline">
<h2 id="timeline">Timeline</h2>
${drawn.length > 0 && picture(drawn, seconds)}
<details${drawn.length === 0 && html` open`}>
<summary>The same as a table: ${plural(tasks.length, 'task')} with all steps</summary>
${table(tasks)}
</details>
</section>`;
}

function picture(tasks: readonly RecordedTask[], seconds: number): Markup {
  const span = Math.max(seconds, 0.1);
  const height = axisHeight + tasks.length * rowHeight;
  const at = (time: number): string => `${round((Math.min(time, span) / span) * 100)}%`;
  return html`<figure>
<figcaption>${plural(tasks.length, 'task')} in ${formatSeconds(seconds)}. Full bars ran, dashed ones came from the cache; the thin line is how long a task took as a whole.</figcaption>
<svg class="timeline" role="img" aria-labelledby="timeline-title" width="100%" height="${height}" font-family="system-ui, sans-serif" font-size="13">
<title id="timeline-title">Timeline of ${plural(tasks.length, 'task')}; the table below says the same</title>
${ticks(span).map((time) => tick(time, span, at(time), height))}
${tasks.map((task, index) => lane(task, axisHeight + index * rowHeight, at))}
</svg>
</figure>`;
}

function ticks(span: number): number[] {
  const step = tickSteps.find((each) => span / each <= mostTicks) ?? span / mostTicks;
  return Array.from({ length: Math.floor(span / step) + 1 }, (_, index) => index * step);
}

function tick(time: number, span: number, x: string, height: number): Markup {
  const anchor = time === 0 ? 'start' : time / span > 0.94 ? 'end' : 'middle';
  return html`<line class="grid" x1="${x}" x2="${x}" y1="18" y2="${height}" stroke="#888" stroke-opacity="0.35"/>
<text class="tick" x="${x}" y="12" text-anchor="${anchor}" fill="currentColor" font-size="12">${tickWords(time)}</text>
`;
}

const tickWords = (time: number): string => (time === 0 ? '0' : formatSeconds(time).replace(/\.0 s$/, ' s'));

function lane(task: RecordedTask, top: number, at: (time: number) => string): Markup {
  const start = task.start ?? 0;
  const y = top + laneTop;
  const middle = y + laneHeight / 2;
  const bars = failedLast(task.steps).map((step) => bar(step, y, at));
  return html`<text class="name" x="0" y="${top + 14}" fill="currentColor">${mark(task.outcome)} ${task.title}: ${outcomeWords(task.outcome)}, ${formatSeconds(task.seconds)}</text>
<line class="whole" x1="${at(start)}" x2="${at(task.end)}" y1="${middle}" y2="${middle}" stroke="#888" stroke-width="2"/>
${bars.length > 0 ? bars : rectangle({ y, x: at(start), width: widthOf(start, task.end, at), kind: task.outcome, title: task.title })}
`;
}

const bar = (step: RecordedStep, y: number, at: (time: number) => string): Markup =>
  rectangle({
    y,
    x: at(step.start),
    width: widthOf(step.start, step.end, at),
    kind: step.outcome,
    title: `${step.title}: ${outcomeWords(step.outcome)}, ${formatSeconds(step.seconds)}`,
  });

const widthOf = (start: number, end: number, at: (time: number) => string): string => {
  const width = Number.parseFloat(at(end)) - Number.parseFloat(at(start));
  // What took no time is still seen.
  return `${round(Math.max(width, 0.4))}%`;
};

/** Colours that are seen on white and on black, for where the style sheet does not count. */
const fills: Readonly<Record<string, string>> = {
  failed: '#d1242f',
  cancelled: '#bf6a02',
  cached: 'none',
  reused: 'none',
};

interface Rectangle {
  readonly y: number;
  readonly x: string;
  readonly width: string;
  readonly kind: string;
  readonly title: string;
}

const rectangle = ({ y, x, width, kind, title }: Rectangle): Markup =>
  html`<rect class="bar ${kind}" x="${x}" y="${y}" width="${width}" height="${laneHeight}" rx="2" fill="${fills[kind] ?? '#2f81c7'}" stroke="${fills[kind] === 'none' ? '#888' : '#fff'}"${fills[kind] === 'none' && html` stroke-dasharray="3 2"`}><title>${title}</title></rect>
`;

function table(tasks: readonly RecordedTask[]): Markup {
  return html`<div class="wide" role="region" tabindex="0" aria-labelledby="timeline-table">
<table>
<caption id="timeline-table">Tasks and their steps; started and took in seconds since the start of the run</caption>
<thead><tr><th scope="col">Task or step</th><th scope="col">Result</th><th scope="col" class="number">Started</th><th scope="col" class="number">Took</th></tr></thead>
${tasks.map(
  (task) => html`<tbody>
${row(task.title, task.outcome, task.start, task.seconds, 'task')}${byStart(task.steps).map(({ title, outcome, start, seconds }) => row(title, outcome, start, seconds, 'step'))}</tbody>
`,
)}</table>
</div>`;
}

const row = (
  title: string,
  outcome: RecordedTask['outcome'] | RecordedStep['outcome'],
  start: number | null,
  seconds: number,
  kind: 'task' | 'step',
): Markup =>
  html`<tr class="${kind}"><th scope="row">${title}</th><td>${mark(outcome)} ${outcomeWords(outcome)}</td><td class="number">${start === null ? '' : start.toFixed(1)}</td><td class="number">${seconds.toFixed(1)}</td></tr>
`;

const byStart = (steps: readonly RecordedStep[]): RecordedStep[] =>
  [...steps].sort((a, b) => a.start - b.start);
/** What is drawn last is seen, however short it was. */
const failedLast = (steps: readonly RecordedStep[]): RecordedStep[] =>
  [...steps].sort((a, b) => Number(a.outcome === 'failed') - Number(b.outcome === 'failed'));
const round = (value: number): number => Math.round(value * 1000) / 1000;
