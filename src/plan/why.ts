/** Why a stage is built, in people's words: what is recorded of the image that is there against what is there now. */
import { featureArgument } from '../project/features.ts';
import type { StageInputs } from './inputs.ts';
import type { StageRecord } from './record.ts';

export type Reason =
  | 'new'
  | 'no-image'
  | 'no-cache'
  | 'base-image'
  | 'parent'
  | 'uses'
  | 'platform'
  | 'feature'
  | 'cache-ttl'
  | 'arguments'
  | 'instructions'
  | 'files'
  | 'remote'
  | 'artifact'
  | 'other'
  | 'unchanged';

export interface Why {
  readonly reason: Reason;
  /** One phrase, lower case, without a full stop. */
  readonly detail: string;
}

/** The argument that makes package steps run again; see `epoch.ts`. */
export const epochArgument = 'PACKAGES_EPOCH';

const mostNamed = 3;

/**
 * @param inputs Those that `now` records.
 * @param start Line of the stage's FROM.
 */
export function changes(before: StageRecord, now: StageRecord, inputs: StageInputs, start: number): Why[] {
  const features = featureChanges(before, now);
  const found = [
    ...imageChanges(before, now),
    ...parentChanges(before, now),
    ...usesChanges(before, now),
    ...platformChanges(before, now),
    ...features,
    ...argumentChanges(before, now, inputs),
    ...instructionChanges(before, now, inputs, start),
    ...fileChanges(before, now),
    ...artifactChanges(before, now, features.length > 0),
  ];
  return found.length > 0
    ? found
    : [{ reason: 'other', detail: 'something changed that the image at hand does not record' }];
}

function imageChanges(before: StageRecord, now: StageRecord): Why[] {
  return differing(before.images, now.images).map(({ name, was, is }) => ({
    reason: 'base-image',
    detail:
      was === undefined
        ? `${name} is new`
        : is === undefined
          ? `${name} is no longer used`
          : is === null
            ? `what ${name} is now cannot be told`
            : `${name} is another image now`,
  }));
}

function parentChanges({ parent: was, ...before }: StageRecord, { parent: is }: StageRecord): Why[] {
  if (before.platforms === undefined || was?.join() === is?.join()) return [];
  if (!is) return [{ reason: 'parent', detail: `it is no longer built on ${was?.[0]}` }];
  const [name] = is;
  return [{ reason: 'parent', detail: was?.[0] === name ? `${name} changed` : `it is built on ${name} now` }];
}

function usesChanges(before: StageRecord, now: StageRecord): Why[] {
  return differing(before.uses, now.uses).map(({ name, was, is }) => ({
    reason: 'uses',
    detail:
      was === undefined
        ? `it takes files from ${name} now`
        : is === undefined
          ? `it no longer takes files from ${name}`
          : `${name} changed, which it takes files from`,
  }));
}

function platformChanges({ platforms: was }: StageRecord, { platforms: is }: StageRecord): Why[] {
  if (!was || !is || was.join() === is.join()) return [];
  const [at = 0] = was[0] === is[0] ? [1] : [0];
  return [
    {
      reason: 'platform',
      detail: `${is[at] ?? "the engine's own"} instead of ${was[at] ?? "the engine's own"}`,
    },
  ];
}

function featureChanges(before: StageRecord, now: StageRecord): Why[] {
  if (before.platforms === undefined) return [];
  const was = new Set(before.features);
  const is = new Set(now.features);
  const known = (name: string, features: Set<string>) => features.has(name) || features.has(`-${name}`);
  const nameOf = (text: string) => text.replace(/^-/, '');
  return [
    ...[...is]
      .filter((text) => !was.has(text))
      .map((text) => (text.startsWith('-') ? `${nameOf(text)} is left out now` : `${text} is in it now`)),
    ...[...was]
      .filter((text) => !known(nameOf(text), is))
      .map((text) => `${nameOf(text)} is no feature any more`),
  ].map((detail) => ({ reason: 'feature' as const, detail }));
}

/** @param told Whether a feature changed, with which its artifacts come and go. */
function artifactChanges(before: StageRecord, now: StageRecord, told: boolean): Why[] {
  if (before.platforms === undefined) return [];
  return differing(before.artifacts, now.artifacts)
    .filter(({ was, is }) => !told || (was !== null && is !== null))
    .map(({ name, was, is }) => ({
      reason: 'artifact',
      detail:
        was === undefined
          ? `artifact ${name} is new`
          : is === undefined
            ? `artifact ${name} is no longer used`
            : is === null
              ? `artifact ${name} is left out now`
              : `artifact ${name} changed`,
    }));
}

function argumentChanges(before: StageRecord, now: StageRecord, { features }: StageInputs): Why[] {
  // A feature's argument changes with the feature, which is told in better words.
  const ofFeatures = new Set(features.map(({ name }) => featureArgument(name)));
  const names = differing(before.arguments, now.arguments)
    .map(({ name }) => name)
    .filter((name) => !ofFeatures.has(name));
  const others = names.filter((name) => name !== epochArgument);
  return [
    ...(others.length < names.length
      ? [{ reason: 'cache-ttl' as const, detail: 'packages are to be fetched again' }]
      : []),
    ...(others.length > 0 ? [{ reason: 'arguments' as const, detail: `${listed(others)} changed` }] : []),
  ];
}

function instructionChanges(
  { instructions: was }: StageRecord,
  { instructions: is = [] }: StageRecord,
  inputs: StageInputs,
  start: number,
): Why[] {
  if (was === undefined) return [];
  if (!Array.isArray(was) || !Array.isArray(is)) return [];
  const first = is.findIndex((hash, index) => hash !== was[index]);
  if (first !== -1) {
    const { keyword, lines } = inputs.instructions[first] ?? { keyword: '', lines: { start } };
    return [{ reason: 'instructions', detail: `line ${lines.start} (${keyword}) changed` }];
  }
  if (is.length === was.length) return [];
  const last = inputs.instructions.at(-1)?.lines.end ?? start;
  return [{ reason: 'instructions', detail: `what came after line ${last} is gone` }];
}

function fileChanges({ files: was, platforms }: StageRecord, { files: is }: StageRecord): Why[] {
  if (platforms === undefined) return [];
  if (typeof was === 'string' || typeof is === 'string') {
    return was === is || (typeof was === 'string' && typeof is === 'object')
      ? []
      : [{ reason: 'files', detail: 'some of its files changed' }];
  }
  const names = differing(was, is).map(({ name, was: old, is: now }) =>
    old === undefined ? `${name} is new` : now === undefined ? `${name} is gone` : `${name} changed`,
  );
  return names.length > 0 ? [{ reason: 'files', detail: listed(names) }] : [];
}

function differing<Value extends string | null>(
  was: Readonly<Record<string, Value>> = {},
  is: Readonly<Record<string, Value>> = {},
): { name: string; was: Value | undefined; is: Value | undefined }[] {
  const get = (record: Readonly<Record<string, Value>>, name: string): Value | undefined =>
    Object.hasOwn(record, name) ? record[name] : undefined;
  return [...new Set([...Object.keys(is), ...Object.keys(was)])]
    .map((name) => ({ name, was: get(was, name), is: get(is, name) }))
    .filter((entry) => entry.was !== entry.is);
}

const listed = (names: readonly string[]): string =>
  names.length > mostNamed
    ? `${names.slice(0, mostNamed).join(', ')} and ${names.length - mostNamed} more`
    : names.join(', ');
