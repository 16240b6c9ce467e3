/** The contract of tools and visualisations, from three starts of one image on one home. */
import { usualPage } from '../project/checks.ts';
import { fail } from './check.ts';
import type { InsideEvidence, RestartEvidence } from './evidence.ts';
import { homeMount, homeVolume } from './home-volume.ts';
import { judgeAccount } from './judge-account.ts';
import { judgeEnvironment } from './judge-environment.ts';
import { isRight, judgeHttp, toolHttp } from './judge-http.ts';
import { judgeIsolation } from './judge-isolation.ts';
import { judgeRestart } from './judge-restart.ts';
import { judgeStop } from './judge-stop.ts';
import { judgeSudo } from './judge-sudo.ts';
import { judgeUser } from './judge-user.ts';
import { platform } from './platform.ts';
import { lookInside, sendInspector } from './probe-inside.ts';
import { sentinelEnvironment } from './sentinels.ts';
import { Subject } from './subject.ts';
import { Findings, type TrialRequest, type TrialResult } from './trial.ts';
import { commandChecks, tryCommands } from './trial-commands.ts';

const never = 'it did not serve the first time';
const inside = ['user', 'account', 'sudo', 'environment', 'isolation'] as const;

export async function tryTool({
  laboratory,
  image,
  user,
  checks,
  page,
  report,
}: TrialRequest): Promise<TrialResult> {
  const findings = new Findings(report);
  const path = checks.http?.path ?? '/';
  const expected = toolHttp(checks.readyWithin ?? platform.readyWithin, checks.http?.status ?? null);
  const environment = sentinelEnvironment();
  const { commands = {} } = checks;
  const volume = await homeVolume(laboratory, image, user);
  const start = () => Subject.start(laboratory, { image, environment, host: homeMount(volume) });

  findings.begin('http');
  const askedBefore = await laboratory.namesAskedSoFar();
  const first = await start();
  const inspector = await sendInspector(laboratory, first.id);
  const http = await first.converse(path, expected);
  const served = http.answer !== null && isRight(http.answer.status, expected) && !http.tls;
  const firstLines = () => first.lastLines();
  // Where nothing answered, what listens in the container tells why.
  if (served) await findings.add('http', judgeHttp(http, null, expected), firstLines);
  findings.begin(...inside);
  const seen = http.ended
    ? null
    : await lookInside(laboratory, inspector, expected.port, Object.keys(environment));
  if (!served) await findings.add('http', judgeHttp(http, seen?.listeners ?? null, expected), firstLines);
  if (seen) await judgeInside(findings, seen, environment, expected.port, firstLines);
  else if (served)
    await findings.add(
      'user',
      fail(`it ended before anybody could look who holds ${expected.port}`),
      firstLines,
    );
  if (!seen) findings.skip(inside.slice(served ? 1 : 0, 4), 'it ended before anybody could look');
  const asked = first.address === null ? [] : await laboratory.namesAsked(first.address, askedBefore);
  const isolation = judgeIsolation({ inside: seen, asked, served });
  if (isolation) await findings.add('isolation', isolation, firstLines);
  else findings.skip(['isolation'], 'it did not serve, and nothing shows that the network was why');

  if (!served) {
    await laboratory.remove([inspector.container]);
    if (!http.ended) {
      findings.begin('stop');
      await findings.add('stop', judgeStop(await first.stop()), firstLines);
    } else findings.skip(['stop'], 'it had ended by itself');
    findings.skip(['restart', ...commandChecks(commands)], never);
    if (page) findings.skip(['page'], never);
    return findings;
  }

  await tryCommands(findings, laboratory, commands, inspector, seen);
  if (page) {
    // The driver of the browser is large, and is loaded where there is something to look at.
    const { tryPage } = await import('./trial-page.ts');
    await tryPage(findings, {
      laboratory,
      request: page,
      page: checks.page ?? usualPage(path),
      subject: first,
      startUnder: async (prefix, variables) => {
        const host = homeMount(await homeVolume(laboratory, image, user));
        const under = await Subject.start(laboratory, {
          image,
          environment: { ...environment, ...variables },
          host,
        });
        await under.converse(`${prefix}${path}`, { ...expected, status: null });
        return under;
      },
    });
  }

  findings.begin('restart');
  await Promise.all([laboratory.remove([inspector.container]), first.kill()]);
  const second = await start();
  const restarts: RestartEvidence[] = [{ after: 'SIGKILL', http: await second.converse(path, expected) }];
  let last = second;
  if (second.ended) findings.skip(['stop'], 'it did not start again');
  else {
    findings.begin('stop');
    await findings.add('stop', judgeStop(await second.stop()), () => second.lastLines());
  }
  if (restarts[0]?.http.answer) {
    last = await start();
    restarts.push({ after: 'SIGTERM', http: await last.converse(path, expected) });
  }
  await findings.add('restart', judgeRestart(restarts, expected), () => last.lastLines());
  await Promise.all([first, second, last].map((each) => each.remove()));
  return findings;
}

async function judgeInside(
  findings: Findings,
  seen: InsideEvidence,
  environment: Readonly<Record<string, string>>,
  port: number,
  lines: () => Promise<string>,
): Promise<void> {
  if (seen.listeners.length > 0) {
    await findings.add('user', judgeUser(seen.listeners, seen.processes, port), lines);
    await findings.add('environment', judgeEnvironment(seen, environment), lines);
  } else findings.skip(['user', 'environment'], `nothing listens on ${port}`);
  await findings.add('account', judgeAccount(seen), lines);
  await findings.add('sudo', judgeSudo(seen), lines);
}
