/** Features and artifacts: what the project file may say of them, and what they do to keys, labels, arguments and words. */
import { createHash } from 'node:crypto';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from '@jest/globals';
import { readBuildFlags } from '../../src/cli/build-options.ts';
import type { FlagsOfBuild } from '../../src/cli/flags.ts';
import { DwtError } from '../../src/errors.ts';
import type { DwtEvent } from '../../src/events.ts';
import { bakeFile, bakeWarnings } from '../../src/plan/bake.ts';
import type { Plan } from '../../src/plan/plan.ts';
import { resolveEnvironment } from '../../src/project/environments.ts';
import { loadProject } from '../../src/project/load.ts';
import { planBuild } from '../../src/workflows/plan.ts';
import { lackingFeatures } from '../../src/workflows/push-features.ts';
import { listStages } from '../../src/workflows/stages.ts';
import { engineWith, makeFolder, removeFolders } from './plan-project.ts';

afterAll(removeFolders);

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
const declared = sha256('the server');

const dockerfile = `ARG WITH_CRAN=yes
FROM debian:trixie AS base
RUN install
FROM base AS r
ARG WITH_CRAN
RUN [ -z "$WITH_CRAN" ] || install-from-cran
FROM r AS studio
ARG WITH_STUDIO=yes
RUN --mount=type=bind,source=artifacts/server,target=/mnt/server [ -z "$WITH_STUDIO" ] || install /mnt/server
FROM base AS python
RUN other
`;
const yaml = `version: 1
name: tools
environments:
  dev: {registry: localhost, repository: "{suffix}"}
  prod: {registry: localhost, repository: "{suffix}", features: all}
artifacts:
  server: {url: "https://example.com/server.deb", sha256: "${declared}"}
stages:
  base: {kind: shared}
  r:
    kind: shared
    features: {cran: {needs: [cran], description: From CRAN}}
  studio:
    kind: tool
    features:
      studio: {needs: [server]}
  python: {kind: tool}
`;

const folder = (changes: { yaml?: [string, string]; dockerfile?: [string, string] } = {}): string => {
  const replaced = (text: string, change?: [string, string]): string => {
    if (change) expect(text).toContain(change[0]);
    return change ? text.replace(...change) : text;
  };
  return makeFolder({
    'dwt.yaml': replaced(yaml, changes.yaml),
    Dockerfile: replaced(dockerfile, changes.dockerfile),
  });
};

interface Given {
  readonly with?: readonly string[];
  readonly without?: readonly string[];
  readonly artifacts?: Readonly<Record<string, string>>;
  readonly buildArguments?: Readonly<Record<string, string>>;
}

const cache = makeFolder({});
const events: DwtEvent[] = [];

async function plan(from: string, given: Given = {}, before: Plan | null = null): Promise<Plan> {
  const { with: asked = [], without = [], artifacts = {}, buildArguments = {} } = given;
  const project = await loadProject({ cwd: from, with: asked, without, buildArguments });
  const images = (before?.stages ?? [])
    .filter(({ selected }) => selected)
    .map(({ key, reference, labels }) => ({
      id: `sha256:${key}`,
      references: [reference],
      digests: [],
      labels,
      size: 1,
    }));
  events.length = 0;
  return planBuild({
    project,
    engine: engineWith(images, { 'debian:trixie': 'sha256:1' }),
    stages: [],
    buildArguments,
    noCache: false,
    cacheTtlMs: null,
    platform: null,
    artifacts: new Map(Object.entries(artifacts)),
    environment: { XDG_CACHE_HOME: cache },
    emit: (event) => events.push(event),
  });
}

const stageOf = ({ stages }: Plan, name: string) => {
  const found = stages.find((stage) => stage.name === name);
  if (!found) throw new Error(`${name} is not planned`);
  return found;
};
const keys = ({ stages }: Plan) => new Map(stages.map(({ name, key }) => [name, key]));
const changedKeys = (before: Plan, after: Plan) =>
  [...keys(before)].filter(([name, key]) => keys(after).get(name) !== key).map(([name]) => name);
const why = (planned: Plan, name: string) =>
  stageOf(planned, name).why.map(({ reason, detail }) => `${reason}: ${detail}`);

async function refusal(work: Promise<unknown>): Promise<DwtError> {
  const error: unknown = await work.then(
    () => null,
    (thrown: unknown) => thrown,
  );
  if (error instanceof DwtError) return error;
  throw error ?? new Error('it was accepted');
}

