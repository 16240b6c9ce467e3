/**
 * The contract of jobs: the image has the account, gives nobody more rights, and starts. What a job must achieve needs
 * its own inputs, so it is judged only where it declares an end: `checks: {ends: {within: 60s, status: 0}}`.
 */
import type { EndSettings } from '../project/project.ts';
import { fail, inSeconds, type Judgement, pass } from './check.ts';
import type { EndEvidence } from './evidence.ts';
import { judgeSudo } from './judge-sudo.ts';
import { judgeProcesses } from './judge-user.ts';
import { platform } from './platform.ts';
import { lookInside, sendInspector } from './probe-inside.ts';
import { sentinelEnvironment } from './sentinels.ts';
import { Subject } from './subject.ts';
import { Findings, type TrialRequest, type TrialResult } from './trial.ts';
import { tryCommandsApart } from './trial-commands.ts';

/** Exit codes by which engines and shells say that there was nothing to run. */
const notRun = new Set([125, 126, 127]);

export async function tryJob({ laboratory, image, checks, report }: TrialRequest): Promise<TrialResult> {
  const findings = new Findings(report);
  const expected = checks.ends ?? null;
  findings.begin('ends', 'user', 'sudo');
  const subject = await Subject.start(laboratory, { image, environment: sentinelEnvironment() });
  const lines = () => subject.lastLines();
  const inspector = await sendInspector(laboratory, subject.id);
  const early = await subject.staysUp(1);
  const seen = early ? null : await lookInside(laboratory, inspector, platform.port, []);
  if (seen) {
    await findings.add('user', judgeProcesses(seen.processes), lines);
    await findings.add('sudo', judgeSudo(seen), lines);
  } else findings.skip(['user', 'sudo'], 'it ended before anybody could look');
  await laboratory.remove([inspector.container]);
  const end = early ?? (expected && (await subject.staysUp(Math.max(0, expected.within - subject.age))));
  await findings.add('ends', judgeEnd(end, expected), lines);
  await subject.remove();
  await tryCommandsApart(findings, laboratory, checks.commands ?? {}, image);
  return findings;
}

export function judgeEnd(end: EndEvidence | null, expected: EndSettings | null): Judgement {
  const seen = end && `it ended ${inSeconds(end.seconds)} after its start with exit code ${end.exitCode}`;
  if (!expected) {
    if (end && notRun.has(end.exitCode))
      return fail(`${seen}: there was nothing to run`, 'See ENTRYPOINT and CMD.');
    return pass(`${seen ?? 'it runs'}; what it must achieve is not declared`);
  }
  if (!end) return fail(`it still ran after ${inSeconds(expected.within)}`);
  return expected.status.includes(end.exitCode)
    ? pass(`${seen}`)
    : fail(`${seen}, wanted ${expected.status.join(' or ')}`, 'Its last lines say why.');
}
