import { describe, expect, test } from '@jest/globals';
import { DwtError } from '../../src/errors.ts';
import { families } from '../../src/hierarchy/families.ts';
import { parseDockerfile } from '../../src/hierarchy/parse.ts';
import { closure, selectStages } from '../../src/hierarchy/select.ts';

const stages = ['base', 'python', 'python-jupyterlab', 'python-theia', 'rv4', 'rv4-rstudio'];

function refusal(patterns: readonly string[]): DwtError {
  try {
    selectStages(patterns, stages);
  } catch (error) {
    if (error instanceof DwtError) return error;
    throw error;
  }
  throw new Error('it was accepted');
}

describe('selectStages', () => {
  test.each<[string[], string[]]>([
    [[], stages],
    [['python'], ['python']],
    [['PYTHON'], ['python']],
    [['python-*'], ['python-jupyterlab', 'python-theia']],
    [
      ['rv4*', 'base'],
      ['base', 'rv4', 'rv4-rstudio'],
    ],
    [['{rv4,python}'], ['python', 'rv4']],
    [
      ['python-*', 'python-theia'],
      ['python-jupyterlab', 'python-theia'],
    ],
    [['*-[jr]*'], ['python-jupyterlab', 'rv4-rstudio']],
  ])('%j', (patterns, expected) => {
    expect(selectStages(patterns, stages)).toEqual(expected);
  });

  test('a wrong name is refused with the nearest', () => {
    expect(refusal(['python-jupiterlab'])).toMatchObject({
      code: 'STAGE_UNKNOWN',
      message: 'No stage is called "python-jupiterlab".',
      hint: 'Did you mean python-jupyterlab?',
    });
  });

  test('a name like none is refused with those that are', () => {
    expect(refusal(['zzzzzzzzz'])).toMatchObject({ hint: `Stages are ${stages.join(', ')}.` });
  });

  test('every glob that matches nothing is named', () => {
    expect(refusal(['java-*', 'base', 'go-*']).message).toBe(
      'None of "java-*" and "go-*" matches a stage of this project.',
    );
  });

  test.each(['[', '**(', '!base', '('])('the pattern %s breaks nothing', (pattern) => {
    expect(refusal([pattern]).code).toBe('STAGE_UNKNOWN');
  });
});

describe('closure', () => {
  const hierarchy = parseDockerfile(
    'FROM scratch AS tools\nFROM scratch AS base\nFROM base AS python\nCOPY --from=tools a /\nFROM python AS lab\nFROM base AS r\n',
    { file: 'Dockerfile' },
  );

  test.each<[string[], string[]]>([
    [['lab'], ['tools', 'base', 'python', 'lab']],
    [['r'], ['base', 'r']],
    [
      ['r', 'tools'],
      ['tools', 'base', 'r'],
    ],
    [[], []],
  ])('of %j', (names, expected) => {
    expect(closure(hierarchy, names).map(({ name }) => name)).toEqual(expected);
  });
});

describe('families', () => {
  const source = `
FROM debian AS base
FROM base AS python
FROM python AS lab
FROM base AS pgadmin
FROM base AS editor-build
FROM python AS editor
COPY --from=editor-build /x /
FROM editor AS theia
FROM alpine AS apart
`;
  const hierarchy = parseDockerfile(source, { file: 'Dockerfile' });
  const named = (...asked: string[]) =>
    families(hierarchy, new Set(asked)).map(({ name, stages }) => `${name}: ${stages.join(' ')}`);

  test('what stands on the same child of the root belongs together', () =>
    expect(named('pgadmin', 'theia', 'lab')).toEqual(['python: lab theia', 'pgadmin: pgadmin']));

  test('a root is its own family', () =>
    expect(named('base', 'apart', 'python')).toEqual(['base: base', 'python: python', 'apart: apart']));

  test('what is not asked for is in none', () => expect(named()).toEqual([]));
});
