/** What `dwt smoke-test` found, for people: what passed at a glance, what failed with its evidence. */
import { stripVTControlCharacters } from 'node:util';
import type { CheckResult } from '../contract/check.ts';
import { DwtError } from '../errors.ts';
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
    .filter(({ verdict }) => verdict === 'fail')
    .map((image) => renderFailure(image, paper, measure));
  const passed = images.length - failures.length;
  const summary = [
    passed > 0 ? paper.paint('green', `${passed} passed`) : null,
    failures.length > 0 ? paper.paint('red', `${failures.length} failed`) : null,
  ].filter((part) => part !== null);
  return [fits ? matrix : await renderWords(images, paper), ...failures, summary.join(', ')].join('\n\n');
}

const nameOf = ({ stage, reference }: TestedImage): string => stage ?? reference;
const verdictOf = ({ verdict }: TestedImage): string => (verdict === 'pass' ? '✔ pass' : '✖ FAIL');

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
  if (image.error) lines.push(...evidence(image.error.message, image.error.hint, undefined, paper, measure));
  for (const { name, detail, error, output, screenshot } of failed) {
    lines.push(...evidence(`${name}: ${detail}`, error?.hint, output, paper, measure));
    if (screenshot) lines.push(`    ${paper.paint('bold', 'Screenshot:')} ${screenshot}`);
  }
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

function evidence(
  seen: string,
  hint: string | undefined,
  output: string | undefined,
  paper: Paper,
  measure: Measure,
): string[] {
  const last = (output ?? '').trimEnd().split('\n').slice(-shownLines).map(harmless);
  return [
    `  ${paper.paint('red', '✖')} ${seen}`,
    ...(hint === undefined ? [] : [`    ${paper.paint('bold', 'Hint:')} ${hint}`]),
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
