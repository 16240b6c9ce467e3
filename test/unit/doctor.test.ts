import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { fail, ok, warn } from '../../src/doctor/check.ts';
import { checkCredentials } from '../../src/doctor/credentials.ts';
import { checkSource } from '../../src/doctor/sources.ts';
import { judgeStages } from '../../src/doctor/stages.ts';
import type { Project } from '../../src/project/project.ts';

const { signal } = new AbortController();
let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dwt-doctor-test-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const program = async (name: string, script: string) => {
  await writeFile(join(folder, name), `#!/bin/sh\n${script}\n`);
  await chmod(join(folder, name), 0o755);
};

describe('stages', () => {
  const stage = (name: string, parent: string | null, uses: string[] = []) => ({ name, parent, uses });
  const project = {
    hierarchy: {
      stages: [
        stage('base', null),
        stage('r', 'base'),
        stage('helper', null),
        stage('tool', 'base', ['helper']),
      ],
    },
    settings: new Map([
      ['base', { needs: ['debian'] }],
      ['r', { needs: ['cran'] }],
      ['helper', { needs: ['npm'] }],
      ['tool', { needs: [], features: new Map([['server', { needs: ['server-file', 'debian'] }]]) }],
    ]),
    artifacts: new Map([['server-file', {}]]),
  } as unknown as Project;
  const all = [
    ok('engine', ''),
    ok('disk', ''),
    ok('source debian', ''),
    ok('source cran', ''),
    ok('source npm', ''),
    ok('artifact server-file', ''),
  ];
  const judged = (...changed: ReturnType<typeof ok>[]) => {
    const names = changed.map(({ name }) => name);
    const checks = [...all.filter(({ name }) => !names.includes(name)), ...changed];
    return Object.fromEntries(
      judgeStages(project, checks).map(({ name, buildable, why }) => [name, why ?? buildable]),
    );
  };

  test('can all be built where all answers', () => {
    expect(judged()).toEqual({ base: true, r: true, helper: true, tool: true });
  });

  test('need what their parents need, and the stages that they take files from', () => {
    expect(judged(fail('source npm', '', null))).toEqual({
      base: true,
      r: true,
      helper: 'fails: source npm',
      tool: 'fails: source npm',
    });
    expect(judged(fail('source debian', '', null))).toMatchObject({
      base: 'fails: source debian',
      r: 'fails: source debian',
      helper: true,
    });
  });

  test('cannot be built without an engine', () => {
    expect(Object.values(judged(fail('engine', '', null)))).toEqual(Array(4).fill('fails: engine'));
  });

  test('can be built without a feature whose artifact or source is out of reach', () => {
    expect(judged(fail('artifact server-file', '', null))).toEqual({
      base: true,
      r: true,
      helper: true,
      tool: 'with --without server: artifact server-file fails',
    });
    // What the feature needs and the stage too is not had by leaving the feature out.
    expect(judged(fail('source debian', '', null))['tool']).toBe('fails: source debian');
  });

  test('may be built where a source is not known, and it says so', () => {
    expect(judgeStages(project, [...all.slice(0, 3), warn('source cran', '', null)])[1]).toEqual({
      name: 'r',
      buildable: true,
      why: 'not known: source cran',
    });
  });
});

describe('a package source', () => {
  const asked = () => checkSource('npm', { engine: null, environment: { PATH: folder }, signal });

  test('that answers its client is well', async () => {
    await program('npm', '[ "$1" = ping ]');
    expect(await asked()).toMatchObject({ name: 'source npm', verdict: 'ok' });
  });

  test('that does not is told with the last that its client said', async () => {
    await program('npm', 'echo first; echo "no route to registry" >&2; exit 1');
    expect(await asked()).toMatchObject({
      verdict: 'fail',
      detail: expect.stringContaining('no route to registry'),
      hint: expect.stringContaining('npm'),
    });
  });

  test('without a client is not known', async () => {
    const answer = await checkSource('conda', { engine: null, environment: { PATH: folder }, signal });
    expect(answer).toMatchObject({ verdict: 'warn', detail: expect.stringContaining('micromamba') });
  });
});

describe('credentials', () => {
  const judged = async (config: string) => {
    await writeFile(join(folder, 'config.json'), config);
    return await checkCredentials({ DOCKER_CONFIG: folder, PATH: folder });
  };

  test('are well where every helper is there', async () => {
    await program('docker-credential-here', 'exit 0');
    expect(await judged('{"auths": {"r.example": {}}, "credsStore": "here"}')).toMatchObject({
      verdict: 'ok',
      detail: expect.stringContaining('1 stored'),
    });
  });

  test('are not where a helper is missing', async () => {
    expect(await judged('{"credHelpers": {"r.example": "ecr-login-not-here"}}')).toMatchObject({
      verdict: 'fail',
      detail: expect.stringContaining('docker-credential-ecr-login-not-here'),
    });
  });

  test('are not where the file is no configuration', async () => {
    expect(await judged('{"auths": 7}')).toMatchObject({ verdict: 'fail' });
  });

  test('are anonymous without a configuration', async () => {
    expect(await checkCredentials({ DOCKER_CONFIG: folder, PATH: folder })).toMatchObject({
      verdict: 'warn',
    });
  });
});
