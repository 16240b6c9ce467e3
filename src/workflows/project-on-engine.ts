/** A project as it is built on one engine: with the base image of `dwt base` where the official one is not there. */
import { standInArguments } from '../debian-base/reference.ts';
import type { Engine } from '../engine/engine.ts';
import type { Project } from '../project/project.ts';

interface WithBuildArguments {
  readonly buildArguments: Readonly<Record<string, string>>;
}

export interface ProjectOnEngine<Options, Reached> {
  readonly project: Project;
  readonly engine: Reached;
  /** The options given, with the build arguments that this engine asks for. */
  readonly options: Options;
}

/**
 * Loads the project, then reaches the engine, so that a mistake in the project is told first; loads it once more with
 * other arguments where the engine has a stand-in for its base image alone.
 */
export async function projectOnEngine<Options extends WithBuildArguments, Reached extends Engine | null>(
  load: (options: Options) => Promise<Project>,
  options: Options,
  connect: () => Promise<Reached>,
): Promise<ProjectOnEngine<Options, Reached>> {
  const project = await load(options);
  const engine = await connect();
  if (engine === null) return { project, engine, options };
  const isOnEngine = async (reference: string) => (await engine.inspectImage(reference)) !== null;
  const { globalArguments } = project.hierarchy;
  const substituted = await standInArguments(globalArguments, options.buildArguments, isOnEngine);
  if (Object.keys(substituted).length === 0) return { project, engine, options };
  const changed = { ...options, buildArguments: { ...options.buildArguments, ...substituted } };
  return { project: await load(changed), engine, options: changed };
}
