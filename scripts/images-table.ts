/** The table of the README that says of each image what it is, how large, and how soon it answers. */
import type { SmokeTestResult } from '../src/workflows/smoke-test.ts';
import type { StageList } from '../src/workflows/stages.ts';

const begin = '<!-- Made by `npm run update:images`. -->\n';
const end = '<!-- End of what is made. -->\n';

export interface ImageRow {
  readonly stage: string;
  readonly kind: string;
  readonly what: string;
  /** As the engine states it, of the base image too: `1.15 GB`. */
  readonly size: string;
  /** From the start of the container until the first HTTP answer; empty for what gives none. */
  readonly answers: string;
}

/** A row for each published stage, in file order. */
export function imageRows(
  list: Pick<StageList, 'stages'>,
  tested: Pick<SmokeTestResult, 'images'>,
): ImageRow[] {
  return list.stages
    .filter(({ publish }) => publish !== null)
    .map(({ name, kind, description, size }) => {
      const { checks = [], standIns = [] } = tested.images.find(({ stage }) => stage === name) ?? {};
      const answered = checks.find((check) => check.name === 'http' || check.name === 'metrics');
      const [, seconds] = /(\d+\.\d s) after the start/.exec(answered?.detail ?? '') ?? [];
      return {
        stage: name,
        kind,
        what: description ?? '',
        size: `${size === null ? 'not built' : sizeWords(size)}${standIns.length > 0 ? ', with a stand-in' : ''}`,
        answers: answered?.verdict === 'pass' ? (seconds ?? `${answered.seconds.toFixed(1)} s`) : '',
      };
    });
}

/** Three digits, in the units that engines print. */
export const sizeWords = (bytes: number): string =>
  bytes < 999.5e6 ? `${Math.round(bytes / 1e6)} MB` : `${(bytes / 1e9).toFixed(2)} GB`;

export function withTable(readme: string, rows: readonly ImageRow[]): string {
  const [before, after] = [readme.indexOf(begin) + begin.length, readme.indexOf(end)];
  if (before < begin.length || after < before) throw new Error('The README has no place for the table.');
  const lines = rows.map(
    ({ stage, kind, what, size, answers }) => `| ${stage} | ${kind} | ${what} | ${size} | ${answers} |\n`,
  );
  const head = '| stage | kind | what it is | size | answers after |\n|---|---|---|---|---|\n';
  return `${readme.slice(0, before)}\n${head}${lines.join('')}\n${readme.slice(after)}`;
}

/** What the README says. */
export function tableOf(readme: string): ImageRow[] {
  const made = readme.slice(readme.indexOf(begin), readme.indexOf(end));
  return [...made.matchAll(/^\| (.*) \|$/gm)]
    .map(([, row = '']) => row.split(' | '))
    .filter(([stage]) => stage !== 'stage')
    .map(([stage = '', kind = '', what = '', size = '', answers = '']) => ({
      stage,
      kind,
      what,
      size,
      answers,
    }));
}
