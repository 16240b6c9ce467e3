/** What `dwt smoke-test` found, for people: what passed at a glance, what failed with its evidence. */
import { stripVTControlCharacters } from 'node:util';
import type { CheckResult } from '../contract/check.ts';
import { DwtError } from '../errors.ts';
import { standInNote } from '../plan/stand-ins.ts';
import type { SmokeTestResult, TestedImage } from '../workflows/smoke-test.ts';
import { harmless } from './log-lines.ts';
import type { Paper } from './paper.ts';
import { renderTable } from './table.ts';
import { formatSeconds } from './units.ts';
import { type Measure, measureFor } from './width.ts';

/** Of a container's last lines. */
const shownLines = 8;

/** Images down, checks across; where the paper is too narrow for that, the checks in words. */
export async function renderSmokeTest({ images }: SmokeTestResult, paper: Paper): Promise<string> {
  if (images.length === 0) return 'No images.';
  const matrix = await renderMatrix(images, { ...paper, width: Number.POSITIVE_INFINITY });
  const fits = stripVTControlCharacters(matrix.split('\n', 1)[0] ?? '').length <= paper.width;
  const measure = await measureFor(images.flatMap(({ checks }) => checks.map(({ output }) => output ?? '')));
  const failures = images
    .filter((image) => image.verdict === 'fail' && !isCancelled(image))
    .map((image) => renderFailure(image, paper, measure));
  const passed = images.filter(({ verdict }) => verdict === 'pass').length;
  const cancelled = images.filter(isCancelled).length;
  const summary = [
    passed > 0 ? paper.paint('green', `${passed} passed`) : null,
    failures.length > 0 ? paper.paint('red', `${failures.length} failed`) : null,
    cancelled > 0 ? paper.paint('yellow', `${cancelled} cancelled`) : null,
  ].filter((part) => part !== null);
  const standIns = images.flatMap((image) => renderStandIn(image, paper));
  return [
    fits ? matrix : await renderWords(images, paper),
    ...(standIns.length > 0 ? [standIns.join('\n')] : []),
    ...failures,
    summary.join(', '),
  ].join('\n\n');
}

const nameOf = ({ stage, reference }: TestedImage): string => stage ?? reference;
/** Its judging was ended by the user. */
const isCancelled = ({ error }: TestedImage): boolean => error?.code === 'INTERRUPTED';
const verdictOf = (image: TestedImage): string =>
  image.verdict === 'pass' ? '✔ pass' : isCancelled(image) ? '- cancelled' : '✖ FAIL';

/** Whatever its verdict, it is one on something else than the real thing. */
const renderStandIn = (image: TestedImage, paper: Paper): string[] => {
  const note = standInNote(image.standIns ?? []);
  return note ? [paper.paint('yellow', `${nameOf(image)} is a ${note}.`)] : [];
};

async function renderMatrix(images: readonly TestedImage[], paper: Paper): Promise<string> {
  const checks = [...new Set(images.flatMap((image) => image.checks.map(({ name }) => name)))];
  const columns = ['IMAGE', 'VERDICT', ...checks].map((title) => ({ title }));
  const rows = images.map((image) => [
    nameOf(image),
    verdictOf(image),
    ...checks.map((check) => markOf(image.checks.find(({ name }) => name === check))),
    formatSeconds(image.seconds),
  ]);
  return renderTable([...columns, { title: 'TIME', align: 'right' }], rows, paper);
}

const markOf = (check: CheckResult | undefined): string =>
  check === undefined ? '-' : check.verdict === 'pass' ? '✔' : '✖';

async function renderWords(images: readonly TestedImage[], paper: Paper): Promise<string> {
  const rows = images.map((image) => {
    const failed = image.checks.filter(({ verdict }) => verdict === 'fail').map(({ name }) => name);
    const words = failed.length > 0 ? `failed: ${failed.join(', ')}` : `${image.checks.length} checks`;
    return [
      nameOf(image),
      verdictOf(image),
      image.error ? 'not judged' : words,
      formatSeconds(image.seconds),
    ];
  });
  return renderTable(
    [
      { title: 'IMAGE' },
      { title: 'VERDICT' },
      { title: 'CHECKS', shrink: true },
      { title: 'TIME', align: 'right' },
    ],
    rows,
    paper,
  );
}

function renderFailure(image: TestedImage, paper: Paper, measure: Measure): string {
  const failed = image.checks.filter(({ verdict }) => verdict === 'fail');
  const lines = [paper.paint('bold', nameOf(image))];
  if (image.error)
    lines.push(...evidence({ seen: image.error.message, hint: image.error.hint }, paper, measure));
  for (const { name, detail, error, ...shown } of failed)
    lines.push(...evidence({ ...shown, seen: `${name}: ${detail}`, hint: error?.hint }, paper, measure));
  if (image.skipped.length > 0) {
    lines.push(
      paper.paint(
        'dim',
        `  not judged: ${image.skipped.map(({ name, because }) => `${name} (${because})`).join(', ')}`,
      ),
    );
  }
  return lines.join('\n');
}

interface Failure extends Pick<CheckResult, 'output' | 'screenshot'> {
  readonly seen: string;
  readonly hint: string | undefined;
}

function evidence({ seen, hint, output, screenshot }: Failure, paper: Paper, measure: Measure): string[] {
  const last = (output ?? '').trimEnd().split('\n').slice(-shownLines).map(harmless);
  return [
    `  ${paper.paint('red', '✖')} ${seen}`,
    ...(hint === undefined ? [] : [`    ${paper.paint('bold', 'Hint:')} ${hint}`]),
    ...(screenshot === undefined ? [] : [`    ${paper.paint('bold', 'Screenshot:')} ${screenshot}`]),
    ...(output ? last.map((line) => paper.paint('dim', measure.cut(`    | ${line}`, paper.width))) : []),
  ];
}

/** Every failure as an error, for the exit status and the log. */
export const failuresOf = ({ images }: SmokeTestResult): DwtError[] =>
  images.flatMap((image) => [
    ...(image.error ? [image.error] : []),
    ...image.checks
      .filter(({ verdict }) => verdict === 'fail')
      .map(
        ({ name, detail, error }) =>
          error ?? new DwtError('CHECK_FAILED', `Check ${name} of ${nameOf(image)} failed: ${detail}.`),
      ),
  ]);
