/**
 * What the program needs of a Docker engine. The only implementation is in this folder, over dockerode; nothing
 * outside it knows that client.
 */
import type { Duplex } from 'node:stream';

export interface EngineVersion {
  /** As the engine states it, such as `20.10.24+dfsg1`. */
  readonly version: string;
  /** The API version that was negotiated, such as `1.41`. */
  readonly api: string;
  readonly os: string;
  readonly architecture: string;
}

export interface EngineImage {
  readonly id: string;
  readonly references: readonly string[];
  /** `repository@sha256:…` known from pushes and pulls. */
  readonly digests: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
  /** Bytes. */
  readonly size: number;
}

/** The configuration of an image, from inspect. */
export interface ImageDetails extends EngineImage {
  readonly user: string;
  readonly entrypoint: readonly string[];
  readonly command: readonly string[];
  readonly environment: readonly string[];
  readonly exposedPorts: readonly string[];
  readonly layers: readonly string[];
  readonly architecture: string;
  readonly os: string;
  /** ISO 8601. */
  readonly created: string;
}

/** One entry of an image's history. */
export interface ImageStep {
  /** The instruction as the engine recorded it. */
  readonly by: string;
  /** What it adds. */
  readonly bytes: number;
}

/** One change of a vertex of BuildKit's graph, decoded. */
export type BuildProgress =
  | { readonly type: 'vertex-started'; readonly vertex: string; readonly name: string }
  | {
      readonly type: 'vertex-finished';
      readonly vertex: string;
      readonly name: string;
      readonly cached: boolean;
      readonly seconds: number;
      readonly error: string | null;
    }
  | {
      readonly type: 'vertex-status';
      readonly vertex: string;
      readonly item: string;
      readonly current: number;
      readonly total: number | null;
    }
  | {
      readonly type: 'vertex-log';
      readonly vertex: string;
      readonly stream: 1 | 2;
      readonly data: Uint8Array;
    }
  | { readonly type: 'warning'; readonly message: string };

export interface BuildRequest {
  /** Makes the tar of the context anew, for this attempt. */
  readonly context: () => NodeJS.ReadableStream;
  /** Path of the Dockerfile inside the context. */
  readonly dockerfile: string;
  /** Null for the last stage. */
  readonly target: string | null;
  readonly tags: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
  readonly buildArguments: Readonly<Record<string, string>>;
  readonly platform: string | null;
  readonly noCache: boolean;
  readonly pull: boolean;
  readonly session: BuildSession | null;
  /** A promise that it answers is waited for, so that a slow consumer slows the engine instead of filling memory. */
  readonly onProgress: (progress: BuildProgress) => void | Promise<void>;
  readonly signal: AbortSignal;
}

export interface BuildSession {
  readonly id: string;
  close(): Promise<void>;
}

/** Serves what BuildKit asks for during builds. Called only when asked; nothing is sent ahead. */
export interface SessionProviders {
  /** Credentials for a registry host, or null for anonymous. */
  readonly credentials: (host: string) => Promise<{ username: string; secret: string } | null>;
  /** Contents of a secret, or null where there is none of that id. */
  readonly secret: (id: string) => Promise<Uint8Array | null>;
}

export interface ContainerSpec {
  readonly name: string;
  readonly image: string;
  readonly command?: readonly string[];
  readonly entrypoint?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly user?: string;
  readonly labels?: Readonly<Record<string, string>>;
  /** Network name, `none`, `container:ID`. */
  readonly network?: string;
  /** `container:ID` to share another container's process table. */
  readonly pid?: string;
  /** Volume name → path in the container. */
  readonly volumes?: Readonly<Record<string, string>>;
  readonly capabilities?: readonly string[];
  /** Container ports published on the engine's loopback address, on free ports. */
  readonly publish?: readonly number[];
  /** Passed to the engine as HostConfig for what is not named above. */
  readonly host?: Readonly<Record<string, unknown>>;
}

export interface ContainerState {
  readonly id: string;
  readonly running: boolean;
  readonly exitCode: number | null;
  readonly oomKilled: boolean;
  /** Process id as the engine's host sees it; 0 where it does not run. */
  readonly pid: number;
  /** Network name → address. */
  readonly addresses: Readonly<Record<string, string>>;
  /** Container port → port on the engine's loopback address. */
  readonly published: Readonly<Record<number, number>>;
  /** ISO 8601. */
  readonly startedAt: string;
  readonly finishedAt: string;
}

