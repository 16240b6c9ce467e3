/** Who may be sent when: a layer that two images share is sent once, and the second image finds it there. */

export interface Turn {
  /** What is sent of it; equal names are equal layers. */
  readonly layers: readonly string[];
}

/**
 * Works on all items, at most `jobs` at once, and never on two at once that share a layer which is not known to be sent.
 *
 * @param sent layers that are known to be there before
 * @param work answers whether the item's layers were sent; must not throw
 */
export async function inTurns<T extends Turn>(
  items: readonly T[],
  jobs: number,
  sent: Iterable<string>,
  work: (item: T) => Promise<boolean>,
): Promise<void> {
  const there = new Set(sent);
  const onTheWay = new Set<string>();
  const waiting = [...items];
  const running = new Set<Promise<void>>();

  const run = async (item: T): Promise<void> => {
    const own = item.layers.filter((layer) => !there.has(layer));
    for (const layer of own) onTheWay.add(layer);
    const done = await work(item);
    for (const layer of own) {
      onTheWay.delete(layer);
      if (done) there.add(layer);
    }
  };

  while (waiting.length > 0 || running.size > 0) {
    for (let index = 0; index < waiting.length && running.size < Math.max(1, jobs); ) {
      const item = waiting[index] as T;
      if (item.layers.some((layer) => onTheWay.has(layer))) {
        index += 1;
        continue;
      }
      waiting.splice(index, 1);
      const turn: Promise<void> = run(item).finally(() => running.delete(turn));
      running.add(turn);
    }
    await Promise.race(running);
  }
}
