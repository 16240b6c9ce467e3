import { describe, expect, test } from '@jest/globals';
import type { PageEvidence, PageProblem } from '../../../src/contract/evidence.ts';
import { judgePage } from '../../../src/contract/judge-page.ts';
import { judgeCommand } from '../../../src/contract/trial-commands.ts';
import type { PageSettings } from '../../../src/project/project.ts';

const page: PageSettings = {
  path: '/lab',
  visible: [{ text: 'Launcher' }, { selector: '#main' }],
  within: 30,
  prefix: null,
  allow: {},
};
const right: PageEvidence = {
  path: '/lab',
  prefix: '',
  status: 200,
  refusal: null,
  title: 'Lab "5"',
  requests: 143,
  problems: [],
  seen: [2.1, 0.4],
  loaded: null,
  blank: false,
  cut: { websockets: 0, lost: [] },
  screenshot: null,
};
const problem = (kind: PageProblem['kind'], text: string, afterCut = false): PageProblem => ({
  kind,
  text,
  afterCut,
});
const judge = (evidence: Partial<PageEvidence>, settings: Partial<PageSettings> = {}) =>
  judgePage({ ...right, ...evidence }, { ...page, ...settings });

test('a right page is told with what was seen of it', () => {
  expect(judge({})).toEqual({
    verdict: 'pass',
    seen: '/lab: title "Lab \\"5\\"", 143 requests, "Launcher" and #main visible after 2.1 s',
  });
  expect(judge({ cut: { websockets: 2, lost: [] } }).seen).toMatch(
    /after 2\.1 s, still so after the proxy had cut 2 idle websockets$/,
  );
  expect(judge({ seen: [], loaded: 1.5 }, { visible: [] })).toMatchObject({
    verdict: 'pass',
    seen: expect.stringMatching(/143 requests, loaded after 1\.5 s$/),
  });
});

test.each<[string, Partial<PageEvidence>, RegExp, RegExp]>([
  [
    'no document',
    { status: null, refusal: 'net::ERR_EMPTY_RESPONSE', seen: [null, null] },
    /^\/lab could not be opened: net::ERR_EMPTY_RESPONSE$/,
    /last lines/,
  ],
  ['a refused document', { status: 404 }, /^\/lab answered 404$/, /checks: page: path:/],
  ['one under a path', { status: 502, prefix: '/a' }, /^\/a\/lab answered 502$/, /under the path/],
  [
    'a thing not to be seen',
    { seen: [null, 1] },
    /143 requests\): "Launcher" not to be seen after 30\.0 s$/,
    /screenshot/,
  ],
  [
    'a thing that goes',
    { cut: { websockets: 1, lost: [1] } },
    /: #main gone after the proxy had cut 1 idle websocket$/,
    /open them again/,
  ],
  ['a script error', { problems: [problem('script', 'script error: x')] }, /: script error: x$/, /allow:/],
  [
    'one after the cut',
    { problems: [problem('script', 'script error: x', true)] },
    /: after the proxy had cut idle connections: script error: x$/,
    /open them again/,
  ],
  [
    'another host',
    { problems: [problem('elsewhere', 'asks e.com: GET http://e.com/')] },
    /: asks e\.com/,
    /Serve from the image/,
  ],
  ['a websocket', { problems: [problem('websocket', 'websocket /ws failed: 403')] }, /\/ws failed/, /Host/],
])('%s is a failure', (_title, evidence, seen, hint) => {
  const judgement = judge(evidence);
  expect(judgement).toMatchObject({ verdict: 'fail', seen: expect.stringMatching(seen) });
  expect(judgement.hint).toMatch(hint);
});

test('without things that must be seen, a page that does not load, or shows nothing, is a failure', () => {
  expect(judge({ seen: [], loaded: null }, { visible: [] }).seen).toMatch(/: not loaded after 30\.0 s$/);
  expect(judge({ seen: [], loaded: 1, blank: true }, { visible: [] }).seen).toMatch(
    /: nothing to be seen at all$/,
  );
});

describe('allowances', () => {
  const problems = [
    problem('response', 'GET /favicon.ico answered 404'),
    problem('console', 'console error: no favicon'),
    problem('response', 'GET /main.js answered 404'),
  ];
  test('take away what they name, and nothing else', () => {
    expect(judge({ problems }, { allow: { favicon: 'it has none' } }).seen).toMatch(
      /requests\): GET \/main\.js answered 404$/,
    );
  });
  test('are told by their reasons', () => {
    expect(judge({ problems }, { allow: { favicon: 'it has none', 'GET /main.js': 'old' } })).toMatchObject({
      verdict: 'pass',
      seen: expect.stringMatching(/, allowed: it has none and old$/),
    });
  });
});

test('of many problems the first are told, and how many more there are', () => {
  const problems = Array.from({ length: 9 }, (_, index) => problem('console', `console error: ${index}`));
  expect(judge({ problems }).seen).toMatch(/: console error: 0; .*console error: 4; 4 more problems$/);
});

test('a command is judged by its exit code, and told in a line', () => {
  expect(judgeCommand('git lfs env', 0)).toEqual({ verdict: 'pass', seen: '`git lfs env` ended with 0' });
  expect(judgeCommand('a\n  b', 127)).toMatchObject({ verdict: 'fail', seen: '`a b` ended with 127' });
  expect(judgeCommand('sleep 100', null).seen).toBe('`sleep 100` did not end within 60 s');
});