export interface ExecResult {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Something that a run made on the engine and has to take away again. */
export interface EngineResource {
  readonly type: 'container' | 'network' | 'volume';
  /** What the remove call of its type takes: an id, or a volume's name. */
  readonly id: string;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
}

export interface Engine {
  /** Where it was reached, without credentials, as shown to people. */
  readonly url: string;
  /** Where the URL came from: `--engine`, `DOCKER_HOST`, `context NAME`, `default socket`, `private engine`. */
  readonly source: string;
  version(): Promise<EngineVersion>;

  /** Images that carry every one of these labels (`key` or `key=value`). */
  imagesByLabel(labels: readonly string[]): Promise<EngineImage[]>;
  /** Null where the engine has no such image. */
  inspectImage(reference: string): Promise<ImageDetails | null>;
  /** How the image came about, oldest first. */
  imageHistory(reference: string): Promise<ImageStep[]>;
  /** The digest that a registry has under this reference, asked by the engine; null where the registry has none. */
  remoteDigest(reference: string, auth: RegistryAuth | null): Promise<string | null>;
  pull(
    reference: string,
    auth: RegistryAuth | null,
    onProgress: (progress: TransferProgress) => void,
    signal: AbortSignal,
  ): Promise<void>;
  /** Answers the pushed manifest's digest. Throws what the engine said, untyped; the registry folder judges it. */
  push(
    reference: string,
    auth: RegistryAuth | null,
    onProgress: (progress: TransferProgress) => void,
    signal: AbortSignal,
  ): Promise<{ digest: string; size: number }>;
  tag(image: string, reference: string): Promise<void>;
  removeImage(reference: string): Promise<void>;
  /** Makes an image from a root file system's tar; answers its id. */
  importImage(tar: NodeJS.ReadableStream, reference: string, changes: readonly string[]): Promise<string>;
  /** Takes in images as `docker save` writes them: name and configuration are in the tar, so that the id is the writer's. */
  loadImage(tar: NodeJS.ReadableStream): Promise<void>;

  openSession(providers: SessionProviders): Promise<BuildSession>;
  /** Answers the id of the image that was built; anything else is an error. */
  build(request: BuildRequest): Promise<{ id: string }>;

  createContainer(spec: ContainerSpec): Promise<string>;
  startContainer(id: string): Promise<void>;
  containerState(id: string): Promise<ContainerState>;
  /** Runs a command in a running container and waits for it. */
  exec(
    id: string,
    command: readonly string[],
    options?: {
      user?: string;
      environment?: Readonly<Record<string, string>>;
      stdin?: string | Uint8Array;
      timeoutMs?: number;
    },
  ): Promise<ExecResult>;
  /**
   * Runs a command in a running container as a connection: what is written is its stdin, what is read its stdout. What
   * it says on stderr ends the connection with an error.
   */
  openExec(id: string, command: readonly string[], options?: { user?: string }): Promise<Duplex>;
  signalContainer(id: string, signal: string): Promise<void>;
  waitContainer(id: string, signal?: AbortSignal): Promise<number>;
  /** The last lines, stdout and stderr together. */
  containerLogs(id: string, tail: number): Promise<string>;
  /** What the container says from now on, stdout and stderr together, until it ends. */
  followLogs(id: string, signal: AbortSignal): AsyncIterable<Uint8Array>;
  /** A tar of a path in the container. */
  readArchive(id: string, path: string): Promise<NodeJS.ReadableStream>;
  writeArchive(id: string, path: string, tar: NodeJS.ReadableStream): Promise<void>;
  removeContainer(id: string): Promise<void>;
  createNetwork(
    name: string,
    options: { internal: boolean; subnet?: string; labels?: Readonly<Record<string, string>> },
  ): Promise<string>;
  connectNetwork(
    network: string,
    container: string,
    options?: { address?: string; aliases?: readonly string[] },
  ): Promise<void>;
  removeNetwork(id: string): Promise<void>;
  createVolume(name: string, labels?: Readonly<Record<string, string>>): Promise<void>;
  removeVolume(name: string): Promise<void>;
  /** Containers (stopped ones too), networks and volumes that carry every one of these labels (`key` or `key=value`). */
  resourcesByLabel(labels: readonly string[]): Promise<EngineResource[]>;

  close(): void;
}

export interface RegistryAuth {
  readonly username?: string;
  readonly password?: string;
  readonly identityToken?: string;
  /** A bearer token that the registry takes as it is. */
  readonly registryToken?: string;
  readonly serverAddress?: string;
}

export interface TransferProgress {
  /** A short form of the layer's digest, or of the name that the engine has for it. */
  readonly layer: string;
  readonly status: string;
  /** Whether a pushed layer is in the registry now: sent, found there, or taken from another repository. */
  readonly arrived: boolean;
  /** Whether a layer failed and the engine waits before it tries again: for up to 50 s, whatever the reason. */
  readonly struggles: boolean;
  readonly current: number | null;
  readonly total: number | null;
}
