import { describe, expect, test } from '@jest/globals';
import { parseReference } from '../../src/registry/reference.ts';
import { formerImages, standingImages } from '../../src/release/history.ts';
import { type RecordedImage, type ReleaseRecord, readRecord } from '../../src/release/record.ts';
import { checkReleaseId, newReleaseId, releaseTag } from '../../src/release/release-id.ts';
import { refusalOf } from '../support/refusal.ts';

describe('the id of a release', () => {
  const now = new Date('2026-11-26T04:39:00.123Z');

  test('sorts by time and says the revision', () => {
    expect(newReleaseId(now, null)).toBe('20261126-043900123');
    expect(newReleaseId(now, '67d5a9c9fcd6571ba47452c94b691aed8cfee9ca')).toBe('20261126-043900123-67d5a9c');
    expect(newReleaseId(now, '67d5a9c9fcd6571ba47452c94b691aed8cfee9ca-dirty')).toBe(
      '20261126-043900123-67d5a9c-dirty',
    );
  });

  test.each(['build-417', 'a', 'A_b', 'x'.repeat(64)])('may be %j', (id) => {
    expect(checkReleaseId(id)).toBe(id);
  });

  test.each(['', 'a.b', '-a', 'a/b', 'a b', 'x'.repeat(65), 'lock', 'current', 'last'])(
    'may not be %j',
    (id) => {
      expect(refusalOf(() => checkReleaseId(id)).code).toBe('USAGE');
    },
  );

  test('makes a legal tag of the longest tag too', () => {
    const tag = releaseTag('t'.repeat(128), 'x'.repeat(64));
    expect(tag.endsWith(`-${'x'.repeat(64)}`)).toBe(true);
    expect(parseReference(`r.example.com/a:${tag}`).tag).toBe(tag);
  });
});

const image = (stage: string, digest: string, former?: string | null): RecordedImage => ({
  stage,
  repository: 'tools',
  tag: stage,
  releaseTag: `${stage}-x`,
  imageId: null,
  digest,
  ...(former !== undefined && { former }),
  key: null,
  revision: null,
  report: null,
});
const record = (id: string, images: readonly RecordedImage[]): ReleaseRecord => ({
  version: 1,
  id,
  kind: 'release',
  state: 'completed',
  project: 'p',
  environment: 'dev',
  revision: null,
  by: 'me',
  tool: '1',
  startedAt: '',
  at: '',
  previous: null,
  inForce: id,
  images: [...images],
});

describe('the history of an environment', () => {
  const newest = record('3', [image('a', 'a3', 'a2')]);
  const middle = record('2', [image('a', 'a2', 'a1'), image('b', 'b2', null)]);
  const oldest = record('1', [image('a', 'a1', 'a0'), image('c', 'c1', 'c1')]);

  test('says what every tag has', () => {
    const digests = standingImages([newest, middle, oldest]).map(({ stage, digest }) => [stage, digest]);
    expect(digests).toEqual([
      ['a', 'a3'],
      ['b', 'b2'],
      ['c', 'c1'],
    ]);
  });

  test('says what every tag was before', () => {
    const formers = (records: ReleaseRecord[]) =>
      formerImages(records).map(({ stage, digest }) => [stage, digest]);
    expect(formers([newest])).toEqual([['a', 'a2']]);
    expect(formers([newest, middle])).toEqual([
      ['a', 'a1'],
      ['b', null],
    ]);
  });

  test('leaves what never came to move its tags', () => {
    expect(formerImages([record('4', [image('a', 'a4')])])).toEqual([]);
  });
});

describe('a record', () => {
  test('is read as it was written', () => {
    const written = record('1', [image('a', 'a1', null)]);
    expect(readRecord(JSON.parse(JSON.stringify(written)))).toEqual(written);
  });

  test.each([null, 'x', {}, { ...record('1', []), version: 2 }])('is not what is none: %j', (document) => {
    expect(readRecord(document)).toBeNull();
  });
});
