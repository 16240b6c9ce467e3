import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from '@jest/globals';
import type { EngineImage } from '../../src/engine/engine.ts';
import type { DwtEvent } from '../../src/events.ts';
import { bakeFile } from '../../src/plan/bake.ts';
import { chooseEpoch } from '../../src/plan/epoch.ts';
import type { Plan } from '../../src/plan/plan.ts';
import { readRecords } from '../../src/plan/record.ts';
import { type PlanOptions, planBuild } from '../../src/workflows/plan.ts';
import { engineWith, makeFolder, makeProject, readProject, removeFolders } from './plan-project.ts';

afterAll(removeFolders);

const cache = makeFolder({});
const bases = { 'debian:trixie': 'sha256:1' };

const dockerfile = `ARG PACKAGES_EPOCH=0
FROM debian:trixie AS base
ARG PACKAGES_EPOCH
RUN install
FROM base AS python
COPY python /python
FROM python AS one
ARG COLOUR=red
COPY one /one
FROM python AS two
COPY --from=one /one /one
FROM scratch AS other
COPY other /other
`;

const folder = (): string =>
  makeFolder({ Dockerfile: dockerfile, 'python/p': 'p', 'one/1': '1', 'one/2': '2', 'other/o': 'o' });

const plan = (from: string, options: Partial<PlanOptions> = {}): Promise<Plan> =>
  planBuild({
    project: readProject(from, options.buildArguments),
    engine: engineWith([], bases),
    stages: [],
    buildArguments: {},
    noCache: false,
    cacheTtlMs: null,
    platform: null,
    environment: { XDG_CACHE_HOME: cache },
    now: Date.parse('2026-11-23T12:00:00Z'),
    emit: () => undefined,
    ...options,
  });

/** What the engine has once the plan was carried out. */
const built = ({ stages }: Plan): EngineImage[] =>
  stages
    .filter(({ selected }) => selected)
    .map(({ key, reference, labels }) => ({
      id: `sha256:${key}`,
      references: [reference],
      digests: [],
      labels,
      size: 1,
    }));

const told = ({ stages }: Plan) =>
  Object.fromEntries(
    stages.map(({ name, action, why }) => [
      name,
      [action, ...why.map(({ reason, detail }) => `${reason}: ${detail}`)],
    ]),
  );

const inside = ['reuse', 'unchanged: its layers are in the images built on it'];
const unchanged = ['reuse', expect.stringMatching(/^unchanged: built as [0-9a-f]{12}$/)];

