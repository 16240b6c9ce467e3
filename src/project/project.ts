/** A project: a folder with a Dockerfile, and what `dwt.yaml` says that the Dockerfile cannot. */
import type { Location } from '../errors.ts';
import type { Hierarchy, Stage } from '../hierarchy/hierarchy.ts';

export type Kind = 'shared' | 'tool' | 'visualisation' | 'sidecar' | 'job';

/** Where an image is published: `suffix` completes an environment's repository pattern. */
export interface Publish {
  readonly suffix: string;
  readonly tag: string;
}

/** What must be seen of a page. */
export type PageMark = { readonly text: string } | { readonly selector: string };

export interface PageSettings {
  readonly path: string;
  /** All of these. */
  readonly visible: readonly PageMark[];
  /** Seconds until all of them are seen. */
  readonly within: number;
  /** Variables that tell the tool its path behind a proxy, with `{prefix}` still in them; null where it takes none. */
  readonly prefix: Readonly<Record<string, string>> | null;
  /** Words of a problem that is none → why it is none. */
  readonly allow: Readonly<Record<string, string>>;
}

export interface MetricsSettings {
  readonly path: string;
  readonly port: number;
  /** Names that must have samples; null for the usual ones. */
  readonly names: readonly string[] | null;
}

export interface EndSettings {
  /** Seconds. */
  readonly within: number;
  readonly status: readonly number[];
}

export interface SyncSettings {
  /** Where the sidecar has the tool's home. */
  readonly home: string;
  /** Seconds that a file may take, each way. */
  readonly within: number;
}

/** What a stage's checks are told beyond their defaults; inherited along FROM. */
export interface CheckSettings {
  readonly http?: { readonly path: string; readonly status: readonly number[] };
  /** Seconds until the first right answer on 8888. */
  readonly readyWithin?: number;
  readonly page?: PageSettings;
  /** Shell commands by name. */
  readonly commands?: Readonly<Record<string, string>>;
  readonly metrics?: MetricsSettings;
  readonly sync?: SyncSettings;
  readonly ends?: EndSettings;
}

/** An optional part of a stage. */
export interface Feature {
  readonly description: string | null;
  /** Package sources and artifacts that nothing but the feature needs. */
  readonly needs: readonly string[];
  /** Left out unless it is asked for. */
  readonly optIn: boolean;
}

/** What a build has of the features. */
export interface FeatureChoice {
  /** Names of those that are left out. */
  readonly without: ReadonlySet<string>;
  /** Names of those that are in because they were asked for. */
  readonly asked: ReadonlySet<string>;
}

export interface Artifact {
  readonly url: string;
  readonly sha256: string | null;
  /** Whether it only stands in for the real one. */
  readonly standIn: boolean;
  /** Where the project file names it. */
  readonly location?: Location;
}

export interface StageSettings {
  readonly kind: Kind;
  readonly description: string | null;
  readonly publish: Publish | null;
  readonly needs: readonly string[];
  /** By name; those of the stage itself. */
  readonly features: ReadonlyMap<string, Feature>;
  /** Merged with the parents' along FROM. */
  readonly checks: CheckSettings;
}

/** That an image kept its contract, or that its page was right too. */
export type Proof = 'contract' | 'page';

export interface RepositorySettings {
  /** Tags that are there can never be moved. */
  readonly immutable: boolean;
  /** Images are scanned when they are pushed. */
  readonly scan: boolean;
}

export interface Environment {
  readonly name: string;
  /** With `${VARIABLE}` still in it; substituted when the environment is used. */
  readonly registry: string;
  /** With `{suffix}` still in it. */
  readonly repository: string;
  /** Repository of the records of releases, with variables as above; null for `repository` with the suffix "releases". */
  readonly releases: string | null;
  /** Whether an image that lacks a feature of its stage is refused. */
  readonly allFeatures: boolean;
  /** What must be proved of an image that is pushed here; null for nothing. */
  readonly proved: Proof | null;
  /** How repositories that are missing at ECR are made, when that is asked for. */
  readonly create: RepositorySettings;
  /** Where the project file says so. */
  readonly locations?: {
    readonly registry: Location;
    readonly repository: Location;
    readonly releases?: Location;
  };
}

export interface Project extends FeatureChoice {
  /** Absolute path of the folder that is the build context. */
  readonly folder: string;
  readonly name: string;
  /** Dockerfile's path relative to `folder`. */
  readonly dockerfile: string;
  readonly hierarchy: Hierarchy;
  /** By stage name; every stage of the hierarchy has an entry. */
  readonly settings: ReadonlyMap<string, StageSettings>;
  readonly environments: ReadonlyMap<string, Environment>;
  readonly artifacts: ReadonlyMap<string, Artifact>;
}

/** The image's name on the engine: `NAME/STAGE:latest`. */
export const imageReference = (project: Pick<Project, 'name'>, stage: Stage['name']): string =>
  `${project.name}/${stage}:latest`;
