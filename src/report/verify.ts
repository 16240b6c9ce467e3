/** What `dwt verify` found, for people. */
import type { VerifyResult } from '../workflows/verify.ts';
import type { Paper } from './paper.ts';
import { renderTable } from './table.ts';

export async function renderVerify(result: VerifyResult, paper: Paper): Promise<string> {
  const { reference, digest, stage, revision, proofs, checks, verdict } = result;
  const rows = proofs.map(({ name, verdict: own, detail, at, tool }) => [
    name,
    own === 'pass' ? '✔ pass' : '✖ FAIL',
    detail,
    at === null ? '' : `${at.slice(0, 16).replace('T', ' ')} UTC`,
    tool === null ? '' : `dwt ${tool}`,
  ]);
  const table = await renderTable(
    [
      { title: 'PROOF' },
      { title: 'VERDICT' },
      { title: 'DETAIL', shrink: true },
      { title: 'MADE', optional: 20 },
      { title: 'BY', optional: 10 },
    ],
    rows,
    paper,
  );
  const about = [
    paper.paint('bold', reference),
    `  ${digest}`,
    stage === null ? null : `  stage ${stage}${revision === null ? '' : `, revision ${revision}`}`,
  ].filter((line) => line !== null);
  const seen = checks.map(
    ({ name, verdict: own, detail }) => `  ${own === 'pass' ? '✔' : '✖'} ${name}: ${detail}`,
  );
  return [
    about.join('\n'),
    table,
    ...(seen.length > 0 ? [`What the smoke test saw:\n${seen.join('\n')}`] : []),
    verdict === 'pass' ? paper.paint('green', 'Proved.') : paper.paint('red', 'NOT proved.'),
  ].join('\n\n');
}