describe('a plan', () => {
  test('builds everything on an engine that has nothing', async () => {
    const { stages } = await plan(folder());
    expect(stages.map(({ name, action, selected }) => [name, action, selected])).toEqual([
      ['base', 'build', false],
      ['python', 'build', false],
      ['one', 'build', true],
      ['two', 'build', true],
      ['other', 'build', true],
    ]);
    expect(new Set(stages.flatMap(({ why }) => why.map(({ reason }) => reason)))).toEqual(new Set(['new']));
  });

  test('works where there is no engine', async () => {
    expect(told(await plan(folder(), { engine: null, stages: ['other'] }))).toEqual({
      other: ['build', 'new: no engine was asked what is built'],
    });
  });

  test('reuses everything after a build', async () => {
    const from = folder();
    const engine = engineWith(built(await plan(from)), bases);
    expect(told(await plan(from, { engine }))).toEqual({
      base: inside,
      python: inside,
      one: unchanged,
      two: unchanged,
      other: unchanged,
    });
  });

  test('holds only what was asked for and what that needs', async () => {
    expect(Object.keys(told(await plan(folder(), { stages: ['o*'] })))).toEqual([
      'base',
      'python',
      'one',
      'other',
    ]);
    await expect(plan(folder(), { stages: ['on'] })).rejects.toMatchObject({ code: 'STAGE_UNKNOWN' });
  });

  test('says which files changed, and what that carries with it', async () => {
    const from = folder();
    const engine = engineWith(built(await plan(from)), bases);
    writeFileSync(join(from, 'one/2'), 'two');
    writeFileSync(join(from, 'one/3'), '3');
    expect(told(await plan(from, { engine }))).toEqual({
      base: inside,
      python: inside,
      one: ['build', 'files: one/2 changed, one/3 is new'],
      two: ['build', 'uses: one changed, which it takes files from'],
      other: unchanged,
    });
  });

  test('says which line changed, of a stage that has no image of its own too', async () => {
    const from = folder();
    const engine = engineWith(built(await plan(from)), bases);
    writeFileSync(join(from, 'Dockerfile'), dockerfile.replace('RUN install', 'RUN install more'));
    expect(told(await plan(from, { engine }))).toEqual({
      base: ['build', 'instructions: line 4 (RUN) changed'],
      python: ['build', 'parent: base changed'],
      one: ['build', 'parent: python changed'],
      two: ['build', 'parent: python changed', 'uses: one changed, which it takes files from'],
      other: unchanged,
    });
  });

  test.each([
    ['base-image: debian:trixie is another image now', { engine: 'sha256:2' }],
    ['platform: linux/arm64 instead of linux/amd64', { platform: 'linux/arm64' }],
    ['no-cache: every step is to run again', { noCache: true }],
  ])(
    'says of base: %s',
    async (expected, { engine: id = 'sha256:1', ...options }: Record<string, unknown>) => {
      const from = folder();
      const engine = engineWith(built(await plan(from)), { 'debian:trixie': String(id) });
      expect(told(await plan(from, { engine, ...options }))['base']).toEqual(['build', expected]);
    },
  );

  test('says which arguments changed', async () => {
    const from = folder();
    const engine = engineWith(built(await plan(from)), bases);
    expect(told(await plan(from, { engine, buildArguments: { COLOUR: 'blue' } }))['one']).toEqual([
      'build',
      'arguments: COLOUR changed',
    ]);
  });

  test('builds again what a stage downloads unchecked, and all that stands on it; what is pinned is reused', async () => {
    const commit = 'a'.repeat(40);
    const from = makeFolder({
      Dockerfile: [
        'FROM debian:trixie AS moving',
        'ADD https://example.com/file /file',
        'FROM moving AS child',
        'RUN child',
        'FROM debian:trixie AS taker',
        'COPY --from=moving /file /',
        'FROM debian:trixie AS pinned',
        `ADD --checksum=sha256:${'b'.repeat(64)} https://example.com/file /file`,
        `ADD https://example.com/repository.git#${commit} /repository`,
      ].join('\n'),
    });
    const stages = ['moving', 'child', 'taker', 'pinned'];
    const engine = engineWith(built(await plan(from, { stages })), bases);
    const remote = ['build', 'remote: what https://example.com/file gives may have changed'];
    expect(told(await plan(from, { engine, stages }))).toEqual({
      moving: remote,
      child: remote,
      taker: remote,
      pinned: unchanged,
    });
  });

  test('warns of an age of packages that the Dockerfile does not heed', async () => {
    const events: DwtEvent[] = [];
    const from = makeFolder({ Dockerfile: 'FROM debian:trixie AS a\nRUN a\n' });
    await plan(from, { cacheTtlMs: 1000, emit: (event: DwtEvent) => events.push(event) });
    expect(events).toMatchObject([
      { type: 'warning', message: expect.stringContaining('declares no ARG PACKAGES_EPOCH') },
    ]);
  });

  test('does not take an image for a stage because it inherited the labels of one', async () => {
    const from = folder();
    const [one, ...others] = built(await plan(from));
    if (!one) throw new Error('nothing was planned');
    const derived = { ...one, id: 'sha256:theirs', references: ['somebody/visualisation:latest'] };
    const engine = engineWith([derived, ...others], bases);
    expect(told(await plan(from, { engine, stages: ['one'] }))['one']).toEqual([
      'build',
      'no-image: it is built, but not as an image of its own',
    ]);
  });

  test('warns of an argument that nothing declares, and not of a proxy', async () => {
    const events: DwtEvent[] = [];
    await plan(folder(), {
      buildArguments: { NOBODY: '1', COLOUR: 'x', http_proxy: 'x', PACKAGES_EPOCH: '5' },
      emit: (event) => events.push(event),
    });
    expect(events).toEqual([{ type: 'warning', message: expect.stringContaining('NOBODY') }]);
  });
});

