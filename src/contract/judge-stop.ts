/** Check 6: SIGTERM ends it in time, with nobody killed. */
import { fail, inSeconds, type Judgement, pass } from './check.ts';
import type { StopEvidence } from './evidence.ts';
import { howEnded } from './judge-http.ts';
import { platform } from './platform.ts';

const killed = 128 + 9;

export function judgeStop({ end, before }: StopEvidence): Judgement {
  if (before)
    return fail(
      `it had ended by itself before it was told to, ${howEnded(before)}`,
      'Its last lines say why.',
    );
  if (!end) {
    return fail(
      `it still ran ${platform.stopWithin} s after SIGTERM and had to be killed`,
      'Process 1 must act on SIGTERM: run the tool under tini, and `exec` it from a start script.',
    );
  }
  const seen = `it ended ${inSeconds(end.seconds)} after SIGTERM with exit code ${end.exitCode}`;
  if (end.outOfMemory) return fail(`${seen}, out of memory`);
  if (end.exitCode === killed)
    return fail(
      `${seen}: something in it was killed`,
      'Let its processes end on SIGTERM instead of killing them.',
    );
  if (end.seconds >= platform.stopWithin) return fail(seen, `It has ${platform.stopWithin} s.`);
  return pass(seen);
}
