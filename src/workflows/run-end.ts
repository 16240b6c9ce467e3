/** The end of `dwt run`: the tool's own, or the user's; after it nothing of the run is left on the engine. */
import { setTimeout as pause } from 'node:timers/promises';
import { inSeconds } from '../contract/check.ts';
import type { EndEvidence } from '../contract/evidence.ts';
import { howEnded } from '../contract/judge-http.ts';
import type { Laboratory } from '../contract/laboratory.ts';
import { platform } from '../contract/platform.ts';
import type { Subject } from '../contract/subject.ts';
import { asDwtError, DwtError } from '../errors.ts';
import type { Emit } from '../events.ts';
import type { Home } from '../run/home.ts';
import { tellOutput } from '../run/output.ts';
import type { Relay } from '../run/relay.ts';
import { runTask } from '../task.ts';
import { untilAborted } from '../until-aborted.ts';

/** Of what a tool said last. */
export const shownLines = 20;
/** Milliseconds. */
const lastWords = 500;

export interface Followed {
  readonly name: string;
  readonly subject: Subject;
  readonly laboratory: Laboratory;
  readonly relay: Relay;
  readonly home: Home;
  /** Takes the values of its variables out of what it says. */
  readonly hide: (text: string) => string;
  readonly emit: Emit;
  readonly signal: AbortSignal;
}

/** Tells what the tool says until it ends or is interrupted. Never rejects: what failed is the answer. */
export async function followToEnd(followed: Followed): Promise<readonly DwtError[]> {
  const { name, subject, laboratory, relay, home, hide, emit, signal } = followed;
  const silence = new AbortController();
  const output = laboratory.engine.followLogs(subject.id, silence.signal);
  const step = `${name}/output`;
  const told = tellOutput(output, (text) => emit({ type: 'step-log', task: name, step, text: hide(text) }));
  const ending = await untilAborted(signal, subject.whenEnded()).then(
    (end) => ({ end, error: null }),
    (error: unknown) => ({ end: null, error }),
  );
  // Its last words come a moment after its end.
  if (ending.end) await Promise.race([told, pause(lastWords)]);
  try {
    await runTask(emit, name, name, async (step) => {
      try {
        if (ending.error && !signal.aborted) throw ending.error;
        const how = ending.end
          ? await endedByItself(followed, ending.end)
          : await step(`stop it, in ${platform.stopWithin} s at most`, () => stop(subject));
        return {
          value: null,
          detail: `${how}; ${home.kept ? `its home stays: ${home.name}` : 'its home is removed'}`,
        };
      } finally {
        silence.abort();
        relay.close();
        await takeAway(laboratory, emit);
      }
    });
    return [];
  } catch (thrown) {
    // Whoever presses Ctrl-C wants it gone, and it is.
    return signal.aborted ? [] : [asDwtError(thrown)];
  }
}

async function endedByItself({ name, subject, hide }: Followed, end: EndEvidence): Promise<string> {
  const how = `ended by itself ${howEnded(end)}`;
  if (end.exitCode === 0) return how;
  const detail = hide((await subject.lastLines(shownLines).catch(() => '')).trimEnd());
  throw new DwtError('TOOL_ENDED', `${name} ${how}.`, { ...(detail && { detail }) });
}

/** Answers how it ended. */
export async function stop(subject: Subject): Promise<string> {
  const { end, before } = await subject.stop();
  if (end) return `it ended ${inSeconds(end.seconds)} after SIGTERM`;
  return before
    ? `it had ended by itself ${howEnded(before)}`
    : `it did not end ${platform.stopWithin} s after SIGTERM and was killed`;
}

/** Removes all that the run made; what cannot be removed now is told. */
export async function takeAway(laboratory: Laboratory, emit: Emit): Promise<void> {
  if ((await laboratory.close()).length === 0) return;
  emit({
    type: 'warning',
    message: 'Some containers, networks or volumes of this run could not be removed.',
    hint: `docker ps --all --filter label=dwt.run=${laboratory.run} shows them; the next run tries again.`,
  });
}