describe('a base image that is not on the engine', () => {
  const ask = (remote: (reference: string) => Promise<string | null>, images: EngineImage[] = []) =>
    engineWith(images, {}, remote);

  test('is what its registry says that it is', async () => {
    const from = folder();
    const one = await plan(from, { engine: ask(async () => 'sha256:one') });
    const images = built(one);
    expect(images[0]?.labels).toMatchObject({
      'org.opencontainers.image.base.name': 'debian:trixie',
      'org.opencontainers.image.base.digest': 'sha256:one',
    });
    expect(told(await plan(from, { engine: ask(async () => 'sha256:one', images) }))['one']).toEqual(
      unchanged,
    );
    expect(told(await plan(from, { engine: ask(async () => 'sha256:two', images) }))['base']).toEqual([
      'build',
      'base-image: debian:trixie is another image now',
    ]);
  });

  test('is what it was where its registry does not answer', async () => {
    const from = folder();
    const images = built(await plan(from, { engine: ask(async () => 'sha256:one') }));
    const dead = ask(async () => Promise.reject(new Error('connection refused')), images);
    expect(told(await plan(from, { engine: dead }))['one']).toEqual(unchanged);
  });
});

describe('the epoch of packages', () => {
  const now = Date.parse('2026-11-23T12:00:00Z');
  const { hierarchy } = makeProject(dockerfile, { python: 'FOLDER', one: 'FOLDER', other: 'FOLDER' });
  const hour = 3_600_000;
  const at = (hours: number): string => String((now - hours * hour) / 1000);

  test.each([
    ['none, no limit', [], null, null, null],
    ['none, a limit', [], hour, at(0), null],
    ['one, no limit', [at(100)], null, at(100), null],
    ['a fresh one', [at(100), undefined, at(1)], 2 * hour, at(1), null],
    ['an old one', [at(3)], 2 * hour, at(0), 3 * 3600],
    ['one of a clock that was wrong', [at(-48)], 2 * hour, at(0), 0],
    ['something else', ['soon', '-1', '0'], null, null, null],
  ])('%s', (_, labels, ttl, epoch, expired) => {
    expect(chooseEpoch(hierarchy, labels, ttl, now)).toEqual({ epoch, expired });
  });

  test('is nothing to a Dockerfile that does not declare it', () => {
    const plain = makeProject('FROM scratch AS a\nENV X=1\n').hierarchy;
    expect(chooseEpoch(plain, [at(1)], hour, now)).toEqual({ epoch: null, expired: null });
  });

  test('reaches the stages that depend on it, as argument and label, and is kept by the next build', async () => {
    const from = folder();
    const first = await plan(from, { cacheTtlMs: hour });
    const epoch = String(now / 1000);
    expect(first.stages.map(({ name, epoch: own }) => [name, own])).toEqual([
      ['base', epoch],
      ['python', epoch],
      ['one', epoch],
      ['two', epoch],
      ['other', null],
    ]);
    expect(first.stages[2]).toMatchObject({
      buildArguments: { PACKAGES_EPOCH: epoch },
      labels: { 'dwt.epoch': epoch },
    });
    const engine = engineWith(built(first), bases);
    expect(told(await plan(from, { engine }))['one']).toEqual(unchanged);
    expect(told(await plan(from, { engine, cacheTtlMs: hour, now: now + hour }))['one']).toEqual(unchanged);
    const late = told(await plan(from, { engine, cacheTtlMs: hour, now: now + 3 * hour }));
    expect(late).toMatchObject({
      base: ['build', 'cache-ttl: its packages were fetched 3 h ago'],
      other: unchanged,
    });
  });
});