describe('the project file', () => {
  test('says which features a stage has', async () => {
    const project = await loadProject({ cwd: folder() });
    const { stages } = await listStages({ project, engine: null });
    expect(stages.map(({ name, features }) => [name, features])).toEqual([
      ['base', []],
      ['r', [{ name: 'cran', description: 'From CRAN', optIn: false }]],
      ['studio', [{ name: 'studio', description: null, optIn: false }]],
      ['python', []],
    ]);
    expect(project.environments.get('prod')?.allFeatures).toBe(true);
    expect(project.environments.get('dev')?.allFeatures).toBe(false);
    expect(resolveEnvironment(project, 'prod', {})).toEqual({
      registry: 'localhost',
      repository: '{suffix}',
      releases: 'releases',
    });
  });

  test.each<[string, Parameters<typeof folder>[0], string, number, string]>([
    [
      'a feature without its argument',
      { dockerfile: ['ARG WITH_STUDIO=yes\n', ''] },
      'The stage "studio" has the feature "studio" here and no ARG WITH_STUDIO in Dockerfile.',
      16,
      'Write ARG WITH_STUDIO=yes after line 7 of Dockerfile: --without studio makes it empty.',
    ],
    [
      'an argument that is empty as it is',
      { dockerfile: ['WITH_STUDIO=yes', 'WITH_STUDIO='] },
      'The feature "studio" of the stage "studio" is always left out: its ARG WITH_STUDIO is empty.',
      16,
      'Write ARG WITH_STUDIO=yes after line 7 of Dockerfile: --without studio makes it empty.',
    ],
    [
      'a need that is nothing',
      { yaml: ['[server]', '[sever]'] },
      'stages.studio.features.studio.needs has "sever", which is neither a package source nor an artifact of this file.',
      16,
      'Did you mean "server"?',
    ],
    [
      'a name that is none',
      { yaml: ['studio: {needs', 'Studio_1: {needs'] },
      'stages.studio.features has "Studio_1", which is no name of a feature.',
      16,
      'It has lower case letters and digits, with dashes between them, and starts with a letter.',
    ],
    [
      'an unknown key',
      { yaml: ['needs: [server]', 'need: [server]'] },
      'stages.studio.features.studio has an unknown key "need".',
      16,
      'Did you mean "needs"?',
    ],
    [
      'an artifact that is called as a package source',
      { yaml: ['server: {url', 'npm: {url'] },
      'The artifact "npm" has the name of a package source.',
      7,
      'Give it another name: a stage that needs it could mean either.',
    ],
    [
      'an artifact that no file can be called as',
      { yaml: ['server: {url', 'a/b: {url'] },
      'The artifact "a/b" has a name that no file can have.',
      7,
      'It has letters, digits, "_", "." and "-", and starts with a letter or digit.',
    ],
    [
      'an environment that wants some features',
      { yaml: ['features: all', 'features: some'] },
      'environments.prod.features is "some", and only all is allowed.',
      5,
      'Write "features: all".',
    ],
  ])('is refused with %s', async (_, changes, message, line, hint) => {
    const error = await refusal(loadProject({ cwd: folder(changes) }));
    expect(error).toMatchObject({ code: 'PROJECT_INVALID', message, hint });
    expect(error.location).toMatchObject({ line, file: expect.stringMatching(/dwt\.yaml$/) });
  });
});

