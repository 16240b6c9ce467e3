/** The way out: results on stdout, errors on stderr, nothing else. */
import { DwtError } from '../errors.ts';
import { redact } from '../redact.ts';
import { cleanError } from '../report/clean-events.ts';
import { renderError } from '../report/error.ts';
import { paperOf } from '../report/paper.ts';

/** Failures that are shown whole; of the rest a line each is enough. */
const mostShown = 3;

/** Words of our own and names that the interface fixes: a secret that happens to be equal must not spoil the result. */
const fixedFields = new Set([
  'action',
  'code',
  'digest',
  'id',
  'key',
  'kind',
  'name',
  'parent',
  'reason',
  'reference',
  'stage',
  'verdict',
]);

/** `indent` 0 for one line: a reader then knows that the result is whole although the program goes on. */
export function printJson(value: unknown, indent = 2): void {
  const text = JSON.stringify(
    value,
    (field, part: unknown) => (typeof part === 'string' && !fixedFields.has(field) ? redact(part) : part),
    indent,
  );
  process.stdout.write(`${text}\n`);
}

/** For text that another program reads and that no secret is put into: taking anything out would change what it says. */
export function printVerbatim(text: string): void {
  process.stdout.write(`${text}\n`);
}

export function printText(text: string): void {
  if (text !== '') process.stdout.write(`${redact(text)}\n`);
}

export function printErrors(errors: readonly DwtError[]): void {
  const paper = paperOf(process.stderr, process.env);
  // One failure may have several victims, each of which carries it; what was only called off is not told where what
  // failed is, and being interrupted is told once.
  const failed = errors.filter(({ code }) => code !== 'BUILD_CANCELLED' && code !== 'INTERRUPTED');
  const interrupted = errors.some(({ code }) => code === 'INTERRUPTED');
  const told = [
    ...(failed.length > 0 || interrupted ? failed : errors),
    ...(interrupted ? [new DwtError('INTERRUPTED', 'Interrupted.')] : []),
  ];
  const distinct = [...new Map(told.map((error) => [`${error.code} ${error.message}`, error])).values()].map(
    cleanError,
  );
  for (const error of distinct.slice(0, mostShown)) process.stderr.write(`\n${renderError(error, paper)}\n`);
  for (const error of distinct.slice(mostShown))
    process.stderr.write(`\n${paper.paint('red', `Error ${error.code}:`)} ${error.message}\n`);
}
