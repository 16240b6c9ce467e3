import { describe, expect, test } from '@jest/globals';
import type { Engine, ImageDetails } from '../../src/engine/engine.ts';
import { formatReference, parseReference } from '../../src/registry/reference.ts';
import { checkTagTemplate, furtherNames } from '../../src/workflows/push-tags.ts';
import type { PushTarget } from '../../src/workflows/push-targets.ts';
import { refusalOf } from '../support/refusal.ts';

const target = (stage: string, reference: string): PushTarget => ({
  stage,
  image: `demo/${stage}:latest`,
  reference: parseReference(`r.example.com/${reference}`),
});
const lab = target('lab', 'lab:master');
const pythonBase = target('python-base', 'visualisation-base:python');
const rBase = target('r-base', 'visualisation-base:rv4');

/** An engine that has all of these images, built of one revision on one day. */
const engineWith = (labels: Record<string, string> = { 'org.opencontainers.image.revision': 'abc123' }) =>
  ({
    inspectImage: async () => ({ labels, created: '2026-11-26T04:05:06.7Z' }) as unknown as ImageDetails,
  }) as Pick<Engine, 'inspectImage'>;

const tagsOf = async (targets: PushTarget[], templates: string[], engine = engineWith()) =>
  Object.fromEntries(
    [...(await furtherNames(targets, templates, engine))].map(([stage, names]) => [
      stage,
      names.map(formatReference),
    ]),
  );

const thrownBy = (work: Promise<unknown>) =>
  work.then(
    () => {
      throw new Error('It was not refused.');
    },
    (error: unknown) => error,
  );

describe('further tags', () => {
  test("are made of what the image is, and of its stage's own tag", async () => {
    expect(await tagsOf([lab], ['{revision}', '{date}', '{stage}-{tag}', 'fixed'])).toEqual({
      lab: ['abc123', '2026-11-26', 'lab-master', 'fixed'].map((tag) => `r.example.com/lab:${tag}`),
    });
  });

  test('are each there once, and never the own one', async () => {
    expect(await tagsOf([lab], ['{revision}', 'abc123', '{tag}'])).toEqual({
      lab: ['r.example.com/lab:abc123'],
    });
  });

  test('tell apart what shares a repository', async () => {
    expect(await tagsOf([pythonBase, rBase], ['{tag}-{revision}'])).toEqual({
      'python-base': ['r.example.com/visualisation-base:python-abc123'],
      'r-base': ['r.example.com/visualisation-base:rv4-abc123'],
    });
    for (const template of ['{revision}', 'rv4']) {
      expect(await thrownBy(tagsOf([pythonBase, rBase], [template]))).toMatchObject({
        code: 'USAGE',
        message: expect.stringContaining('would both be published as r.example.com/visualisation-base:'),
        hint: expect.stringContaining('{tag}'),
      });
    }
  });

  test('are refused where the image does not have what they ask for', async () => {
    expect(await thrownBy(tagsOf([lab], ['{revision}'], engineWith({})))).toMatchObject({
      code: 'USAGE',
      message: '--tag {revision}: the image of lab has no revision.',
      hint: expect.stringContaining('Nothing was pushed'),
    });
  });

  test.each([
    ['{rev}', 'USAGE', '{revision}'],
    ['{}', 'USAGE', '{revision}'],
    ['{constructor}', 'USAGE', '{revision}'],
    ['{tag', 'REFERENCE_INVALID', 'A tag is letters'],
    ['a/b', 'REFERENCE_INVALID', 'A tag is letters'],
    ['a@sha256:b', 'REFERENCE_INVALID', 'A tag is letters'],
    ['-{date}', 'REFERENCE_INVALID', 'A tag is letters'],
    ['', 'REFERENCE_INVALID', 'tag'],
  ])('%j is refused before anything is looked at', (template, code, hint) => {
    const error = refusalOf(() => checkTagTemplate(template));
    expect(error.code).toBe(code);
    expect(error.hint).toContain(hint);
  });

  test.each(['{revision}', '{date}', 'v1.2', '{tag}-{date}_{stage}'])('%s is taken', (template) => {
    expect(() => checkTagTemplate(template)).not.toThrow();
  });
});
