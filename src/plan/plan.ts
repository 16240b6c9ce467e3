/**
 * The plan: for each stage build or reuse, and why. A stage that is asked for is reused where its own image
 * (`NAME/STAGE:latest`) carries its content key. A stage that others only stand on needs no image: it is reused where
 * nothing built stands on it, or where any image of the project records it with its key, since its layers are in that
 * image. A key in the labels of an image of another name does not make that image the stage's: whatever is built FROM
 * one of our images inherits its labels.
 */
import type { PlannedArtifacts } from '../artifacts/artifact.ts';
import type { BuildContext } from '../context/context.ts';
import type { EngineImage } from '../engine/engine.ts';
import type { Stage } from '../hierarchy/hierarchy.ts';
import { featureArgument, featureArguments, featuresOf } from '../project/features.ts';
import { imageReference, type Project } from '../project/project.ts';
import type { EpochChoice } from './epoch.ts';
import {
  featureText,
  type InputSources,
  keyOf,
  movingSources,
  type StageFeature,
  type StageInputs,
  stageInputs,
} from './inputs.ts';
import type { KnownImages } from './known.ts';
import { recordOf, type StageRecord, shortKey, writeRecords } from './record.ts';
import { standInsLabel } from './stand-ins.ts';
import { changes, epochArgument, type Why } from './why.ts';

export interface PlannedStage {
  readonly name: string;
  /** The content key: 64 hexadecimal digits. */
  readonly key: string;
  readonly action: 'build' | 'reuse';
  /** At least one. */
  readonly why: readonly Why[];
  /** True where it was asked for, and so gets an image of its own. */
  readonly selected: boolean;
  /** The image's name on the engine, whether it is there or not. */
  readonly reference: string;
  /** The image that is reused; null where it is built, or has none of its own. */
  readonly image: EngineImage | null;
  /** For the image: all `dwt.*` labels and those of its base image. */
  readonly labels: Readonly<Record<string, string>>;
  readonly buildArguments: Readonly<Record<string, string>>;
  /** When packages were fetched, seconds since 1970, where the stage or what it stands on depends on it. */
  readonly epoch: string | null;
}

export interface Plan {
  /** Those asked for and all that they need, in the Dockerfile's order. */
  readonly stages: readonly PlannedStage[];
  readonly platform: string | null;
  readonly noCache: boolean;
  /** Those that the stages read. */
  readonly artifacts: PlannedArtifacts;
  /** The files that the keys were made of, for the tar of each build. */
  readonly context: BuildContext;
}

export interface PlanInput extends Omit<InputSources, 'key' | 'features'> {
  readonly project: Project;
  /** Names asked for. */
  readonly selected: ReadonlySet<string>;
  /** Those asked for and all that they need, in the Dockerfile's order. */
  readonly stages: readonly Stage[];
  /** Null where no engine tells what is built. */
  readonly known: KnownImages | null;
  readonly epoch: EpochChoice;
  readonly noCache: boolean;
  readonly artifacts: PlannedArtifacts;
}

interface Keyed {
  readonly stage: Stage;
  readonly key: string;
  readonly inputs: StageInputs;
  readonly epoch: string | null;
  /** What it, or a stage that it stands on, downloads unchecked; null for nothing. */
  readonly moving: string | null;
  /** Made when first asked for: most plans need few. */
  readonly record: () => StageRecord;
}

