/** A smoke test's result as JUnit XML, as Jenkins reads it: a suite per image, a case per check. */
import { open, rm, stat, writeFile } from 'node:fs/promises';
import type { CheckResult } from '../contract/check.ts';
import { DwtError } from '../errors.ts';
import type { SmokeTestResult, TestedImage } from '../workflows/smoke-test.ts';

/**
 * Finds out that the file cannot be written before there is a report to lose. A report that is there
 * stays until the new one is.
 *
 * @throws DwtError USAGE
 */
export async function prepareJunit(file: string): Promise<void> {
  try {
    const before = await stat(file).catch(() => null);
    await (await open(file, 'a')).close();
    // Jenkins takes an empty file for a broken report, and no file for none.
    if (before === null) await rm(file);
  } catch (cause) {
    throw unwritable(file, cause);
  }
}

/** Answers what was wrong instead of throwing it: the result is there all the same. */
export async function writeJunit(file: string, result: SmokeTestResult): Promise<DwtError | null> {
  try {
    await writeFile(file, junit(result));
    return null;
  } catch (cause) {
    return unwritable(file, cause);
  }
}

function unwritable(file: string, cause: unknown): DwtError {
  const full = (cause as NodeJS.ErrnoException).code === 'ENOSPC';
  return new DwtError(full ? 'DISK_FULL' : 'USAGE', `The JUnit report ${file} cannot be written.`, {
    hint: full
      ? 'Make room there and run again.'
      : 'Name a file that this user may write, in a folder that exists.',
    cause,
  });
}

export function junit({ images }: SmokeTestResult): string {
  const suites = images.map(suite);
  const sum = (count: (image: TestedImage) => number) =>
    images.reduce((total, image) => total + count(image), 0);
  const totals = attributes({
    name: 'dwt smoke-test',
    tests: sum(testsOf),
    failures: sum(failuresOf),
    errors: sum(errorsOf),
    skipped: sum(({ skipped }) => skipped.length),
    time: sum(({ seconds }) => seconds).toFixed(3),
  });
  return `<?xml version="1.0" encoding="UTF-8"?>\n<testsuites${totals}>\n${suites.join('')}</testsuites>\n`;
}

const testsOf = ({ checks, skipped, error }: TestedImage): number =>
  checks.length + skipped.length + (error ? 1 : 0);
const failuresOf = ({ checks }: TestedImage): number =>
  checks.filter(({ verdict }) => verdict === 'fail').length;
const errorsOf = ({ error }: TestedImage): number => (error ? 1 : 0);

function suite(image: TestedImage): string {
  const { reference, checks, skipped, error, seconds } = image;
  const name = image.stage ?? reference;
  const open = (check: string, time: number) =>
    `    <testcase${attributes({ classname: name, name: check, time: time.toFixed(3) })}`;
  const cases = [
    ...checks.map((check) => `${open(check.name, check.seconds)}>\n${outcome(check)}    </testcase>\n`),
    ...skipped.map(
      (check) =>
        `${open(check.name, 0)}>\n      <skipped${attributes({ message: check.because })}/>\n    </testcase>\n`,
    ),
    ...(error
      ? [
          `${open('judged', seconds)}>\n${element('error', { message: error.message, type: error.code }, [error.hint, error.wholeDetail])}    </testcase>\n`,
        ]
      : []),
  ];
  const heading = attributes({
    name,
    tests: testsOf(image),
    failures: failuresOf(image),
    errors: errorsOf(image),
    skipped: skipped.length,
    time: seconds.toFixed(3),
  });
  const properties = [
    ['reference', reference],
    ['id', image.id],
    ['stand-in', (image.standIns ?? []).join(', ')],
  ].flatMap(([key, value]) =>
    value ? [`      <property${attributes({ name: key ?? '', value })}/>\n`] : [],
  );
  return `  <testsuite${heading}>\n    <properties>\n${properties.join('')}    </properties>\n${cases.join('')}  </testsuite>\n`;
}

function outcome({ verdict, detail, output, screenshot, error }: CheckResult): string {
  // Jenkins' plugin for attachments shows the file that is named so.
  const picture = screenshot && `[[ATTACHMENT|${screenshot}]]`;
  if (verdict === 'pass') return element('system-out', {}, [detail, picture]);
  const last = output && `Last lines of output:\n${output}`;
  const failure = element('failure', { message: detail, type: error?.code ?? 'CHECK_FAILED' }, [
    detail,
    error?.hint,
    last,
  ]);
  return picture ? failure + element('system-out', {}, [picture]) : failure;
}

const element = (
  name: string,
  values: Readonly<Record<string, string>>,
  paragraphs: readonly (string | undefined)[],
): string =>
  `      <${name}${attributes(values)}>${escaped(paragraphs.filter(Boolean).join('\n\n'))}</${name}>\n`;

const attributes = (values: Readonly<Record<string, string | number>>): string =>
  Object.entries(values)
    // A line's end in an attribute is read back as a space.
    .map(
      ([name, value]) =>
        ` ${name}="${escaped(`${value}`).replaceAll('"', '&quot;').replaceAll('\n', '&#10;').replaceAll('\t', '&#9;')}"`,
    )
    .join('');

/** Colours and other control sequences of terminals mean nothing in a report; what else XML cannot hold is shown as a replacement. */
function escaped(text: string): string {
  return (
    text
      // biome-ignore lint/suspicious/noControlCharactersInRegex: control sequences of terminals start with one
      .replace(/\u001b(?:\[[0-?]*[ -/]*[@-~]|\][^\u0007\u001b]*(?:\u0007|\u001b\\)?)/g, '')
      .replace(/\r\n?/g, '\n')
      // biome-ignore lint/suspicious/noControlCharactersInRegex: exactly these are not allowed in XML 1.0
      .replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g, '\ufffd')
      .toWellFormed()
      .replaceAll('&', '&amp;')
      .replaceAll('<', '&lt;')
      .replaceAll('>', '&gt;')
  );
}
