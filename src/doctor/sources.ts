/** Package sources, each asked through its own client's defaults; and the certificates that builds trust. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Engine } from '../engine/engine.ts';
import { findProgram, run } from '../host/command.ts';
import { readBuildCa } from '../secrets/build-ca.ts';
import { type Check, fail, ok, warn } from './check.ts';
import { inContainer } from './container.ts';

export const sourceNames = ['debian', 'pypi', 'npm', 'conda', 'cran'] as const;
export type SourceName = (typeof sourceNames)[number];

interface Place {
  readonly engine: Engine | null;
  readonly environment: NodeJS.ProcessEnv;
  readonly signal: AbortSignal;
}

/** For each source, commands that ask it for the least that proves it; the first whose program is there is run. */
const clients: Readonly<Record<SourceName, readonly (readonly string[])[]>> = {
  debian: [['apt-get', '-o', 'Acquire::Retries=1', '-o', 'APT::Update::Error-Mode=any', '-q', 'update']],
  pypi: [
    ['pip3', 'index', 'versions', 'pip'],
    ['pip', 'index', 'versions', 'pip'],
  ],
  npm: [['npm', 'ping']],
  conda: [
    ['micromamba', 'search', '--quiet', 'tini'],
    ['mamba', 'search', '--quiet', 'tini'],
    ['conda', 'search', '--quiet', 'tini'],
  ],
  cran: [
    [
      'Rscript',
      '-e',
      'stopifnot(nrow(available.packages(contriburl = contrib.url(getOption("repos")))) > 0)',
    ],
  ],
};

/** Longest time that a source may take, in milliseconds. */
const sourceTimeoutMs = 60_000;

const sourceHint = (source: SourceName): string =>
  `Check the way to ${source} from here: proxy settings, certificates, and the mirror that its client is configured for.`;

export async function checkSource(
  source: SourceName,
  { engine, environment, signal }: Place,
): Promise<Check> {
  const name = `source ${source}`;
  if (source === 'debian' && engine !== null) {
    const seen = await inContainer(engine, aptInContainer, 'bridge').catch(() => null);
    if (seen?.exitCode === 0) return ok(name, 'answers in a container, where builds run');
    if (seen)
      return fail(
        name,
        `does not answer in a container: ${lastLine(seen.stderr || seen.stdout)}`,
        sourceHint(source),
      );
  }
  const client = clients[source].find(([program = '']) => findProgram(program, environment) !== null);
  if (!client) {
    const programs = [...new Set(clients[source].map(([program]) => program))].join(', ');
    return warn(name, `not known: this machine has no ${programs} to ask it with`, null);
  }
  const [program = '', ...parameters] = client;
  const limited = AbortSignal.any([signal, AbortSignal.timeout(sourceTimeoutMs)]);
  // apt is to write its lists elsewhere: looking changes nothing, and needs no root.
  const scratch = await mkdtemp(join(tmpdir(), 'dwt-doctor-'));
  const aside =
    program === 'apt-get' ? ['-o', `Dir::State::Lists=${scratch}`, '-o', `Dir::Cache=${scratch}`] : [];
  try {
    const asked = await run(program, [...aside, ...parameters], { environment, signal: limited });
    if (asked.exitCode === 0) return ok(name, `answers ${program} on this machine`);
    return fail(
      name,
      `does not answer ${program} on this machine: ${lastLine(asked.tail)}`,
      sourceHint(source),
    );
  } catch (thrown) {
    if (signal.aborted) throw thrown;
    return fail(name, `does not answer ${program} within ${sourceTimeoutMs / 1000} s`, sourceHint(source));
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

/** The container is thrown away, and its package lists with it. */
const aptInContainer = clients.debian[0] ?? [];

const lastLine = (text: string): string => text.trim().split('\n').at(-1)?.trim() ?? '';

export async function checkCertificates(environment: NodeJS.ProcessEnv): Promise<Check> {
  const bundle = await readBuildCa(null, environment);
  if (bundle === null) {
    return warn(
      'certificates',
      'this machine has no bundle of CAs, so builds trust those of their images',
      null,
    );
  }
  const count = Buffer.from(bundle).toString('latin1').split('-----BEGIN CERTIFICATE-----').length - 1;
  return ok(
    'certificates',
    `${count} CAs that this machine trusts; build steps get them as the secret build-ca, also that of a proxy which signs anew`,
  );
}
