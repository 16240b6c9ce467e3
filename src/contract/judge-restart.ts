/** Check 7: it starts again on the home that an earlier run left, ended in peace or not. */
import { enumerate, fail, inSeconds, type Judgement, pass } from './check.ts';
import type { RestartEvidence } from './evidence.ts';
import { type HttpExpectation, judgeHttp } from './judge-http.ts';

export function judgeRestart(restarts: readonly RestartEvidence[], expected: HttpExpectation): Judgement {
  for (const { after, http } of restarts) {
    const again = judgeHttp(http, null, expected);
    if (again.verdict === 'fail') {
      return fail(
        `on the home that ${left(after)}, ${again.seen}`,
        'Remove stale pid and lock files in the start script.',
      );
    }
  }
  const seen = restarts.map(
    ({ after, http }) => `${inSeconds(http.seconds)} on the home that ${left(after)}`,
  );
  return pass(`answered after ${enumerate(seen)}`);
}

const left = (after: RestartEvidence['after']): string =>
  after === 'SIGKILL' ? 'a killed run left (SIGKILL)' : 'a stopped run left (SIGTERM)';
