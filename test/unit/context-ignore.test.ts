import { describe, expect, test } from '@jest/globals';
import { compileGlob, splitGlob } from '../../src/context/glob.ts';
import { cleanPath, parseIgnore } from '../../src/context/ignore.ts';

/** Judges a path folder by folder, as a walk through the tree does. */
function isIgnored(source: string, path: string): boolean {
  const rules = parseIgnore(source, '.dockerignore');
  const parts = path.split('/');
  let judged = rules.judge(parts[0] ?? '', null);
  for (let depth = 2; depth <= parts.length; depth++) {
    judged = rules.judge(parts.slice(0, depth).join('/'), judged.info);
  }
  return judged.ignored;
}

// Each row was seen in what buildx 0.29 sends for `COPY . /` with that .dockerignore.
const cases: readonly [pattern: string, ignored: readonly string[], kept: readonly string[]][] = [
  ['foo', ['foo', 'foo/a', 'foo/a/b'], ['a/foo', 'foo2', 'xfoo']],
  ['/foo', ['foo', 'foo/a'], ['a/foo']],
  ['./foo/', ['foo', 'foo/a'], ['a/foo']],
  ['a/../foo', ['foo'], ['a']],
  ['../foo', [], ['foo']],
  ['  foo  ', ['foo'], []],
  ['foo\r', ['foo'], []],
  ['\uFEFFfoo', ['foo'], []],
  ['# foo', [], ['foo', '# foo']],
  [' #foo', ['#foo'], []],
  ['*.md', ['a.md', '.md', 'x.md/y'], ['d/a.md']],
  ['*/*.md', ['d/a.md'], ['a.md', 'd/e/a.md']],
  ['**/*.md', ['a.md', 'd/a.md', 'd/e/a.md'], ['a.mdx']],
  ['**', ['a', 'a/b'], []],
  ['*', ['a', 'a/b', '.h'], []],
  ['a/**', ['a/b', 'a/b/c'], ['a', 'ab']],
  ['a/**/z', ['a/z', 'a/b/z', 'a/b/c/z'], ['a/bz', 'z']],
  ['**/a', ['a', 'x/a', 'x/y/a/z'], ['ba']],
  ['**a', ['a', 'ba', 'x/ba'], ['ab']],
  ['a**', ['a', 'ab', 'a/b'], ['ba']],
  ['a?c', ['abc', 'aéc', 'a😀c'], ['ac', 'a/c', 'abbc']],
  ['[a-c]x', ['ax', 'cx'], ['dx', 'x']],
  ['[^a]', ['b', '😀'], ['a', 'bb']],
  ['\\*', ['*'], ['a']],
  ['a.b', ['a.b'], ['axb']],
  ['a+(b)$', ['a+(b)$'], ['aab']],
  // Neither escaped by BuildKit: an alternative, where the pattern has a wildcard, and the text itself where it has none.
  ['x|y', ['x|y'], ['x', 'y']],
  ['x|y*', ['yes', 'xa', 'ay'], ['a']],
  ['\\a', [], ['a']],
  ['*\n!a', ['b'], ['a']],
  ['!a\n*', ['a'], []],
  ['d\n!d/keep', ['d/x'], ['d/keep']],
  ['d/**\n!d/keep\nd/keep/no', ['d/keep/no', 'd/x'], ['d/keep/yes']],
  ['*\n! a', ['b'], ['a']],
  // An exception that could change nothing when its folder was judged does not count for what is below.
  ['d/f\n!d', ['d/f'], ['d/g']],
];

describe('.dockerignore', () => {
  test.each(cases)('%j', (source, ignored, kept) => {
    expect(ignored.filter((path) => !isIgnored(source, path))).toEqual([]);
    expect(kept.filter((path) => isIgnored(source, path))).toEqual([]);
  });

  test.each(['!', 'ok\n  !  ', '!/', '!/..', 'a[', '[]', '[-a]', '[a-]', 'a\\', '\\q*'])(
    '%j is refused with its line',
    (source) => {
      expect(() => parseIgnore(source, '.dockerignore')).toThrow(
        expect.objectContaining({
          code: 'CONTEXT_INVALID',
          location: { file: '.dockerignore', line: source.split('\n').length },
        }),
      );
    },
  );
});

describe('wildcards of COPY', () => {
  test.each([
    ['*', ['a', '.h', 'a b'], ['a/b']],
    ['a*/b', ['a/b', 'ab/b'], ['a/x/b', 'b']],
    ['**', ['a'], ['a/b']],
    ['?', ['a', 'é', '😀'], ['ab', '/']],
    ['[a-c]', ['a', 'c'], ['d', '-']],
    ['[^a-c]', ['d'], ['a']],
    ['[a\\-c]', ['a', '-', 'c'], ['b']],
    ['[c-a]', [], ['a', 'b', 'c']],
    ['arr[[]0].txt', ['arr[0].txt'], ['arr0.txt']],
    ['\\*', ['*'], ['a']],
    ['a.b{2}', ['a.b{2}'], ['axbb']],
    ['[', [], ['[']],
    ['a\\', [], ['a', 'a\\']],
  ])('%s', (pattern, matching, others) => {
    const matches = compileGlob(pattern);
    expect(matching.filter((path) => !matches(path))).toEqual([]);
    expect(others.filter((path) => matches(path))).toEqual([]);
  });

  test('start at the first path element that has one', () => {
    expect(splitGlob('a/b*/c')).toEqual({ base: 'a', glob: 'b*/c' });
    expect(splitGlob('a/b\\*')).toEqual({ base: 'a/b\\*', glob: '' });
    expect(splitGlob('*')).toEqual({ base: '', glob: '*' });
  });
});

test.each([
  ['a//b/./c/', 'a/b/c'],
  ['/', '/'],
  ['/../a', '/a'],
  ['../a/../..', '../..'],
  ['a/..', '.'],
  ['', '.'],
])('the path %j is cleaned to %j', (path, clean) => {
  expect(cleanPath(path)).toBe(clean);
});