describe('--without', () => {
  test('changes the keys of the stages that see the feature, and of those built on them', async () => {
    const from = folder();
    const whole = await plan(from);
    expect(changedKeys(whole, await plan(from, { without: ['studio'] }))).toEqual(['studio']);
    expect(changedKeys(whole, await plan(from, { without: ['cran'] }))).toEqual(['r', 'studio']);
    expect(changedKeys(whole, await plan(from, { without: ['cran', 'cran', 'studio'] }))).toEqual([
      'r',
      'studio',
    ]);
  });

  test('is said by the labels of the image and of all built on it', async () => {
    const from = folder();
    const labels = (planned: Plan) =>
      planned.stages.map(({ name, labels: found }) => [name, found['dwt.features']]);
    expect(labels(await plan(from))).toEqual([
      ['base', undefined],
      ['r', 'cran'],
      ['studio', 'cran,studio'],
      ['python', undefined],
    ]);
    expect(labels(await plan(from, { without: ['cran'] }))).toEqual([
      ['base', undefined],
      ['r', '-cran'],
      ['studio', '-cran,studio'],
      ['python', undefined],
    ]);
  });

  test('empties the argument where it is seen, in the bake file too', async () => {
    const from = folder();
    const planned = await plan(from, { without: ['cran', 'studio'] });
    expect(planned.stages.map(({ name, buildArguments }) => [name, buildArguments])).toEqual([
      ['base', { WITH_CRAN: '' }],
      ['r', { WITH_CRAN: '' }],
      ['studio', { WITH_CRAN: '', WITH_STUDIO: '' }],
      ['python', { WITH_CRAN: '' }],
    ]);
    const project = await loadProject({ cwd: from });
    expect(bakeFile(planned, project).target['studio']?.args).toEqual({ WITH_CRAN: '', WITH_STUDIO: '' });
    expect(bakeWarnings(planned)).toEqual([
      "docker buildx bake reads artifacts/server from the project's folder: put an empty file there.",
    ]);
  });

  test('is the reason of a build in words, once', async () => {
    const from = folder();
    const whole = await plan(from);
    const without = await plan(from, { without: ['studio'] }, whole);
    expect(why(without, 'studio')).toEqual(['feature: studio is left out now']);
    expect(why(await plan(from, {}, without), 'studio')).toEqual(['feature: studio is in it now']);
  });

  test('refuses what is no feature, with the nearest one', async () => {
    const error = await refusal(plan(folder(), { without: ['crna'] }));
    expect(error).toMatchObject({ code: 'FEATURE_UNKNOWN', hint: 'Did you mean "cran"?' });
    expect(await refusal(plan(folder(), { without: ['something'] }))).toMatchObject({
      hint: 'Features are cran, studio.',
    });
  });

  test("is the only way to a feature's argument", async () => {
    const error = await refusal(plan(folder(), { buildArguments: { WITH_CRAN: '' } }));
    expect(error).toMatchObject({ code: 'USAGE', hint: expect.stringContaining('--without cran') });
  });
});

describe('a feature that is left out unless it is asked for', () => {
  const optIn = () =>
    folder({
      yaml: ['studio: {needs: [server]}', 'studio: {needs: [server], opt-in: true}'],
      dockerfile: ['ARG WITH_STUDIO=yes', 'ARG WITH_STUDIO='],
    });

  test('is out, and needs nothing', async () => {
    const planned = await plan(optIn());
    expect(stageOf(planned, 'studio').labels['dwt.features']).toBe('cran,-studio');
    expect(stageOf(planned, 'studio').buildArguments).toEqual({ WITH_STUDIO: '' });
    expect(planned.artifacts.get('server')?.kind).toBe('left-out');
  });

  test('is in with --with, in the bake file too, and of no other key', async () => {
    const from = optIn();
    const out = await plan(from);
    const planned = await plan(from, { with: ['studio'] });
    expect(changedKeys(out, planned)).toEqual(['studio']);
    expect(stageOf(planned, 'studio').labels['dwt.features']).toBe('cran,studio');
    const project = await loadProject({ cwd: from });
    expect(bakeFile(planned, project).target['studio']?.args).toEqual({ WITH_STUDIO: 'yes' });
    expect(planned.artifacts.get('server')?.kind).toBe('declared');
  });

  test('is not demanded where all features are', async () => {
    const project = await loadProject({ cwd: optIn() });
    expect(lackingFeatures(project, 'studio', { 'dwt.features': 'cran,-studio' })).toEqual([]);
    expect(lackingFeatures(project, 'studio', { 'dwt.features': '-cran,-studio' })).toEqual(['cran']);
  });

  test('has an argument in the Dockerfile', async () => {
    const from = folder({
      yaml: ['studio: {needs: [server]}', 'studio: {needs: [server], opt-in: true}'],
      dockerfile: ['ARG WITH_STUDIO=yes\n', ''],
    });
    expect(await refusal(plan(from))).toMatchObject({
      code: 'PROJECT_INVALID',
      hint: expect.stringContaining('Write ARG WITH_STUDIO= after line 7'),
    });
  });

  test('is not both asked for and left out; one that is in anyway may be asked for', async () => {
    const error = await refusal(plan(optIn(), { with: ['studio'], without: ['studio'] }));
    expect(error).toMatchObject({
      code: 'USAGE',
      message: 'The feature "studio" is asked for and left out.',
    });
    expect(await refusal(plan(optIn(), { with: ['studo'] }))).toMatchObject({ code: 'FEATURE_UNKNOWN' });
    expect(changedKeys(await plan(optIn()), await plan(optIn(), { with: ['cran'] }))).toEqual([]);
  });
});

