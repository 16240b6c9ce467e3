/** The page of a tool that serves: as it is, and under a path where the stage says how it is told one. */
import type { PageSettings } from '../project/project.ts';
import type { Judgement } from './check.ts';
import { pass } from './check.ts';
import type { PageEvidence } from './evidence.ts';
import { judgePage } from './judge-page.ts';
import type { Laboratory } from './laboratory.ts';
import { platform } from './platform.ts';
import { viewPage } from './probe-page.ts';
import type { Subject } from './subject.ts';
import type { Findings, PageRequest } from './trial.ts';
import { wayIn } from './way-in.ts';

export interface PageTrial {
  readonly laboratory: Laboratory;
  readonly request: PageRequest;
  readonly page: PageSettings;
  /** It serves already. */
  readonly subject: Subject;
  /** Another one, started with these variables, once it serves under the path given. */
  readonly startUnder: (prefix: string, variables: Readonly<Record<string, string>>) => Promise<Subject>;
}

const path = 'a/path';

export async function tryPage(findings: Findings, trial: PageTrial): Promise<void> {
  const { page, subject, startUnder } = trial;
  findings.begin('page');
  const plain = await look(trial, subject, '');
  if (plain.judgement.verdict === 'fail' || page.prefix === null) return report(findings, trial, plain);
  const variables = Object.entries(page.prefix).map(([name, value]) => [
    name,
    value.replaceAll('{prefix}', path),
  ]);
  const second = await startUnder(`/${path}`, Object.fromEntries(variables));
  const under = await look(trial, second, `/${path}`);
  if (under.judgement.verdict === 'fail') await report(findings, trial, under);
  else {
    const both = pass(`${plain.judgement.seen}; ${under.judgement.seen}`);
    await report(findings, trial, { ...plain, judgement: both });
  }
  await second.remove();
}

interface Look {
  readonly subject: Subject;
  readonly evidence: PageEvidence;
  readonly judgement: Judgement;
}

async function look(
  { laboratory, request, page }: PageTrial,
  subject: Subject,
  prefix: string,
): Promise<Look> {
  const { program, host } = request;
  const dial = await wayIn(laboratory, subject.address ?? '', platform.port);
  const { signal } = laboratory;
  const evidence = await laboratory.race(viewPage({ program, dial, host, prefix, page, signal }));
  return { subject, evidence, judgement: judgePage(evidence, page) };
}

async function report(
  findings: Findings,
  { request }: PageTrial,
  { subject, evidence: { screenshot: picture }, judgement }: Look,
): Promise<void> {
  const screenshot = picture && (await request.keep(picture, judgement.verdict));
  await findings.add('page', judgement, () => subject.lastLines(), screenshot ? { screenshot } : {});
}
