/** The flags of `build` as the workflows take them. */
import { resolve } from 'node:path';
import { DwtError } from '../errors.ts';
import { checkPlatform } from '../hierarchy/platform.ts';
import { conceal } from '../redact.ts';
import { type FlagsOfBuild, parseAssignments, parseDuration } from './flags.ts';

export interface BuildFlagValues {
  readonly buildArguments: Readonly<Record<string, string>>;
  readonly noCache: boolean;
  readonly cacheTtlMs: number | null;
  readonly platform: string | null;
  /** Names of the features to be left out. */
  readonly without: readonly string[];
  /** Names of the features that are wanted where they are left out unless asked for. */
  readonly with: readonly string[];
  /** Absolute paths of the files given for artifacts, by name. */
  readonly artifacts: ReadonlyMap<string, string>;
  /** File of `--build-ca`, or null. */
  readonly buildCa: string | null;
  readonly jobs: number;
  readonly keepGoing: boolean;
}

/** The engine decides how many steps run at once; with fewer targets in flight it would see too few of them. */
const defaultJobs = 16;

/** @throws DwtError USAGE */
export function readBuildFlags(flags: FlagsOfBuild, environment: NodeJS.ProcessEnv): BuildFlagValues {
  return {
    buildArguments: parseAssignments('build-arg', flags['build-arg'] ?? [], environment),
    noCache: flags['no-cache'],
    cacheTtlMs: flags['cache-ttl'] === undefined ? null : parseDuration('cache-ttl', flags['cache-ttl']),
    platform: flags.platform === undefined ? null : readPlatform(flags.platform),
    without: flags.without ?? [],
    with: flags.with ?? [],
    artifacts: readArtifacts(flags.artifact ?? []),
    buildCa: flags['build-ca'] ?? null,
    jobs: flags.jobs ?? defaultJobs,
    keepGoing: flags['keep-going'],
  };
}

/** @throws DwtError USAGE */
function readArtifacts(words: readonly string[]): Map<string, string> {
  const files = new Map<string, string>();
  for (const word of words) {
    const [, name, file] = /^([^=]+)=(.+)$/s.exec(word) ?? [];
    const hint = 'Write it as --artifact NAME=FILE.';
    if (name === undefined || file === undefined)
      throw new DwtError('USAGE', `--artifact ${word} does not name an artifact and its file.`, { hint });
    if (files.has(name))
      throw new DwtError('USAGE', `The artifact ${name} is given twice.`, { hint: 'Give one file for it.' });
    files.set(name, resolve(file));
  }
  return files;
}

/** @throws DwtError USAGE */
function readPlatform(platform: string): string {
  try {
    checkPlatform(platform);
  } catch (cause) {
    throw new DwtError('USAGE', `--platform ${platform} is no platform.`, {
      hint: 'Write OS/ARCHITECTURE, such as linux/arm64.',
      cause,
    });
  }
  return platform;
}

/**
 * `--secret` and `--build-ca` in the words of `docker buildx`, with whole paths: values stay where they are. Of a CA file
 * and the machine's own bundle, of which dwt itself serves both in one, the file is named.
 *
 * @throws DwtError SECRET_INVALID
 */
export async function secretWords(flags: FlagsOfBuild, environment: NodeJS.ProcessEnv): Promise<string[]> {
  const { parseSecretOption } = await import('../secrets/secret-option.ts');
  const { buildCaSecret, findSystemBundle } = await import('../secrets/build-ca.ts');
  const { resolve } = await import('node:path');
  const options = (flags.secret ?? []).map((words) => parseSecretOption(words, environment));
  const words = options.map(({ id, source }) =>
    source.kind === 'file' ? `id=${id},src=${resolve(source.path)}` : `id=${id},env=${source.name}`,
  );
  const authorities = flags['build-ca'] ?? (await findSystemBundle(environment))?.path;
  return authorities === undefined || options.some(({ id }) => id === buildCaSecret)
    ? words
    : [...words, `id=${buildCaSecret},src=${resolve(authorities)}`];
}

/**
 * Every secret's content by id, the trusted CAs among them, concealed from all output.
 *
 * @throws DwtError SECRET_INVALID
 */
export async function readBuildSecrets(
  flags: FlagsOfBuild,
  environment: NodeJS.ProcessEnv,
): Promise<Map<string, Uint8Array>> {
  const { parseSecretOption, readSecrets } = await import('../secrets/secret-option.ts');
  const { buildCaSecret, readBuildCa } = await import('../secrets/build-ca.ts');
  const secrets = await readSecrets(
    (flags.secret ?? []).map((words) => parseSecretOption(words, environment)),
    environment,
  );
  for (const content of secrets.values()) conceal(Buffer.from(content).toString('utf8'));
  const authorities = await readBuildCa(flags['build-ca'] ?? null, environment);
  if (authorities && !secrets.has(buildCaSecret)) secrets.set(buildCaSecret, authorities);
  return secrets;
}
