/** The contract of sidecars: they stay up as dw-user beside a tool, serve what they declare, and stop when told. */
import { fail, inSeconds, pass } from './check.ts';
import type { EndEvidence } from './evidence.ts';
import { isRight, judgeHttp } from './judge-http.ts';
import { judgeIsolation } from './judge-isolation.ts';
import { judgeMetrics } from './judge-metrics.ts';
import { judgeStop } from './judge-stop.ts';
import { judgeSudo } from './judge-sudo.ts';
import { judgeSync } from './judge-sync.ts';
import { judgeProcesses } from './judge-user.ts';
import { platform } from './platform.ts';
import { lookInside, sendInspector } from './probe-inside.ts';
import { sentinelEnvironment } from './sentinels.ts';
import { Subject } from './subject.ts';
import { Findings, type TrialRequest, type TrialResult } from './trial.ts';
import { tryCommands } from './trial-commands.ts';
import { SyncTrial } from './trial-sync.ts';

/** Seconds that a sidecar which serves nothing is watched for. */
const watched = 3;

export async function trySidecar({ laboratory, image, checks, report }: TrialRequest): Promise<TrialResult> {
  const findings = new Findings(report);
  const { metrics, sync } = checks;
  const port = metrics?.port ?? platform.port;
  const served = metrics ? { path: metrics.path, status: [200] } : checks.http;
  const bucket = sync ? await SyncTrial.open(laboratory, sync) : null;
  const environment = {
    ...sentinelEnvironment(),
    PORT: `${port}`,
    ECS_CONTAINER_METADATA_URI: `http://${laboratory.peerAddress}/v3`,
    ECS_CONTAINER_METADATA_URI_V4: `http://${laboratory.peerAddress}/v4`,
    ...bucket?.environment,
  };
  findings.begin('up');
  const askedBefore = await laboratory.namesAskedSoFar();
  const subject = await Subject.start(laboratory, { image, environment });
  const lines = () => subject.lastLines();
  const inspector = await sendInspector(laboratory, subject.id);
  const name = metrics ? 'metrics' : 'http';
  const expected = {
    status: served?.status ?? null,
    readyWithin: checks.readyWithin ?? platform.readyWithin,
    port,
  };
  let answered = true;
  if (served) {
    findings.begin(name);
    const http = await subject.converse(served.path, expected);
    answered = http.answer !== null && isRight(http.answer.status, expected);
    const reached = judgeHttp(http, null, expected);
    await findings.add(
      name,
      metrics && answered ? judgeMetrics(http.answer?.body ?? '', metrics) : reached,
      lines,
    );
  }
  if (bucket) {
    findings.begin('sync');
    const evidence = await bucket.observe(subject.id, () => subject.ended !== null);
    await findings.add('sync', judgeSync(evidence), lines);
  }
  const early = await subject.staysUp(served || bucket ? 0.2 : watched);
  await findings.add('up', judgeUp(early, subject.age), lines);
  findings.begin('user', 'sudo', 'isolation');
  const seen = early ? null : await lookInside(laboratory, inspector, port, []);
  if (seen) {
    await findings.add('user', judgeProcesses(seen.processes), lines);
    await findings.add('sudo', judgeSudo(seen), lines);
  } else findings.skip(['user', 'sudo'], 'it ended before anybody could look');
  const asked = subject.address === null ? [] : await laboratory.namesAsked(subject.address, askedBefore);
  const isolation = judgeIsolation({ inside: seen, asked, served: answered && !early });
  if (isolation) await findings.add('isolation', isolation, lines);
  else findings.skip(['isolation'], 'nothing shows that the network was why it failed');
  await tryCommands(findings, laboratory, checks.commands ?? {}, inspector, seen);
  await laboratory.remove([inspector.container]);
  if (early) findings.skip(['stop'], 'it had ended by itself');
  else {
    findings.begin('stop');
    await findings.add('stop', judgeStop(await subject.stop()), lines);
  }
  await subject.remove();
  await bucket?.close();
  return findings;
}

const judgeUp = (early: EndEvidence | null, age: number) =>
  early
    ? fail(
        `it ended by itself ${inSeconds(early.seconds)} after its start with exit code ${early.exitCode}`,
        'A sidecar runs as long as the tool beside it; its last lines say why it ended.',
      )
    : pass(`still ran ${inSeconds(age)} after its start`);
