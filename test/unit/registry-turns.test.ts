import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { inTurns } from '../../src/workflows/push-turns.ts';

const turn = () => new Promise((resolve) => setImmediate(resolve));

/** Runs items and records which overlapped; each takes a few turns of the event loop. */
async function play(
  items: readonly (readonly string[])[],
  jobs: number,
  { fails = new Set<number>(), tells = false }: { fails?: ReadonlySet<number>; tells?: boolean } = {},
) {
  const running = new Set<number>();
  const there = new Set<string>();
  let collisions = 0;
  const overlaps: [number, number][] = [];
  const order: number[] = [];
  let most = 0;
  await inTurns(
    items.map((layers, index) => ({ layers, index })),
    jobs,
    async ({ index, layers }, arrived) => {
      for (const other of running) {
        overlaps.push([other, index]);
        collisions += (items[other] ?? []).filter(
          (layer) => layers.includes(layer) && !there.has(layer),
        ).length;
      }
      running.add(index);
      order.push(index);
      most = Math.max(most, running.size);
      for (const layer of layers) {
        await turn();
        if (!tells) continue;
        there.add(layer);
        arrived(layer);
      }
      for (let extra = 0; extra <= index % 3; extra++) await turn();
      running.delete(index);
      if (!fails.has(index)) for (const layer of layers) there.add(layer);
      return !fails.has(index);
    },
  );
  return { overlaps, order, most, collisions };
}

describe('the order of pushes', () => {
  test('sends what is shared once, then the rest at once', async () => {
    const { overlaps, order } = await play(
      [
        ['base', 'a'],
        ['base', 'b'],
        ['base', 'c'],
      ],
      4,
    );
    expect(order).toEqual([0, 1, 2]);
    expect(overlaps).toEqual([[1, 2]]);
  });

  test('waits for what is shared alone, where it is told of each layer', async () => {
    const { overlaps } = await play(
      [
        ['base', 'a', 'a2', 'a3'],
        ['base', 'b'],
      ],
      4,
      { tells: true },
    );
    expect(overlaps).toEqual([[0, 1]]);
  });

  test('does not wait for what arrived with an image that failed afterwards', async () => {
    const { most } = await play([['base', 'a'], ['base'], ['base']], 4, { tells: true, fails: new Set([0]) });
    expect(most).toBe(3);
  });

  test('lets others pass who share nothing', async () => {
    const { order } = await play([['base', 'a'], ['base', 'b'], ['other']], 4);
    expect(order).toEqual([0, 2, 1]);
  });

  test('sends a shared layer with the next one where the first failed', async () => {
    const { overlaps } = await play([['base'], ['base'], ['base']], 4, { fails: new Set([0]) });
    expect(overlaps).toEqual([]);
  });

  test('every item has its turn, within the bound, and no layer is on its way twice', async () => {
    const layer = fc.constantFrom('a', 'b', 'c', 'd', 'e');
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.uniqueArray(layer, { maxLength: 4 }), { maxLength: 8 }),
        fc.integer({ min: 1, max: 4 }),
        fc.boolean(),
        fc.uniqueArray(fc.nat(7)).map((indexes) => new Set(indexes)),
        async (items, jobs, tells, fails) => {
          const { order, most, collisions } = await play(items, jobs, { tells, fails });
          expect([...order].sort()).toEqual(items.map((_, index) => index));
          expect(most).toBeLessThanOrEqual(jobs);
          expect(collisions).toBe(0);
        },
      ),
      { numRuns: 100 },
    );
  });
});
