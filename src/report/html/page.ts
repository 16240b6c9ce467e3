/** The report of a run as one page that needs nothing else: no network, no script, no file beside it. */
import type { DwtError } from '../../errors.ts';
import type { SizePart } from '../../workflows/image-sizes.ts';
import { formatSeconds } from '../units.ts';
import { testedImages } from './checks.ts';
import { failures } from './errors.ts';
import { builtImages } from './images.ts';
import { html, type Markup } from './markup.ts';
import type { Picture } from './pictures.ts';
import { publishedImages } from './published.ts';
import type { PublishedImage, RunResults } from './results.ts';
import type { RecordedWarning, RunRecord } from './run-record.ts';
import { style } from './style.ts';
import { timeline } from './timeline.ts';

export type RunVerdict = 'done' | 'failed' | 'interrupted';

export interface ReportContent {
  /** Such as `build`. */
  readonly command: string;
  readonly verdict: RunVerdict;
  readonly started: Date;
  readonly seconds: number;
  readonly record: RunRecord;
  readonly results: RunResults;
  readonly errors: readonly DwtError[];
  readonly sizes: ReadonlyMap<string, readonly SizePart[]>;
  readonly pictures: ReadonlyMap<string, Picture>;
  /** Where and with what it ran: name and value. */
  readonly surroundings: readonly (readonly [string, string])[];
}

const verdicts: Readonly<Record<RunVerdict, readonly [string, string]>> = {
  done: ['✔', 'done'],
  failed: ['✖', 'failed'],
  interrupted: ['–', 'interrupted'],
};

export function renderPage(content: ReportContent): string {
  const { command, verdict, record, results, errors, sizes, pictures } = content;
  const [sign, word] = verdicts[verdict];
  const sections = {
    failures: ['What failed', failures(errors, record.tasks, results.tested ?? [])],
    warnings: ['Warnings', warnings(record.warnings)],
    timeline: ['Timeline', timeline(record, content.seconds)],
    images: ['Images', builtImages(results.built ?? [], sizes)],
    checks: ['Checks', testedImages(results.tested ?? [], pictures)],
    published: ['Published', publishedImages(results.published ?? [])],
    surroundings: ['Surroundings', surroundings(content)],
  } as const;
  const shown = Object.entries(sections).filter(([, [, { text }]]) => text !== '');
  return html`<!DOCTYPE html>
<html lang="en-GB">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="robots" content="noindex">
<title>${sign} dwt ${command} ${word}</title>
<style>${style}</style>
</head>
<body>
<header>
<h1>dwt ${command} <span class="verdict-${verdict}">${sign} ${word}</span></h1>
<p>${summary(content)}</p>
<p>${moment(content.started)}</p>
${record.leftOut > 0 && html`<p>The page has no room for ${record.leftOut} more entries; a log has them (--log-file).</p>`}
<nav aria-label="Contents"><ul>${shown.map(([id, [title]]) => html`<li><a href="#${id}">${title}</a></li>`)}</ul></nav>
</header>
<main>${shown.map(([, [, section]]) => section)}
</main>
<footer><p>Written by dwt.</p></footer>
</body>
</html>
`.text;
}

function summary({ results, seconds, record }: ReportContent): string {
  const { built = [], tested = [], published = [] } = results;
  const actions = (...wanted: PublishedImage['action'][]) =>
    published.filter(({ action }) => wanted.includes(action)).length;
  const counts: [number, string][] = [
    [built.filter(({ action }) => action === 'built').length, 'built'],
    [built.filter(({ action }) => action === 'reused').length, 'reused'],
    [built.filter(({ action }) => action === null).length, 'not built'],
    [tested.filter(({ verdict }) => verdict === 'pass').length, 'passed'],
    [tested.filter(({ verdict }) => verdict === 'fail').length, 'not passed'],
    [actions('pushed', 'released'), 'published'],
    [actions('prepared'), 'prepared'],
    [actions('present'), 'already published'],
    [actions('push', 'release'), 'to be published'],
    [actions(null), 'not published'],
    [record.warnings.length, record.warnings.length === 1 ? 'warning' : 'warnings'],
  ];
  const parts = counts.filter(([count]) => count > 0).map(([count, word]) => `${count} ${word}`);
  return `${parts.length > 0 ? parts.join(', ') : 'Nothing was done'} in ${formatSeconds(seconds)}.`;
}

function warnings(all: readonly RecordedWarning[]): Markup {
  if (all.length === 0) return html``;
  return html`
<section aria-labelledby="warnings">
<h2 id="warnings">Warnings</h2>
<ul>
${all.map(({ message, hint }) => html`<li>${message}${hint !== null && ` ${hint}`}</li>\n`)}</ul>
</section>`;
}

function surroundings({ started, seconds, results, surroundings: facts }: ReportContent): Markup {
  const ended = new Date(started.getTime() + seconds * 1000);
  return html`
<section aria-labelledby="surroundings">
<h2 id="surroundings">Surroundings</h2>
<dl>
<dt>Started</dt><dd>${moment(started)}</dd>
<dt>Ended</dt><dd>${moment(ended)}</dd>
${[...(results.facts ?? []), ...facts].map(([name, value]) => html`<dt>${name}</dt><dd>${value}</dd>\n`)}</dl>
</section>`;
}

/** In UTC: a report is read on another machine, and later. */
function moment(date: Date): Markup {
  const iso = date.toISOString().replace(/\.\d+Z$/, 'Z');
  return html`<time datetime="${iso}">${iso.replace('T', ' ').replace('Z', ' UTC')}</time>`;
}
