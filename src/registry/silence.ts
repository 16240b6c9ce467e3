/** Gives up what is not heard of for too long, however long it takes in all. */

export interface Silence {
  /** Aborts with a `TimeoutError`. */
  readonly signal: AbortSignal;
  heard(): void;
  end(): void;
}

export function silence(ms: number): Silence {
  const controller = new AbortController();
  const giveUp = () =>
    controller.abort(new DOMException(`Nothing was heard for ${ms / 1000} s.`, 'TimeoutError'));
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
