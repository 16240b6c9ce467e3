/** The image that the probes run in: any with perl, so the Debian root that the project's images stand on. */
import { officialBase, ownBase } from '../debian-base/reference.ts';
import type { Engine } from '../engine/engine.ts';
import { DwtError } from '../errors.ts';

/** A Debian root that the engine has, else `otherwise`: for whoever must not wait for a pull, or cannot have one. */
export async function probeImageAtHand(engine: Engine, otherwise: string): Promise<string> {
  for (const candidate of [officialBase, ownBase]) if (await engine.inspectImage(candidate)) return candidate;
  return otherwise;
}

/** `wanted`: the user's choice, or null. Answers a reference that the engine has. */
export async function probeImage(
  engine: Engine,
  wanted: string | null,
  signal: AbortSignal,
): Promise<string> {
  const candidates = wanted === null ? [officialBase, ownBase] : [wanted];
  for (const candidate of candidates) {
    if (await engine.inspectImage(candidate)) return candidate;
  }
  const [first = officialBase] = candidates;
  try {
    await engine.pull(first, null, () => {}, signal);
    return first;
  } catch (cause) {
    if (signal.aborted) throw cause;
    throw new DwtError(
      'SETUP_FAILED',
      `The probes run in ${candidates.join(' or ')}; the engine has neither it nor can it pull it.`,
      {
        hint: 'Make the Debian root from packages with `dwt base`, then run again.',
        cause,
      },
    );
  }
}
