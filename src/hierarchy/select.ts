/** Which stages a command line means, and what they stand on. */
import { closest, distance } from 'fastest-levenshtein';
import picomatch from 'picomatch';
import { DwtError } from '../errors.ts';
import type { Hierarchy, Stage } from './hierarchy.ts';

/**
 * The candidates that the patterns name, each once, in the candidates' order. A pattern is an exact name or a glob
 * (`python-*`); without patterns every candidate is meant. Every pattern that matches nothing is an error, and they
 * are all named.
 */
export function selectStages(patterns: readonly string[], candidates: readonly string[]): string[] {
  if (patterns.length === 0) return [...candidates];
  const known = new Set(candidates);
  const selected = new Set<string>();
  const missing: string[] = [];
  for (const pattern of patterns) {
    const name = pattern.toLowerCase();
    const found = known.has(name) ? [name] : isGlob(pattern) ? matching(name, candidates) : [];
    if (found.length === 0) missing.push(pattern);
    for (const stage of found) selected.add(stage);
  }
  if (missing.length > 0) throw unknownStages(missing, candidates);
  return candidates.filter((candidate) => selected.has(candidate));
}

const isGlob = (pattern: string): boolean => /[*?[\]{}!()]/.test(pattern);

function matching(pattern: string, candidates: readonly string[]): string[] {
  try {
    const matches = picomatch(pattern, { dot: true, nonegate: true });
    return candidates.filter((candidate) => matches(candidate));
  } catch {
    return [];
  }
}

function unknownStages(missing: readonly string[], candidates: readonly string[]): DwtError {
  const quoted = missing.map((pattern) => `"${pattern}"`);
  const list = quoted.length === 1 ? quoted[0] : `${quoted.slice(0, -1).join(', ')} and ${quoted.at(-1)}`;
  const verb = missing.some((pattern) => !isGlob(pattern))
    ? 'is a stage of this project'
    : 'matches a stage of this project';
  const message =
    missing.length === 1
      ? `No stage ${isGlob(missing[0] ?? '') ? 'matches' : 'is called'} ${list}.`
      : `None of ${list} ${verb}.`;
  const near = missing.map((pattern) => nearest(pattern, candidates)).filter((name) => name !== null);
  const hint =
    candidates.length === 0
      ? 'This project has no stages that are images.'
      : near.length > 0
        ? `Did you mean ${[...new Set(near)].join(' and ')}?`
        : `Stages are ${candidates.slice(0, 20).join(', ')}${candidates.length > 20 ? ', …' : ''}.`;
  return new DwtError('STAGE_UNKNOWN', message, { hint });
}

/** The candidate that was most likely meant, or null where none is near. */
export function nearest(word: string, candidates: readonly string[]): string | null {
  if (candidates.length === 0) return null;
  const plain = word.toLowerCase().replace(/[*?[\]{}!()]/g, '');
  const name = closest(plain, [...candidates]);
  return distance(plain, name) <= Math.max(2, Math.ceil(plain.length / 3)) ? name : null;
}

/** The named stages and every stage that they stand on or take files from, in file order. */
export function closure(hierarchy: Pick<Hierarchy, 'stages'>, names: Iterable<string>): Stage[] {
  const byName = new Map(hierarchy.stages.map((stage) => [stage.name, stage]));
  const reached = new Set<string>();
  const open = [...names];
  for (let name = open.pop(); name !== undefined; name = open.pop()) {
    const stage = byName.get(name);
    if (!stage || reached.has(name)) continue;
    reached.add(name);
    if (stage.parent !== null) open.push(stage.parent);
    open.push(...stage.uses);
  }
  return hierarchy.stages.filter((stage) => reached.has(stage.name));
}
