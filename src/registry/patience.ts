/** How long an answer is waited for. */

export interface Patience {
  /** Aborts with a `TimeoutError`. */
  readonly signal: AbortSignal;
  /** Something came or went. */
  heard(): void;
  end(): void;
}

/** For what is short: all of it has to be there in time. */
export function deadline(ms: number): Patience {
  const { signal, end } = silence(ms);
  return { signal, end, heard: () => {} };
}

/** For what may be long: it is given up once nothing is heard of it for so long. */
export function silence(ms: number): Patience {
  const controller = new AbortController();
  const giveUp = () => controller.abort(new DOMException(`Nothing for ${ms / 1000} s.`, 'TimeoutError'));
  let timer = setTimeout(giveUp, ms);
  return {
    signal: controller.signal,
    heard() {
      clearTimeout(timer);
      if (!controller.signal.aborted) timer = setTimeout(giveUp, ms);
    },
    end: () => clearTimeout(timer),
  };
}