describe('the label of inputs', () => {
  test('stays within its bound, and tells of the nearest stages most', async () => {
    const files = Object.fromEntries(
      Array.from({ length: 90 }, (_, n) => [`files/a-file-of-some-length-${n}`, '']),
    );
    const depth = 60;
    const stages = Array.from(
      { length: depth },
      (_, n) => `FROM ${n === 0 ? 'debian:trixie' : `s${n - 1}`} AS s${n}\nCOPY files /${n}\nRUN ${n}\n`,
    );
    const from = makeFolder({ Dockerfile: stages.join(''), ...files });
    const label = (await plan(from)).stages.at(-1)?.labels['dwt.inputs'] ?? '';
    expect(Buffer.byteLength(label)).toBeLessThanOrEqual(8192);
    const records = readRecords(label);
    expect([...records.keys()].slice(0, 2)).toEqual(['s59', 's58']);
    expect(Object.keys(records.get('s59')?.files ?? {})).toHaveLength(91);
    expect(typeof records.get('s50')?.files).toBe('string');
  });

  test('of many files says that some changed, and no more', async () => {
    const files = Object.fromEntries(Array.from({ length: 200 }, (_, n) => [`files/${n}`, '']));
    const from = makeFolder({ Dockerfile: 'FROM debian:trixie AS a\nCOPY files /\n', ...files });
    const engine = engineWith(built(await plan(from)), bases);
    writeFileSync(join(from, 'files/7'), 'x');
    expect(told(await plan(from, { engine }))).toEqual({ a: ['build', 'files: some of its files changed'] });
  });

  test.each([undefined, '', '{', '[]', '{"version":2,"stages":{}}', '{"version":1,"stages":{"a":{}}}'])(
    'that is %j says nothing',
    (label) => {
      expect(readRecords(label).size).toBe(0);
    },
  );

  test('keeps no value of an argument', async () => {
    const made = await plan(folder(), { buildArguments: { COLOUR: 'hunter2' } });
    expect(JSON.stringify(made.stages.map(({ labels }) => labels))).not.toContain('hunter2');
  });
});

test('a bake file holds no value of an argument that sounds secret: bake takes it from the environment', async () => {
  const from = makeFolder({ Dockerfile: 'FROM debian:trixie AS a\nARG TOKEN\nARG X\nRUN a\n' });
  const made = await plan(from, { buildArguments: { TOKEN: 'hunter2hunter2', X: '1' } });
  const file = bakeFile(made, readProject(from));
  expect(file.variable).toEqual({ TOKEN: { default: '' } });
  expect(file.target['a']?.args).toEqual({ X: '1', TOKEN: '${TOKEN}' });
  expect(JSON.stringify(file.target)).not.toContain('hunter2');
});

test('a bake file says what the plan says', async () => {
  const from = makeFolder({
    Dockerfile: 'FROM debian:trixie AS a.b\nARG X\nRUN a\nFROM debian:trixie AS a_b\nRUN b\n',
  });
  const options = { platform: 'linux/amd64', noCache: true, buildArguments: { X: '${HOME} %{if}' } };
  const made = await plan(from, options);
  const file = bakeFile(made, readProject(from), ['id=ca,src=/ca.pem']);
  expect(file.group).toEqual({ default: { targets: ['a_b', 'a_b_'] }, all: { targets: ['a_b', 'a_b_'] } });
  expect(file.target['a_b']).toEqual({
    context: from,
    dockerfile: 'Dockerfile',
    target: 'a.b',
    tags: ['tools/a.b:latest'],
    labels: expect.objectContaining({ 'dwt.stage': 'a.b', 'dwt.key': made.stages[0]?.key }),
    args: { X: '$${HOME} %%{if}' },
    platforms: ['linux/amd64'],
    'no-cache': true,
    secret: ['id=ca,src=/ca.pem'],
  });
});
