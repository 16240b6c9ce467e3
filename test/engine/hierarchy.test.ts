/** The engine's own frontend against `parseDockerfile`: the same files accepted, the same stages and sources found. */
import { randomBytes } from 'node:crypto';
import { posix } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import Docker from 'dockerode';
import tar from 'tar-stream';
import { DwtError } from '../../src/errors.ts';
import type { Hierarchy, Stage } from '../../src/hierarchy/hierarchy.ts';
import { parseDockerfile } from '../../src/hierarchy/parse.ts';
import { closure } from '../../src/hierarchy/select.ts';
import { testEngine } from '../support/engine.ts';
import { type Case, cases } from './hierarchy-cases.ts';

interface Verdict {
  readonly id: string | null;
  readonly errors: readonly string[];
  /** `[stage 1/2] COPY a /` as the engine named its steps. */
  readonly steps: readonly { readonly stage: string; readonly text: string }[];
}

jest.setTimeout(60_000);

let docker: Docker;
/** Whether the engine is older than a version such as 27.3. */
let isBefore: (version: string) => boolean;
const images = new Set<string>();
/** Makes each run's files its own, so that no step is shared with somebody else's build. */
const nonce = randomBytes(8).toString('hex');

beforeAll(async () => {
  const url = new URL(testEngine());
  docker =
    url.protocol === 'unix:'
      ? new Docker({ socketPath: url.pathname })
      : new Docker({ protocol: 'http', host: url.hostname, port: Number(url.port) });
  const { Version } = await docker.version();
  const [major = 0, minor = 0] = Version.split('.').map(Number);
  isBefore = (version) => {
    const [wantedMajor = 0, wantedMinor = 0] = version.split('.').map(Number);
    return major < wantedMajor || (major === wantedMajor && minor < wantedMinor);
  };
});

afterAll(async () => {
  for (const id of images)
    await docker
      .getImage(id)
      .remove({ force: true })
      .catch(() => undefined);
});

async function ask(
  source: string,
  target: string | null,
  buildArguments: Readonly<Record<string, string>> = {},
): Promise<Verdict> {
  const context = tar.pack();
  context.entry({ name: 'Dockerfile' }, source);
  for (const name of ['a', 'b', 'd/x']) context.entry({ name }, `${name} ${nonce}`);
  context.finalize();
  const options = {
    version: '2' as const,
    buildargs: { ...buildArguments },
    ...(target !== null && { target }),
  };
  const lines = (await text(await docker.buildImage(context as unknown as NodeJS.ReadableStream, options)))
    .split('\n')
    .filter(Boolean);
  const errors: string[] = [];
  const steps = new Map<string, Verdict['steps'][number]>();
  let id: string | null = null;
  for (const line of lines) {
    const record = JSON.parse(line) as { id?: string; error?: string; aux?: unknown };
    if (record.error !== undefined) errors.push(record.error);
    if (record.id === 'moby.image.id') id = (record.aux as { ID: string }).ID;
    if (record.id !== 'moby.buildkit.trace') continue;
    const trace = Buffer.from(String(record.aux), 'base64').toString('latin1');
    for (const name of vertexNames(trace)) {
      const [, stage = '', words = ''] = step.exec(name) ?? [];
      if (words !== '') steps.set(name, { stage, text: words });
    }
  }
  if (id !== null) images.add(id);
  return { id, errors, steps: [...steps.values()] };
}

const step = /^\[(?:([a-z][\w.-]*) +)?\d+\/\d+\] ((?:ONBUILD )?(?:COPY|ADD|RUN|WORKDIR)\s.*)$/;

