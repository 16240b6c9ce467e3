import { stripVTControlCharacters } from 'node:util';
import { describe, expect, test } from '@jest/globals';
import stringWidth from 'string-width';
import { DwtError } from '../../src/errors.ts';
import { treeLines } from '../../src/report/branches.ts';
import { renderBuild } from '../../src/report/build.ts';
import { type Paper, plainPaper } from '../../src/report/paper.ts';
import { failuresOf, renderSmokeTest } from '../../src/report/smoke-test.ts';
import { renderTable } from '../../src/report/table.ts';
import { formatBytes, formatSeconds } from '../../src/report/units.ts';
import type { TestedImage } from '../../src/workflows/smoke-test.ts';

const narrow: Paper = { ...plainPaper, width: 80 };

test.each([
  [0, '0 B'],
  [999, '999 B'],
  [999_600, '1.0 MB'],
  [1_234_567, '1.2 MB'],
  [111_466_419, '111 MB'],
  [2_345_678_901, '2.3 GB'],
])('%d bytes are %s', (bytes, text) => expect(formatBytes(bytes)).toBe(text));

test.each([
  [0.04, '0.0 s'],
  [9.94, '9.9 s'],
  [59.4, '59 s'],
  [59.6, '1 min 00 s'],
  [125, '2 min 05 s'],
  [3720, '1 h 02 min'],
])('%d seconds are %s', (seconds, text) => expect(formatSeconds(seconds)).toBe(text));

describe('treeLines', () => {
  test('children in the order given, roots where the parent is not shown', () => {
    const nodes = [
      { name: 'base', parent: null },
      { name: 'python', parent: 'base' },
      { name: 'r', parent: 'base' },
      { name: 'lab', parent: 'python' },
      { name: 'orphan', parent: 'elsewhere' },
    ];
    expect(treeLines(nodes).map(({ node, branch }) => branch + node.name)).toEqual([
      'base',
      '├─ python',
      '│  └─ lab',
      '└─ r',
      'orphan',
    ]);
  });

  test('a chain of ten thousand stages', () => {
    const nodes = Array.from({ length: 10_000 }, (_, n) => ({
      name: `s${n}`,
      parent: n > 0 ? `s${n - 1}` : null,
    }));
    expect(treeLines(nodes)).toHaveLength(10_000);
  });
});

describe('renderTable', () => {
  const columns = [
    { title: 'NAME' },
    { title: 'TEXT', shrink: true },
    { title: 'N', align: 'right' as const },
  ];

  test('wide characters and emoji take their columns', async () => {
    const text = await renderTable(
      columns,
      [
        ['日本語', 'x', '1'],
        ['abc', '🎉', '22'],
      ],
      narrow,
    );
    expect(text.split('\n')).toEqual(['NAME    TEXT   N', '日本語  x      1', 'abc     🎉    22']);
  });

  test('only the column that may shrink is cut, and no line is wider than the paper', async () => {
    const text = await renderTable(columns, [['n'.repeat(30), 't'.repeat(100), '7']], narrow);
    for (const line of text.split('\n')) expect(stringWidth(line)).toBeLessThanOrEqual(80);
    expect(text).toContain('n'.repeat(30));
    expect(text).toContain('…');
  });

  test('nothing is cut where there is no edge', async () => {
    expect(await renderTable(columns, [['n', 't'.repeat(1000), '7']], plainPaper)).toContain(
      't'.repeat(1000),
    );
  });
});

test('a build is a line for each image and a sum', async () => {
  const text = await renderBuild(
    {
      seconds: 75,
      images: [
        {
          stage: 'a',
          reference: 'p/a:latest',
          id: `sha256:${'1'.repeat(64)}`,
          action: 'built',
          seconds: 70,
          size: 2e9,
        },
        {
          stage: 'b',
          reference: 'p/b:latest',
          id: `sha256:${'2'.repeat(64)}`,
          action: 'reused',
          seconds: 0,
          size: 3e6,
        },
        {
          stage: 'c',
          reference: 'p/c:latest',
          id: null,
          action: null,
          seconds: 5,
          size: null,
          error: new DwtError('BUILD_FAILED', 'No.'),
        },
        {
          stage: 'd',
          reference: 'p/d:latest',
          id: null,
          action: null,
          seconds: 0,
          size: null,
          error: new DwtError('BUILD_CANCELLED', 'No.'),
        },
      ],
    },
    narrow,
  );
  expect(text.split('\n')).toEqual([
    'IMAGE  RESULT     ID              SIZE        TIME',
    'p/a    built      111111111111  2.0 GB  1 min 10 s',
    'p/b    reused     222222222222  3.0 MB',
    'p/c    FAILED                                5.0 s',
    'p/d    cancelled                             0.0 s',
    '',
    '1 built, 1 reused, 1 failed, 1 cancelled in 1 min 15 s',
  ]);
});

