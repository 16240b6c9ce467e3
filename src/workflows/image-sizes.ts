/** What each stage of the hierarchy adds to the size of an image: what a leaf itself costs, and what it shares. */
import pLimit from 'p-limit';
import type { Engine, ImageStep } from '../engine/engine.ts';
import type { Hierarchy, Stage } from '../hierarchy/hierarchy.ts';

export interface SizePart {
  /** A stage, or the image that the first one begins from. */
  readonly name: string;
  readonly bytes: number;
}

const asksAtOnce = 8;

/** By stage, from the base image to the stage itself; a stage whose image cannot be read so is left out. */
export async function measureImages(
  engine: Pick<Engine, 'imageHistory'>,
  hierarchy: Hierarchy,
  images: readonly { readonly stage: string; readonly id: string | null }[],
): Promise<Map<string, readonly SizePart[]>> {
  const limit = pLimit(asksAtOnce);
  const parts = new Map<string, readonly SizePart[]>();
  const measure = async (stage: string, id: string): Promise<void> => {
    const history = await engine.imageHistory(id).catch(() => null);
    const found = history && sizeParts(hierarchy, stage, history);
    if (found) parts.set(stage, found);
  };
  await Promise.all(images.map(({ stage, id }) => id !== null && limit(measure, stage, id)));
  return parts;
}

/**
 * An image's history has an entry for each instruction of its stages, after those of the image that they begin from.
 * Null where it reads otherwise, as with triggers of a base image.
 *
 * @param history oldest first
 */
export function sizeParts(
  { stages }: Hierarchy,
  stage: string,
  history: readonly ImageStep[],
): SizePart[] | null {
  const byName = new Map(stages.map((each) => [each.name, each]));
  const parts: SizePart[] = [];
  let end = history.length;
  let root: Stage | undefined;
  for (
    let next = byName.get(stage);
    next;
    next = next.parent === null ? undefined : byName.get(next.parent)
  ) {
    const start = end - next.instructions.length;
    if (start < 0) return null;
    const own = history.slice(start, end);
    if (!own.every(({ by }, index) => by.startsWith(`${next?.instructions[index]?.keyword} `))) return null;
    parts.push({ name: next.name, bytes: sum(own) });
    end = start;
    root = next;
  }
  if (!root) return null;
  const base = sum(history.slice(0, end));
  if (base > 0) parts.push({ name: root.image ?? 'scratch', bytes: base });
  return parts.reverse();
}

const sum = (steps: readonly ImageStep[]): number => steps.reduce((total, { bytes }) => total + bytes, 0);
