/** Ctrl-C: the first ends the work in order, the second ends the program. */
import { DwtError } from '../errors.ts';

export interface Interruption {
  readonly signal: AbortSignal;
  /** Gives the signals back to whoever had them. */
  dispose(): void;
}

const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** @param say tells the user, once, that the work is being ended */
export function listenForInterruption(say: (text: string) => void): Interruption {
  const controller = new AbortController();
  const interrupt = () => {
    if (controller.signal.aborted) process.exit(130);
    say('Stopping: ending what runs on the engine. Press Ctrl-C again to end at once.');
    controller.abort(new DwtError('INTERRUPTED', 'Interrupted.'));
  };
  for (const name of signals) process.on(name, interrupt);
  return {
    signal: controller.signal,
    dispose: () => {
      for (const name of signals) process.off(name, interrupt);
    },
  };
}