describe('renderSmokeTest', () => {
  const good: TestedImage = {
    stage: 'python-jupyterlab',
    reference: 'p/python-jupyterlab:latest',
    id: 'sha256:1',
    verdict: 'pass',
    checks: [
      { name: 'http', verdict: 'pass', detail: '200 after 3.1 s', seconds: 3.1 },
      { name: 'user', verdict: 'pass', detail: '8888 is held by pid 7, python, uid 4356', seconds: 0.2 },
    ],
    skipped: [],
    seconds: 12,
  };
  const bad: TestedImage = {
    ...good,
    stage: 'pgadmin',
    verdict: 'fail',
    checks: [
      { name: 'http', verdict: 'pass', detail: '200 after 3.1 s', seconds: 3.1 },
      {
        name: 'user',
        verdict: 'fail',
        detail: '8888 is held by pid 7, python, uid 0',
        seconds: 0.2,
        output: 'one\ntwo\n',
      },
    ],
    skipped: [{ name: 'restart', because: 'it never served' }],
  };

  test('images down, checks across, and below it what failed with its evidence', async () => {
    const text = stripVTControlCharacters(await renderSmokeTest({ images: [good, bad] }, narrow));
    expect(text.split('\n')).toEqual([
      'IMAGE              VERDICT  http  user  TIME',
      'python-jupyterlab  ✔ pass   ✔     ✔     12 s',
      'pgadmin            ✖ FAIL   ✔     ✖     12 s',
      '',
      'pgadmin',
      '  ✖ user: 8888 is held by pid 7, python, uid 0',
      '    | one',
      '    | two',
      '  not judged: restart (it never served)',
      '',
      '1 passed, 1 failed',
    ]);
  });

  test('what was judged with a stand-in is told, whatever the verdict', async () => {
    const images = [good, { ...good, stage: 'rv4-rstudio', standIns: ['rstudio-server'] }];
    const text = stripVTControlCharacters(await renderSmokeTest({ images }, narrow));
    expect(text.split('\n').slice(3)).toEqual([
      '',
      'rv4-rstudio is a stand-in for rstudio-server: nothing is proved of the real one.',
      '',
      '2 passed',
    ]);
  });

  test('a picture stands between what can be done and the last lines', async () => {
    const page = {
      name: 'page',
      verdict: 'fail' as const,
      detail: 'blank',
      seconds: 5,
      output: 'GET /',
      screenshot: '/shots/pgadmin.png',
      error: new DwtError('CHECK_FAILED', 'x.', { hint: 'Look.' }),
    };
    const images = [{ ...bad, checks: [page], skipped: [] }];
    const text = stripVTControlCharacters(await renderSmokeTest({ images }, narrow));
    expect(text.split('\n').slice(3, -2)).toEqual([
      'pgadmin',
      '  ✖ page: blank',
      '    Hint: Look.',
      '    Screenshot: /shots/pgadmin.png',
      '    | GET /',
    ]);
  });

  test('where the checks do not fit across, they are words', async () => {
    const names = ['http', 'user', 'account', 'sudo', 'environment', 'stop', 'restart', 'isolation', 'page'];
    const checks = names.map((name) => ({
      name,
      verdict: name === 'stop' ? ('fail' as const) : ('pass' as const),
      detail: 'seen',
      seconds: 1,
    }));
    const text = await renderSmokeTest({ images: [good, { ...bad, checks }] }, narrow);
    expect(text.split('\n').slice(0, 3)).toEqual([
      'IMAGE              VERDICT  CHECKS        TIME',
      'python-jupyterlab  ✔ pass   2 checks      12 s',
      'pgadmin            ✖ FAIL   failed: stop  12 s',
    ]);
  });

  test('each failed check is an error, and so is what could not be judged', () => {
    const missing: TestedImage = {
      ...good,
      id: null,
      verdict: 'fail',
      checks: [],
      error: new DwtError('IMAGE_NOT_FOUND', 'Not there.'),
    };
    expect(failuresOf({ images: [good, bad, missing] }).map(({ code }) => code)).toEqual([
      'CHECK_FAILED',
      'IMAGE_NOT_FOUND',
    ]);
  });
});