describe('an artifact', () => {
  const unsummed = { yaml: [`, sha256: "${declared}"`, ''] as [string, string] };
  const fileWith = (content: string): string => join(makeFolder({ file: content }), 'file');

  test('is in the key by its sum, whether it is given or declared', async () => {
    const from = folder();
    const whole = await plan(from);
    expect(changedKeys(whole, await plan(from, { artifacts: { server: fileWith('the server') } }))).toEqual(
      [],
    );
    const other = folder({ yaml: [declared, sha256('another server')] });
    expect(changedKeys(whole, await plan(other))).toEqual(['studio']);
    expect(why(await plan(other, {}, whole), 'studio')).toEqual(['artifact: artifact server changed']);
    expect(stageOf(whole, 'studio').labels['dwt.inputs']).toContain(declared);
    expect(stageOf(whole, 'python').labels['dwt.inputs']).not.toContain(declared);
  });

  test('that is a stand-in is said by the plan, the key and the label, and by no image without it', async () => {
    const from = folder({ yaml: [`"${declared}"}`, `"${declared}", stand-in: true}`] });
    const whole = await plan(folder());
    const standIn = await plan(from);
    expect(events).toEqual([
      {
        type: 'warning',
        message: 'The artifact server is a stand-in: what is built with it proves nothing of the real one.',
      },
    ]);
    expect(changedKeys(whole, standIn)).toEqual(['studio']);
    const labels = (planned: Plan) => planned.stages.map(({ labels: found }) => found['dwt.stand-ins']);
    expect(labels(standIn)).toEqual([undefined, undefined, 'server', undefined]);
    expect(labels(whole)).toEqual([undefined, undefined, undefined, undefined]);
    expect(labels(await plan(from, { without: ['studio'] }))).toEqual(labels(whole));
    expect(events).toEqual([]);
  });

  test('that is given and is another than the declared one is refused', async () => {
    const error = await refusal(plan(folder(), { artifacts: { server: fileWith('evil') } }));
    expect(error.code).toBe('ARTIFACT_INVALID');
    expect(error.detail).toBe(`wanted sha256 ${declared}\n found sha256 ${sha256('evil')}`);
    expect(error.hint).toContain('--without studio');
  });

  test('without a sum is planned as what cannot be built, until it is given', async () => {
    const from = folder(unsummed);
    expect(why(await plan(from), 'studio')).toEqual([
      'new: it was not built yet',
      'artifact: artifact server has no sha256 and was not given',
    ]);
    const given = await plan(from, { artifacts: { server: fileWith('1') } });
    expect(events).toEqual([
      {
        type: 'warning',
        message: `The artifact server is taken as it was given: sha256 ${sha256('1')}.`,
        hint: expect.stringContaining('artifacts.server.sha256'),
      },
    ]);
    // Built once with a file that somebody answered for, it stays what it is.
    expect(stageOf(await plan(from, {}, given), 'studio').action).toBe('reuse');
    const other = await plan(from, { artifacts: { server: fileWith('2') } }, given);
    expect(why(other, 'studio')).toEqual(['artifact: artifact server changed']);
    const without = await plan(from, { without: ['studio'] }, given);
    expect(why(without, 'studio')).toEqual(['feature: studio is left out now']);
  });

  test.each([
    ['an empty file', '', 'an empty file'],
    ['a page', '<!DOCTYPE html><title>Sign in</title>', 'an HTML page ("Sign in") of 37 bytes'],
  ])('cannot be %s', async (_, content, what) => {
    const error = await refusal(plan(folder(unsummed), { artifacts: { server: fileWith(content) } }));
    expect(error).toMatchObject({ code: 'ARTIFACT_INVALID', message: expect.stringContaining(what) });
  });

  test.each([
    ['no artifact', { servr: '/' }, 'Did you mean "server"?'],
    [
      'a file that is not there',
      { server: '/nowhere/at/all' },
      expect.stringContaining('--artifact server=FILE'),
    ],
    ['a folder', { server: '/' }, expect.stringContaining('--artifact server=FILE')],
  ])('%s is wrong usage', async (_, artifacts, hint) => {
    expect(await refusal(plan(folder(), { artifacts } as unknown as Given))).toMatchObject({
      code: 'USAGE',
      hint,
    });
  });

  test('is at its path of the context whatever the folder has there', async () => {
    const needing: [string, string] = ['python: {kind: tool}', 'python: {kind: tool, needs: [server]}'];
    const from = folder({ yaml: needing, dockerfile: ['RUN other', 'COPY artifacts /all\nRUN other'] });
    const first = await plan(from);
    expect([...first.artifacts.keys()]).toEqual(['server']);
    expect(stageOf(first, 'python').labels['dwt.inputs']).toContain(declared);
    // Files of the project's own beside it are the project's own; one under its name is not looked at.
    const paths = (planned: Plan) => planned.context.entriesFor('python').map(({ path }) => path);
    expect(paths(first)).toEqual(['Dockerfile', 'artifacts', 'artifacts/server']);
    const mixed = makeFolder({
      'dwt.yaml': yaml.replace(...needing),
      Dockerfile: dockerfile.replace('RUN other', 'COPY artifacts /all\nRUN other'),
      'artifacts/own': 'own',
      'artifacts/server': 'not this',
      '.dockerignore': 'artifacts\n!artifacts/own\n',
    });
    const second = await plan(mixed);
    expect(paths(second)).toEqual(['Dockerfile', 'artifacts', 'artifacts/own', 'artifacts/server']);
    writeFileSync(join(mixed, 'artifacts/server'), 'nor this');
    expect(changedKeys(second, await plan(mixed))).toEqual([]);
    rmSync(join(mixed, 'artifacts/own'));
    expect(changedKeys(second, await plan(mixed))).toEqual(['python']);
  });

  test('that a stage reads has to be among its needs', async () => {
    const error = await refusal(plan(folder({ dockerfile: ['RUN other', 'COPY artifacts/server /'] })));
    expect(error).toMatchObject({
      code: 'PROJECT_INVALID',
      message:
        'The stage "python" reads artifacts/server, and dwt.yaml does not say that it needs the artifact server.',
      location: { line: 10 },
    });
  });

  test('that a stage needs besides a feature is not left out with it', async () => {
    const from = folder({ yaml: ['  python: {kind: tool}', '  python: {kind: tool, needs: [server]}'] });
    expect((await plan(from, { without: ['studio'] })).artifacts.get('server')?.kind).toBe('declared');
    expect((await plan(folder(), { without: ['studio'] })).artifacts.get('server')?.kind).toBe('left-out');
  });
});

