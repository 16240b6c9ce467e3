/** Finds, reads and checks a project. */
import { readFile } from 'node:fs/promises';
import { basename, isAbsolute, join, relative, sep } from 'node:path';
import { DwtError } from '../errors.ts';
import { parseDockerfile } from '../hierarchy/parse.ts';
import { chooseFeatures, featureArguments, refuseFeatureArguments } from './features.ts';
import { locateProject } from './locate.ts';
import { checkProjectName, legalName } from './names.ts';
import type { Artifact, Environment, Project } from './project.ts';
import type { ProjectFile } from './project-file.ts';
import { declaredSettings, defaultSettings } from './settings.ts';

export interface LoadOptions {
  /** `--project`. */
  readonly project?: string;
  readonly cwd: string;
  /** Variables of the process. Nothing is substituted while loading: `resolveEnvironment` does that. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
  readonly buildArguments?: Readonly<Record<string, string>>;
  /** What is built for, such as `linux/arm64`. */
  readonly platform?: string;
  /** Names of features to be left out. */
  readonly without?: readonly string[];
  /** Names of features that are wanted where they are left out unless they are asked for. */
  readonly with?: readonly string[];
}

/**
 * Loads the project that `--project` names, or the nearest one.
 *
 * @throws DwtError PROJECT_NOT_FOUND, PROJECT_INVALID, DOCKERFILE_NOT_FOUND, DOCKERFILE_INVALID, STAGE_DUPLICATE, STAGE_MISMATCH or REFERENCE_INVALID, with the place; FEATURE_UNKNOWN.
 */
export async function loadProject(options: LoadOptions): Promise<Project> {
  const { folder, file } = await locateProject(options.project, options.cwd);
  const shown = (path: string): string => shownPath(path, options.cwd);
  const declared = file === null ? null : await readProjectFile(file, shown(file));
  const name = nameOf(declared, folder);
  const dockerfile = dockerfileOf(declared);
  const features = new Map<string, boolean>();
  for (const stage of Object.values(declared?.data.stages ?? {})) {
    for (const [feature, data] of Object.entries(stage?.features ?? {}))
      features.set(feature, features.get(feature) || (data?.['opt-in'] ?? false));
  }
  const choice = chooseFeatures({ with: options.with ?? [], without: options.without ?? [] }, features);
  const { buildArguments = {} } = options;
  refuseFeatureArguments(buildArguments, features.keys());
  const hierarchy = parseDockerfile(await readDockerfile(join(folder, dockerfile), shown), {
    file: shown(join(folder, dockerfile)),
    buildArguments: { ...buildArguments, ...featureArguments(choice) },
    ...(options.platform !== undefined && { platform: options.platform }),
  });
  return {
    folder,
    name,
    dockerfile,
    hierarchy,
    settings: declared ? declaredSettings(hierarchy, declared, choice.without) : defaultSettings(hierarchy),
    environments: environmentsOf(declared),
    artifacts: artifactsOf(declared),
    ...choice,
  };
}

/** The path as people would write it from where they are. */
function shownPath(path: string, cwd: string): string {
  const way = relative(cwd, path);
  return way.startsWith(`..${sep}..`) || isAbsolute(way) ? path : way;
}

async function readProjectFile(path: string, shown: string): Promise<ProjectFile> {
  // Only a project with a project file pays for YAML and its schema.
  const [read, { parseProjectFile }] = await Promise.all([tryRead(path), import('./project-file.ts')]);
  if (read.bytes) return parseProjectFile(decode(read.bytes, 'PROJECT_INVALID', shown), shown);
  throw new DwtError('PROJECT_INVALID', `The project file ${shown} cannot be read.`, {
    hint: reason(read.error),
    cause: read.error,
  });
}

async function readDockerfile(path: string, shown: (path: string) => string): Promise<string> {
  const { bytes, error } = await tryRead(path);
  if (bytes) return decode(bytes, 'DOCKERFILE_INVALID', shown(path));
  const missing = error.code === 'ENOENT' || error.code === 'ENOTDIR';
  const what = `The Dockerfile ${shown(path)} ${missing ? 'does not exist' : 'cannot be read'}.`;
  throw new DwtError('DOCKERFILE_NOT_FOUND', what, {
    hint: missing
      ? 'Name a folder with a Dockerfile by --project DIR, or its file by "dockerfile:" in dwt.yaml.'
      : reason(error),
    cause: error,
  });
}

type Read =
  | { readonly bytes: Buffer; readonly error?: never }
  | { readonly bytes?: never; readonly error: NodeJS.ErrnoException };

async function tryRead(path: string): Promise<Read> {
  try {
    return { bytes: await readFile(path) };
  } catch (error) {
    return { error: error as NodeJS.ErrnoException };
  }
}

const reason = (error: NodeJS.ErrnoException): string =>
  error.code === 'EACCES'
    ? 'You have no permission to read it.'
    : error.code === 'EISDIR'
      ? 'It is a folder.'
      : error.message;

/** Both files end up in messages to the engine, which are UTF-8. */
function decode(bytes: Buffer, code: 'PROJECT_INVALID' | 'DOCKERFILE_INVALID', file: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    const line = bytes.toString('utf8').split('\uFFFD', 1)[0]?.split('\n').length ?? 1;
    throw new DwtError(code, 'The file is not UTF-8.', {
      location: { file, line },
      hint: 'Save it as UTF-8.',
      cause,
    });
  }
}

function nameOf(file: ProjectFile | null, folder: string): string {
  const name = file?.data.name;
  if (name === undefined)
    return legalName(basename(folder) === 'dockerfiles' ? basename(join(folder, '..')) : basename(folder));
  checkProjectName(name, file?.locate(['name']));
  return name;
}

function dockerfileOf(file: ProjectFile | null): string {
  const written = file?.data.dockerfile;
  if (written === undefined) return 'Dockerfile';
  const path = join('.', written);
  if (!isAbsolute(written) && path !== '..' && !path.startsWith(`..${sep}`)) return path;
  throw new DwtError('PROJECT_INVALID', `The Dockerfile "${written}" is outside of the project's folder.`, {
    ...(file && { location: file.locate(['dockerfile']) }),
    hint: 'The folder is the build context, and the Dockerfile is in it.',
  });
}

function artifactsOf(file: ProjectFile | null): Map<string, Artifact> {
  const artifacts = new Map<string, Artifact>();
  for (const [name, declared] of Object.entries(file?.data.artifacts ?? {})) {
    const { url, sha256 = null, 'stand-in': standIn = false } = declared;
    const location = file?.locate(['artifacts', name], 'key');
    artifacts.set(name, { url, sha256, standIn, ...(location && { location }) });
  }
  return artifacts;
}

function environmentsOf(file: ProjectFile | null): Map<string, Environment> {
  const environments = new Map<string, Environment>();
  for (const [name, data] of Object.entries(file?.data.environments ?? {})) {
    const { registry, repository, releases = null, features, proved = null, create } = data;
    const at = (field: string) => file?.locate(['environments', name, field]);
    const [inRegistry, inRepository, inReleases] = [at('registry'), at('repository'), at('releases')];
    environments.set(name, {
      name,
      registry,
      repository,
      releases,
      allFeatures: features === 'all',
      proved,
      create: { immutable: create?.immutable ?? false, scan: create?.scan ?? false },
      ...(inRegistry &&
        inRepository && {
          locations: {
            registry: inRegistry,
            repository: inRepository,
            ...(releases !== null && inReleases && { releases: inReleases }),
          },
        }),
    });
  }
  return environments;
}