/** The names in a status message of BuildKit: field 3 of a vertex, a length and as many bytes. */
function* vertexNames(trace: string): Generator<string> {
  const isTag = (at: number): boolean => trace.charCodeAt(at) === 0x1a;
  for (const { index } of trace.matchAll(/\[/g)) {
    const low = trace.charCodeAt(index - 2);
    const last = trace.charCodeAt(index - 1);
    const length = isTag(index - 2) ? last : isTag(index - 3) ? (low & 0x7f) + last * 128 : 0;
    if (length > 0) yield trace.slice(index, index + length);
  }
}

function parsed({ source, buildArguments }: Case): Hierarchy | DwtError {
  try {
    return parseDockerfile(source, { file: 'Dockerfile', ...(buildArguments && { buildArguments }) });
  } catch (error) {
    if (error instanceof DwtError) return error;
    throw error;
  }
}

const hasSteps = (stage: Stage): boolean =>
  stage.instructions.some(({ keyword }) => ['COPY', 'ADD', 'RUN', 'WORKDIR'].includes(keyword));

/** The engine calls a stage without a name `stage-N`, and the only stage of a file nothing. */
const nameOf = (stage: string, hierarchy: Hierarchy): string =>
  stage === '' ? (hierarchy.stages[0]?.name ?? '') : stage.replace(/^stage-(?=\d+$)/, '');

/** Sources of the COPY steps, as the engine shows them after substitution. */
const copied = (steps: Verdict['steps']): string[] =>
  steps
    .map(({ text: words }) => words)
    .filter((words) => /^(?:ONBUILD )?COPY\s(?!.*<<)/.test(words))
    .map((words) => words.replace(/^(?:ONBUILD )?COPY\s+(?:--\S*\s+)*/, ''))
    .flatMap((words) => words.split(/\s+/).slice(0, -1))
    .map((source) => posix.join('/', source).replace(/\/$/, ''));

const parsedSources = (stages: readonly Stage[]): string[] =>
  stages
    .flatMap((stage) => stage.instructions)
    .filter(({ keyword, text }) => keyword === 'COPY' && !text.includes('<<'))
    .flatMap(({ uses }) => uses)
    .flatMap(({ sources }) => sources)
    .map((source) => (source === '.' ? '' : `/${source}`));

const sorted = (values: Iterable<string>): string[] => [...new Set(values)].sort();

describe('what the engine accepts', () => {
  test.each(cases.filter(({ verdict }) => verdict === 'accepted'))('$title', async (wanted) => {
    const hierarchy = parsed(wanted);
    if (hierarchy instanceof Error) throw hierarchy;
    const differs = wanted.since !== undefined && isBefore(wanted.since);
    for (const stage of hierarchy.stages) {
      const last = stage.index === hierarchy.stages.length - 1;
      if (/^\d/.test(stage.name) && !last) continue;
      const verdict = await ask(wanted.source, last ? null : stage.name, wanted.buildArguments);
      if (differs && !wanted.before) {
        if (last) expect(verdict.id).toBeNull();
        continue;
      }
      expect(verdict.errors).toEqual([]);
      expect(verdict.id).toMatch(/^sha256:/);
      const needed = closure(hierarchy, [stage.name]);
      const seen = verdict.steps.map((step) => nameOf(step.stage, hierarchy));
      expect(sorted(seen)).toEqual(sorted(needed.filter(hasSteps).map(({ name }) => name)));
      if (!wanted.title.startsWith('JSON') && !wanted.title.startsWith('quotes in ENV')) {
        const same = expect(sorted(copied(verdict.steps)));
        (differs ? same.not : same).toEqual(sorted(parsedSources(needed)));
      }
    }
  });
});

describe('what the engine refuses', () => {
  test.each(cases.filter(({ verdict }) => verdict === 'refused'))('$title', async (wanted) => {
    const refusal = parsed(wanted);
    expect(refusal).toBeInstanceOf(DwtError);
    expect(refusal).toMatchObject({
      code: expect.stringMatching(/^(?:DOCKERFILE|REFERENCE)_INVALID$/),
      location: { line: expect.any(Number) },
    });
    const differs = wanted.since !== undefined && isBefore(wanted.since);
    // The panic would take everything with it that the engine runs.
    if (differs && wanted.before === 'panics') return;
    const target = refusal instanceof DwtError ? stageAt(wanted.source, refusal.location?.line ?? 1) : null;
    const verdict = await ask(wanted.source, target, wanted.buildArguments);
    if (differs) {
      expect(verdict.id).not.toBeNull();
      return;
    }
    expect(verdict.id).toBeNull();
    expect(verdict.errors).not.toEqual([]);
    const line = /dockerfile parse error (?:on )?line (\d+)/.exec(verdict.errors.join('\n'))?.[1];
    // An engine without heredocs takes the next line for an instruction.
    const comparable = line !== undefined && !(isBefore('23.0') && wanted.source.includes('<<'));
    if (comparable) expect(refusal).toMatchObject({ location: { line: Number(line) } });
  });
});

/** The name of the stage that a line stands in, where it has one: errors count only in stages that are built. */
function stageAt(source: string, line: number): string | null {
  const froms = source
    .split('\n')
    .slice(0, line)
    .filter((text) => /^\s*from\s/i.test(text));
  return /\sas\s+([a-z][a-z0-9_.-]*)\s*$/i.exec(froms.at(-1) ?? '')?.[1] ?? null;
}