export function planStages(input: PlanInput): PlannedStage[] {
  const { epoch } = input.epoch;
  const given = epochGiven(input);
  const buildArguments =
    epoch === null || given ? input.buildArguments : { ...input.buildArguments, [epochArgument]: epoch };
  const keyed = new Map<string, Keyed>();
  const features = stageFeatures(input.project);
  for (const stage of input.stages) {
    const inputs = stageInputs(stage, {
      ...input,
      buildArguments,
      features,
      key: (name) => keyed.get(name)?.key ?? '',
    });
    const below = [stage.parent, ...stage.uses].flatMap((name) => (name && keyed.get(name)) || []);
    const sees = stage.arguments.has(epochArgument) || below.some(({ epoch: seen }) => seen !== null);
    const key = keyOf(inputs);
    let record: StageRecord | null = null;
    keyed.set(stage.name, {
      stage,
      inputs,
      key,
      record: () => {
        record ??= recordOf(key, inputs);
        return record;
      },
      epoch: sees ? (buildArguments[epochArgument] ?? null) : null,
      moving: movingSources(stage)[0] ?? below.find(({ moving }) => moving !== null)?.moving ?? null,
    });
  }
  // From the leaves to the roots: what every stage built on it is reused with, is reused with them.
  const needed = new Set<string>();
  const planned = [...keyed.values()].reverse().map((one) => {
    const stage = planStage(one, keyed, buildArguments, needed.has(one.stage.name), input);
    if (stage.action === 'build') {
      for (const name of [one.stage.parent, ...one.stage.uses]) if (name !== null) needed.add(name);
    }
    return stage;
  });
  return planned.reverse();
}

/** Whichever stage declares it, a feature is part of every stage that has its argument. */
function stageFeatures({ settings, hierarchy, without }: Project): (stage: string) => StageFeature[] {
  const names = [...featuresOf({ settings }).keys()];
  const stages = new Map(hierarchy.stages.map((stage) => [stage.name, stage]));
  return (stage) =>
    names
      .filter((name) => stages.get(stage)?.arguments.has(featureArgument(name)))
      .map((name) => ({ name, isIn: !without.has(name) }));
}

const epochGiven = (input: PlanInput): boolean => Object.hasOwn(input.buildArguments, epochArgument);

function planStage(
  one: Keyed,
  keyed: ReadonlyMap<string, Keyed>,
  buildArguments: Readonly<Record<string, string>>,
  needed: boolean,
  input: PlanInput,
): PlannedStage {
  const { stage, key, epoch } = one;
  const selected = input.selected.has(stage.name);
  const { why, image, reuse } = judge(one, selected, needed, input);
  const given = epoch === null ? input.buildArguments : buildArguments;
  return {
    name: stage.name,
    key,
    action: reuse ? 'reuse' : 'build',
    why: reuse ? why : [...why, ...missingArtifacts(one, input)],
    selected,
    reference: imageReference(input.project, stage.name),
    image: reuse ? image : null,
    get labels() {
      return labelsOf(one, keyed, input);
    },
    buildArguments: {
      ...given,
      ...featureArguments({
        without: seenOf(input.project.without, one, keyed, input),
        asked: seenOf(input.project.asked, one, keyed, input),
      }),
    },
    epoch,
  };
}

interface Judgement {
  readonly reuse: boolean;
  readonly image: EngineImage | null;
  readonly why: readonly Why[];
}

/** @param needed True where a stage that is to be built stands on this one or takes files from it. */
function judge(
  one: Keyed,
  selected: boolean,
  needed: boolean,
  { known, noCache, epoch }: PlanInput,
): Judgement {
  const { stage, key, inputs, moving } = one;
  const build = (...why: Why[]): Judgement => ({ reuse: false, image: null, why });
  if (noCache) return build({ reason: 'no-cache', detail: 'every step is to run again' });
  if (!known) return build({ reason: 'new', detail: 'no engine was asked what is built' });
  const own = known.own(stage.name);
  // The engine finds it unchanged by itself, and then takes its layers from the cache.
  if (moving !== null && (selected || needed) && own?.labels['dwt.key'] === key)
    return build({ reason: 'remote', detail: `what ${moving} gives may have changed` });
  if (own?.labels['dwt.key'] === key) {
    return {
      reuse: true,
      image: own,
      why: [{ reason: 'unchanged', detail: `built as ${own.id.replace('sha256:', '').slice(0, 12)}` }],
    };
  }
  const inside: Why = { reason: 'unchanged', detail: 'its layers are in the images built on it' };
  if (!selected && !needed) return { reuse: true, image: null, why: [inside] };
  const records = known.records(stage.name);
  const recorded = records.find((record) => record.key === shortKey(key));
  if (recorded && !selected) return { reuse: true, image: null, why: [inside] };
  if (recorded) return build({ reason: 'no-image', detail: 'it is built, but not as an image of its own' });
  const before: StageRecord | undefined = records[0];
  if (!before) return build({ reason: 'new', detail: 'it was not built yet' });
  return build(...changes(before, one.record(), inputs, stage.lines.start).map((why) => withAge(why, epoch)));
}

