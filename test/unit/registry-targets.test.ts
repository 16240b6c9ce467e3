import { describe, expect, test } from '@jest/globals';
import type { Environment, Project, Publish, StageSettings } from '../../src/project/project.ts';
import { formatReference } from '../../src/registry/reference.ts';
import { type Destination, pushTargets } from '../../src/workflows/push-targets.ts';
import { refusalOf } from '../support/refusal.ts';

const published: Record<string, Publish | null> = {
  base: null,
  python: null,
  'python-jupyterlab': { suffix: 'jupyterlab-python', tag: 'master' },
  'python-visualisation': { suffix: 'visualisation-base', tag: 'python' },
  'rv4-visualisation': { suffix: 'visualisation-base', tag: 'rv4' },
};

function project(
  publish: Record<string, Publish | null> = published,
  environments: Record<string, Partial<Environment>> = {
    dev: {
      registry: '${ACCOUNT}.dkr.ecr.eu-west-2.amazonaws.com',
      repository: 'analysisworkspace-dev-{suffix}',
    },
  },
): Project {
  const names = Object.keys(publish);
  const settings = names.map((name): [string, StageSettings] => [
    name,
    {
      kind: publish[name] || name === 'leaf' ? 'tool' : 'shared',
      publish: publish[name] ?? null,
    } as StageSettings,
  ]);
  return {
    name: 'dwt',
    hierarchy: { stages: names.map((name) => ({ name })) },
    settings: new Map(settings),
    environments: new Map(
      Object.entries(environments).map(([name, environment]) => [name, { name, ...environment }]),
    ),
  } as unknown as Project;
}

const dev: Destination = { env: 'dev' };
const local: Destination = { registry: 'localhost:5000/tools' };
const names = (patterns: readonly string[], destination: Destination, of = project()) =>
  pushTargets(of, patterns, destination, { ACCOUNT: '123' }).map(({ reference }) =>
    formatReference(reference),
  );

describe('what is pushed where', () => {
  test('every published stage, by the pattern of the environment', () => {
    expect(names([], dev)).toEqual([
      '123.dkr.ecr.eu-west-2.amazonaws.com/analysisworkspace-dev-jupyterlab-python:master',
      '123.dkr.ecr.eu-west-2.amazonaws.com/analysisworkspace-dev-visualisation-base:python',
      '123.dkr.ecr.eu-west-2.amazonaws.com/analysisworkspace-dev-visualisation-base:rv4',
    ]);
  });

  test('or by a registry and the suffix', () => {
    expect(names(['python-jupyterlab'], local)).toEqual(['localhost:5000/tools/jupyterlab-python:master']);
    expect(names(['python-jupyterlab'], { registry: '[::1]:5000' })).toEqual([
      '[::1]:5000/jupyterlab-python:master',
    ]);
  });

  test('takes the image by its name on the engine', () => {
    expect(pushTargets(project(), ['python-j*'], local, {})[0]).toMatchObject({
      stage: 'python-jupyterlab',
      image: 'dwt/python-jupyterlab:latest',
    });
  });

  test('a glob leaves out what is not published', () => {
    expect(names(['python*'], local)).toEqual([
      'localhost:5000/tools/jupyterlab-python:master',
      'localhost:5000/tools/visualisation-base:python',
    ]);
  });

  test('a project that says nothing of publishing publishes its images under their own names', () => {
    expect(names([], local, project({ base: null, leaf: null }, {}))).toEqual([
      'localhost:5000/tools/leaf:latest',
    ]);
  });

  test.each<[string, () => unknown, string, string]>([
    [
      'a stage that is named and not published',
      () => names(['python', 'python-*'], local),
      'USAGE',
      'Stage python is not published.',
    ],
    [
      'a glob that matches nothing published',
      () => names(['bas*'], local),
      'USAGE',
      'No stage that bas* matches is published.',
    ],
    ['a stage that is not there', () => names(['pyton'], local), 'STAGE_UNKNOWN', 'pyton'],
    ['an environment that is not there', () => names([], { env: 'prod' }), 'ENVIRONMENT_UNKNOWN', 'prod'],
    ['a variable that is not set', () => pushTargets(project(), [], dev, {}), 'VARIABLE_UNSET', 'ACCOUNT'],
    [
      'a registry with a scheme',
      () => names([], { registry: 'http://localhost:5000' }),
      'REFERENCE_INVALID',
      'http://',
    ],
    [
      'a suffix that no reference has',
      () => names([], local, project({ leaf: { suffix: 'Leaf', tag: 'x' } })),
      'REFERENCE_INVALID',
      'capital letters',
    ],
    [
      'a tag that no reference has',
      () => names([], local, project({ leaf: { suffix: 'leaf', tag: 'a/b' } })),
      'REFERENCE_INVALID',
      'leaf',
    ],
    [
      'two stages under one name',
      () => names([], local, project({ a: { suffix: 'x', tag: 'y' }, b: { suffix: 'x', tag: 'y' } })),
      'PROJECT_INVALID',
      'a and b would both be published as localhost:5000/tools/x:y.',
    ],
  ])('%s is refused', (_, action, code, message) => {
    const error = refusalOf(action);
    expect(error.code).toBe(code);
    expect(error.message).toContain(message);
    expect(error.hint).toBeTruthy();
  });
});
