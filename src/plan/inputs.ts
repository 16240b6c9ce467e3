/** All that decides what image a stage gives, and the content key made of it. */
import { createHash } from 'node:crypto';
import type { Instruction, Stage } from '../hierarchy/hierarchy.ts';

/** One file, folder or link that a stage reads. */
export interface StageFile {
  readonly path: string;
  /** Hash of its type, its executable bit and its content or target. */
  readonly digest: string;
}

/** An artifact that a stage reads. */
export interface StageArtifact {
  readonly name: string;
  /** Null where it is left out, or not known. */
  readonly sha256: string | null;
  /** Whether it only stands in for the real one. */
  readonly standIn: boolean;
}

export interface StageFiles {
  /** Of all the project's own files, their paths included; what is equal here gives equal images. */
  readonly digest: string;
  readonly count: number;
  /** Sorted by name. */
  readonly artifacts: readonly StageArtifact[];
  /** Sorted by path. */
  list(): readonly StageFile[];
}

/** An image from outside of the Dockerfile. */
export interface BaseImage {
  readonly reference: string;
  /** A digest of its content, or null where neither the engine nor a registry could tell. */
  readonly identity: string | null;
}

export interface StageInputs {
  readonly parent: { readonly name: string; readonly key: string } | null;
  /** What FROM names, then what COPY and mounts take from, each once. */
  readonly images: readonly BaseImage[];
  /** The platform of the build and that of FROM. */
  readonly platforms: readonly [string | null, string | null];
  readonly instructions: readonly Instruction[];
  /** Every argument that the stage declares, by name; null is not set, which is not the same as empty. */
  readonly arguments: readonly (readonly [name: string, value: string | null])[];
  readonly files: StageFiles;
  readonly uses: readonly { readonly name: string; readonly key: string }[];
  /** Sorted by name. */
  readonly features: readonly StageFeature[];
}

export interface StageFeature {
  readonly name: string;
  /** False where it is left out. */
  readonly isIn: boolean;
}

export interface InputSources {
  readonly buildArguments: Readonly<Record<string, string>>;
  readonly platform: string | null;
  /** By reference. */
  readonly images: ReadonlyMap<string, BaseImage>;
  readonly files: (stage: Stage) => StageFiles;
  readonly features: (stage: string) => readonly StageFeature[];
  /** Keys of the stages before this one in the file. */
  readonly key: (stage: string) => string;
}

// Arguments that BuildKit itself takes to heart, declared or not.
const builderArgument = /^(?:SOURCE_DATE_EPOCH$|BUILDKIT_)/;

export function stageInputs(stage: Stage, sources: InputSources): StageInputs {
  const named = (name: string) => ({ name, key: sources.key(name) });
  return {
    parent: stage.parent === null ? null : named(stage.parent),
    images: imagesOf(stage).map(
      (reference) => sources.images.get(reference) ?? { reference, identity: null },
    ),
    platforms: [sources.platform, stage.platform],
    instructions: stage.instructions,
    arguments: argumentsOf(stage, sources.buildArguments),
    files: sources.files(stage),
    uses: stage.uses.map(named),
    features: [...sources.features(stage.name)].sort((a, b) => (a.name < b.name ? -1 : 1)),
  };
}

/** What the stage downloads without anything that says what will come: only a build can tell whether it has changed. */
export function movingSources(stage: Stage): string[] {
  return stage.instructions.flatMap(({ uses }) =>
    uses.flatMap(({ from, sources }) => (from.kind === 'remote' && !from.fixed ? sources : [])),
  );
}

/** References of the images from outside that a stage takes anything from; `scratch` is none. */
export function imagesOf(stage: Stage): string[] {
  const taken = stage.instructions.flatMap(({ uses }) =>
    uses.flatMap(({ from }) => (from.kind === 'image' ? from.reference : [])),
  );
  return [...new Set([...(stage.image === null ? [] : [stage.image]), ...taken])].filter(
    (reference) => reference !== 'scratch',
  );
}

function argumentsOf(
  stage: Stage,
  given: Readonly<Record<string, string>>,
): (readonly [string, string | null])[] {
  const names = new Set(stage.arguments.keys());
  for (const name of Object.keys(given)) if (builderArgument.test(name)) names.add(name);
  return [...names]
    .sort()
    .map((name) => [name, (Object.hasOwn(given, name) ? given[name] : stage.arguments.get(name)) ?? null]);
}

// Changing what is hashed, or how, changes this: keys of two versions are never equal.
const version = 'dwt-key-1';

/** The content key: sha256 in hexadecimal of a JSON text that has one form for one set of inputs. */
export function keyOf(inputs: StageInputs): string {
  const { parent, images, platforms, instructions, files, uses, features } = inputs;
  return sha256(
    JSON.stringify([
      version,
      parent?.key ?? null,
      images.map(({ reference, identity }) => [reference, identity]),
      platforms,
      instructions.map(({ text }) => text),
      inputs.arguments,
      files.digest,
      uses.map(({ name, key }) => [name, key]),
      features.map(featureText),
      ...(files.artifacts.length > 0 ? [files.artifacts.map(artifactText)] : []),
    ]),
  );
}

const artifactText = ({ name, sha256: sum, standIn }: StageArtifact) => [
  name,
  sum,
  ...(standIn ? ['stand-in'] : []),
];

/** `cran`, or `-cran` where it is left out. */
export const featureText = ({ name, isIn }: StageFeature): string => (isIn ? name : `-${name}`);

export const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