/** What keeps a build from starting. */
function missingArtifacts({ inputs }: Keyed, { artifacts }: PlanInput): Why[] {
  return inputs.files.artifacts
    .filter(({ name }) => artifacts.get(name)?.kind === 'missing')
    .map(({ name }) => ({ reason: 'artifact', detail: `artifact ${name} has no sha256 and was not given` }));
}

/** Of these features, those whose argument the stage has, or what it stands on; engines complain of the others. */
function seenOf(
  features: ReadonlySet<string>,
  one: Keyed,
  keyed: ReadonlyMap<string, Keyed>,
  { project }: PlanInput,
): string[] {
  if (features.size === 0) return [];
  const stages = standsOn(one, keyed).map(({ stage }) => stage);
  return [...features].filter((feature) => {
    const argument = featureArgument(feature);
    return (
      project.hierarchy.globalArguments.has(argument) || stages.some((stage) => stage.arguments.has(argument))
    );
  });
}

function withAge(why: Why, { expired }: EpochChoice): Why {
  if (why.reason !== 'cache-ttl' || expired === null) return why;
  return { ...why, detail: `its packages were fetched ${ageText(expired)} ago` };
}

function ageText(seconds: number): string {
  if (seconds < 120) return `${seconds} s`;
  if (seconds < 2 * 3600) return `${Math.floor(seconds / 60)} min`;
  return seconds < 48 * 3600 ? `${Math.floor(seconds / 3600)} h` : `${Math.floor(seconds / 86400)} days`;
}

function labelsOf(one: Keyed, keyed: ReadonlyMap<string, Keyed>, input: PlanInput): Record<string, string> {
  const { stage, key, epoch } = one;
  const features = standsOn(one, keyed).flatMap(({ inputs }) => inputs.features.map(featureText));
  const standIns = standsOn(one, keyed).flatMap(({ inputs }) =>
    inputs.files.artifacts.filter(({ standIn }) => standIn).map(({ name }) => name),
  );
  const root = rootOf(one, keyed);
  const base = root.inputs.images.find(({ reference }) => reference === root.stage.image);
  return {
    'dwt.project': input.project.name,
    'dwt.stage': stage.name,
    'dwt.kind': input.project.settings.get(stage.name)?.kind ?? 'shared',
    'dwt.key': key,
    'dwt.inputs': writeRecords(recordsOf(one, keyed)),
    ...(features.length > 0 && { 'dwt.features': [...new Set(features)].sort(byFeature).join(',') }),
    ...(standIns.length > 0 && { [standInsLabel]: [...new Set(standIns)].sort().join(',') }),
    ...(epoch !== null && { 'dwt.epoch': epoch }),
    ...(root.stage.image !== null && { 'org.opencontainers.image.base.name': root.stage.image }),
    ...(base?.identity?.startsWith('sha256:') && { 'org.opencontainers.image.base.digest': base.identity }),
  };
}

function rootOf(one: Keyed, keyed: ReadonlyMap<string, Keyed>): Keyed {
  let root = one;
  while (root.stage.parent !== null) {
    const parent = keyed.get(root.stage.parent);
    if (!parent) break;
    root = parent;
  }
  return root;
}

/** By name, whether it is in or left out. */
const byFeature = (a: string, b: string): number => (a.replace(/^-/, '') < b.replace(/^-/, '') ? -1 : 1);

/** Made as they are asked for. */
function* recordsOf(one: Keyed, keyed: ReadonlyMap<string, Keyed>): Generator<[string, StageRecord]> {
  for (const found of standsOn(one, keyed)) yield [found.stage.name, found.record()];
}

/** The stage, and what it stands on or takes files from, nearest first. */
function standsOn(one: Keyed, keyed: ReadonlyMap<string, Keyed>): Keyed[] {
  const found = new Set([one]);
  for (const { stage } of found) {
    for (const name of [stage.parent, ...stage.uses]) {
      const next = name === null ? undefined : keyed.get(name);
      if (next) found.add(next);
    }
  }
  return [...found];
}
