/** Who may be sent when: a layer that two images share is sent once, and the second image finds it there. */

export interface Turn {
  /** What is sent of it; equal names are equal layers. */
  readonly layers: readonly string[];
}

/**
 * Works on all items in their order, at most `jobs` at once, and never on two at once that share a layer of which it is
 * not known that it arrived.
 *
 * @param work tells of each layer that arrived as soon as it knows, and answers whether all did; must not throw
 */
export async function inTurns<T extends Turn>(
  items: readonly T[],
  jobs: number,
  work: (item: T, arrived: (layer: string) => void) => Promise<boolean>,
): Promise<void> {
  const there = new Set<string>();
  const onTheWay = new Set<string>();
  const waiting = [...items];
  let running = 0;
  let wake = (): void => undefined;

  const run = async (item: T): Promise<void> => {
    const own = item.layers.filter((layer) => !there.has(layer));
    for (const layer of own) onTheWay.add(layer);
    const arrived = (layer: string) => {
      there.add(layer);
      if (onTheWay.delete(layer)) wake();
    };
    const done = await work(item, arrived);
    for (const layer of own) {
      onTheWay.delete(layer);
      if (done) there.add(layer);
    }
    running -= 1;
    wake();
  };

  while (waiting.length > 0 || running > 0) {
    const change = new Promise<void>((resolve) => {
      wake = resolve;
    });
    for (let index = 0; index < waiting.length && running < Math.max(1, jobs); ) {
      const item = waiting[index] as T;
      if (item.layers.some((layer) => onTheWay.has(layer))) {
        index += 1;
        continue;
      }
      waiting.splice(index, 1);
      running += 1;
      void run(item);
    }
    if (waiting.length > 0 || running > 0) await change;
  }
}
