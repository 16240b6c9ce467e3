import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { inTurns } from '../../src/workflows/push-turns.ts';

/** Runs items and records which overlapped; each takes a few turns of the event loop. */
async function play(
  items: readonly (readonly string[])[],
  jobs: number,
  sent: readonly string[] = [],
  fails: ReadonlySet<number> = new Set(),
) {
  const running = new Set<number>();
  const there = new Set(sent);
  let collisions = 0;
  const overlaps: [number, number][] = [];
  const order: number[] = [];
  let most = 0;
  await inTurns(
    items.map((layers, index) => ({ layers, index })),
    jobs,
    sent,
    async ({ index }) => {
      for (const other of running) {
        overlaps.push([other, index]);
        collisions += (items[other] ?? []).filter(
          (layer) => items[index]?.includes(layer) && !there.has(layer),
        ).length;
      }
      running.add(index);
      order.push(index);
      most = Math.max(most, running.size);
      for (let turn = 0; turn <= index % 3; turn++) await new Promise((resolve) => setImmediate(resolve));
      running.delete(index);
      if (!fails.has(index)) for (const layer of items[index] ?? []) there.add(layer);
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

  test('does not wait for what is there', async () => {
    const { most } = await play(
      [
        ['base', 'a'],
        ['base', 'b'],
        ['base', 'c'],
      ],
      4,
      ['base'],
    );
    expect(most).toBe(3);
  });

  test('lets others pass who share nothing', async () => {
    const { order } = await play([['base', 'a'], ['base', 'b'], ['other']], 4);
    expect(order).toEqual([0, 2, 1]);
  });

  test('sends a shared layer with the next one where the first failed', async () => {
    const { overlaps } = await play([['base'], ['base'], ['base']], 4, [], new Set([0]));
    expect(overlaps).toEqual([]);
  });

  test('every item has its turn, within the bound, and no layer is on its way twice', async () => {
    const layer = fc.constantFrom('a', 'b', 'c', 'd', 'e');
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.uniqueArray(layer, { maxLength: 4 }), { maxLength: 8 }),
        fc.integer({ min: 1, max: 4 }),
        fc.uniqueArray(layer),
        fc.uniqueArray(fc.nat(7)).map((indexes) => new Set(indexes)),
        async (items, jobs, sent, fails) => {
          const { order, most, collisions } = await play(items, jobs, sent, fails);
          expect([...order].sort()).toEqual(items.map((_, index) => index));
          expect(most).toBeLessThanOrEqual(jobs);
          expect(collisions).toBe(0);
        },
      ),
      { numRuns: 50 },
    );
  });
});
