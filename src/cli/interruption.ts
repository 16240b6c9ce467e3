/** Ctrl-C: the first ends the work in order, the second ends the program, or the third where a command wants the second. */
import { DwtError } from '../errors.ts';

export interface Interruption {
  readonly signal: AbortSignal;
  /** Aborted by the second Ctrl-C, which then ends the program no more: the command that asks for this does, at once. */
  second(): AbortSignal;
  /** Gives the signals back to whoever had them. */
  dispose(): void;
}

const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** @param say tells the user, once, that the work is being ended */
export function listenForInterruption(say: (text: string) => void): Interruption {
  const controller = new AbortController();
  let second: AbortController | null = null;
  const interrupt = () => {
    if (controller.signal.aborted) {
      if (second === null || second.signal.aborted) process.exit(130);
      second.abort(new DwtError('INTERRUPTED', 'Interrupted.'));
      return;
    }
    say('Stopping: ending what runs on the engine. Press Ctrl-C again to end at once.');
    controller.abort(new DwtError('INTERRUPTED', 'Interrupted.'));
  };
  for (const name of signals) process.on(name, interrupt);
  return {
    signal: controller.signal,
    second() {
      second ??= new AbortController();
      return second.signal;
    },
    dispose: () => {
      for (const name of signals) process.off(name, interrupt);
    },
  };
}
