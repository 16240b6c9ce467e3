/** What `dwt doctor` saw, for people. */
import type { DoctorResult } from '../workflows/doctor.ts';
import type { Paper, Style } from './paper.ts';
import { renderTable } from './table.ts';

const looks = { ok: ['✔', 'green'], warn: ['!', 'yellow'], fail: ['✖', 'red'] } as const satisfies Record<
  string,
  [string, Style]
>;

export async function renderDoctor({ checks, stages }: DoctorResult, paper: Paper): Promise<string> {
  const names = Math.max(0, ...checks.map(({ name }) => name.length));
  const seen = checks.flatMap(({ name, verdict, detail, hint }) => {
    const [mark, style] = looks[verdict];
    return [
      `${paper.paint(style, mark)} ${name.padEnd(names)}  ${detail}`,
      ...(hint === null ? [] : [`${' '.repeat(names + 4)}${paper.paint('bold', 'Hint:')} ${hint}`]),
    ];
  });
  if (stages.length === 0) return seen.join('\n');
  const rows = stages.map(({ name, buildable, why }) => [name, buildable ? 'yes' : 'no', why ?? '']);
  const columns = [{ title: 'STAGE' }, { title: 'CAN BE BUILT' }, { title: 'WHY', shrink: true }];
  return [...seen, '', await renderTable(columns, rows, paper)].join('\n');
}
