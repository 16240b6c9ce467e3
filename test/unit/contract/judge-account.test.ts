import { describe, expect, test } from '@jest/globals';
import { judgeAccount } from '../../../src/contract/judge-account.ts';

const right = {
  passwd: 'root:x:0:0:root:/root:/bin/bash\ndw-user:x:4356:4357::/home/dw-user:/bin/bash\n',
  group: 'root:x:0:\ndw-user:x:4357:\n',
  home: { path: '/home/dw-user', mode: 0o40755, uid: 4356, gid: 4357, refusal: '' },
};

test('the account of the platform', () => {
  expect(judgeAccount(right)).toEqual({
    verdict: 'pass',
    seen: 'dw-user is 4356:4357; /home/dw-user belongs to 4356:4357 with mode 0755 and can be written to',
  });
});

describe('fails', () => {
  test.each([
    ['no files at all', { passwd: null, group: null }, /no user dw-user/],
    ['another uid', { passwd: 'dw-user:x:1000:4357::/home/dw-user:/bin/sh' }, /has uid 1000, not 4356/],
    [
      'another primary group',
      { passwd: 'dw-user:x:4356:100::/home/dw-user:/bin/sh' },
      /has gid 100, not 4357/,
    ],
    [
      'another home',
      { passwd: 'dw-user:x:4356:4357::/nonexistent:/bin/sh' },
      /home of dw-user is \/nonexistent/,
    ],
    [
      'another name first',
      { passwd: `jovyan:x:4356:100::/home/jovyan:/bin/sh\n${right.passwd}` },
      /uid 4356 is called jovyan/,
    ],
    ['no group', { group: 'root:x:0:\n' }, /no group dw-user/],
    ['another group id', { group: 'dw-user:x:4356:\n' }, /group dw-user has gid 4356/],
    ['no home at run time', { home: null }, /is not a folder/],
    [
      'a home of root',
      { home: { ...right.home, uid: 0, gid: 0, refusal: 'Permission denied' } },
      /cannot write to its home: Permission denied; .* 0:0/,
    ],
  ])('%s', (_, over, seen) => {
    const judged = judgeAccount({ ...right, ...over });
    expect(judged.verdict).toBe('fail');
    expect(judged.seen).toMatch(seen);
  });
});
