/** Check 8: it starts and serves on a network with no way out. */
import { enumerate, fail, type Judgement, pass, plural } from './check.ts';
import type { InsideEvidence } from './evidence.ts';

export interface IsolationEvidence {
  /** Null where it ended before anybody could look. */
  readonly inside: Pick<InsideEvidence, 'wayOut' | 'resolver' | 'withoutRoute'> | null;
  /** Names of the outside that it asked for. */
  readonly asked: readonly string[];
  readonly served: boolean;
}

/** Null where nothing can be said: it did not serve, and nothing shows that the network was why. */
export function judgeIsolation({ inside, asked, served }: IsolationEvidence): Judgement | null {
  const open = inside?.wayOut.find(({ result }) => result === 'connected');
  if (open)
    return fail(
      `the network that it was judged on leads out: ${open.address} answered`,
      'The engine does not isolate internal networks; its firewall rules may be missing.',
    );
  if (inside?.resolver.answer === 'resolved')
    return fail(
      `the network that it was judged on resolves names of the outside (${inside.resolver.server})`,
    );
  const wanted = [
    ...(asked.length > 0
      ? [
          `it asked for ${enumerate(
            asked.map((name) => JSON.stringify(name)),
            4,
          )}`,
        ]
      : []),
    ...(inside && inside.withoutRoute > 0 ? [`${plural(inside.withoutRoute, 'packet')} had no route`] : []),
  ];
  if (served) {
    const closed = inside
      ? `no way out (${inside.wayOut.map(({ address, result }) => `${address}: ${result}`).join(', ')}; no name resolves)`
      : 'no way out';
    return pass(`serves with ${closed}${wanted.length > 0 ? `; in vain ${wanted.join(', ')}` : ''}`);
  }
  if (asked.length === 0) return null;
  return fail(
    `it does not serve where there is no way out, and ${wanted.join(', ')}`,
    'What it needs from the outside belongs into the image, or must not be needed to start.',
  );
}