describe('--artifact', () => {
  const read = (...artifact: string[]) =>
    readBuildFlags({ artifact, 'no-cache': false, 'keep-going': false } as unknown as FlagsOfBuild, {})
      .artifacts;

  test('names a file from where the user is', () => {
    expect([...read('server=a=b.deb', 'other.1=/c')]).toEqual([
      ['server', join(process.cwd(), 'a=b.deb')],
      ['other.1', '/c'],
    ]);
  });

  test.each([
    ['a name alone', ['server']],
    ['no name', ['=file']],
    ['no file', ['server=']],
    ['one name twice', ['server=a', 'server=b']],
  ])('with %s is wrong usage', async (_, words) => {
    expect(await refusal(Promise.resolve().then(() => read(...words)))).toMatchObject({ code: 'USAGE' });
  });
});

describe('an environment that takes complete images', () => {
  test.each<[string, string | undefined, string[]]>([
    ['studio', 'cran,studio', []],
    ['studio', '-cran,studio', ['cran']],
    ['studio', '-cran,-studio', ['cran', 'studio']],
    // Built before the stage had the feature.
    ['studio', 'cran', ['studio']],
    ['studio', undefined, ['cran', 'studio']],
    // Left out of it when it was a feature.
    ['python', '-conda', ['conda']],
    ['python', undefined, []],
  ])('of %s with %s misses %j', async (stage, features, lacks) => {
    const project = await loadProject({ cwd: folder() });
    const labels = features === undefined ? {} : { 'dwt.features': features };
    expect(lackingFeatures(project, stage, labels)).toEqual(lacks);
  });
});
