/** The report of a run as a page: what it keeps of the events, and that nothing in it is taken for markup. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { DwtError } from '../../src/errors.ts';
import type { DwtEvent } from '../../src/events.ts';
import { parseDockerfile } from '../../src/hierarchy/parse.ts';
import { conceal } from '../../src/redact.ts';
import { html } from '../../src/report/html/markup.ts';
import { type ReportContent, renderPage } from '../../src/report/html/page.ts';
import { readPictures } from '../../src/report/html/pictures.ts';
import { RunRecord } from '../../src/report/html/run-record.ts';
import { sizeParts } from '../../src/workflows/image-sizes.ts';

const record = (...events: (readonly [number, DwtEvent])[]): RunRecord => {
  const made = new RunRecord();
  for (const [now, event] of events) made.apply(event, now);
  return made;
};
const queued = (task: string): DwtEvent => ({ type: 'task-queued', task, parent: null, title: task });
const step = (task: string, name: string, internal = false): DwtEvent => ({
  type: 'step-started',
  task,
  step: name,
  title: name,
  internal,
});
const stepEnd = (task: string, name: string, outcome: 'done' | 'failed', seconds: number): DwtEvent => ({
  type: 'step-finished',
  task,
  step: name,
  outcome,
  seconds,
});

describe('the record', () => {
  test('a stage that is built, judged and pushed in one run is a task each time', () => {
    const { tasks } = record(
      [0, queued('lab')],
      [1, { type: 'task-started', task: 'lab' }],
      [2, { type: 'task-finished', task: 'lab', outcome: 'built', seconds: 1 }],
      [2, queued('lab')],
      [3, { type: 'task-started', task: 'lab' }],
      [5, { type: 'task-finished', task: 'lab', outcome: 'passed', seconds: 2 }],
    );
    expect(tasks.map(({ start, end, outcome }) => [start, end, outcome])).toEqual([
      [1, 2, 'built'],
      [3, 5, 'passed'],
    ]);
  });

  test('keeps the last output of a step that failed, and of no other', () => {
    const log = (name: string, text: string): DwtEvent => ({
      type: 'step-log',
      task: 'lab',
      step: name,
      text,
    });
    const lines = Array.from({ length: 100 }, (_, n): readonly [number, DwtEvent] => [
      1,
      log('bad', `line ${n}`),
    ]);
    const { tasks } = record(
      [0, queued('lab')],
      [0, step('lab', 'good')],
      [0, step('lab', 'bad')],
      [1, log('good', 'all is well')],
      ...lines,
      [2, stepEnd('lab', 'good', 'done', 2)],
      [2, stepEnd('lab', 'bad', 'failed', 2)],
    );
    const [good, bad] = tasks[0]?.steps ?? [];
    expect(good?.output).toEqual([]);
    expect(bad?.output).toHaveLength(60);
    expect(bad?.output.at(-1)).toBe('line 99');
  });

  test("the engine's own work is kept where it is slow or fails", () => {
    const { tasks } = record(
      [0, queued('lab')],
      [0, step('lab', 'quick', true)],
      [0, stepEnd('lab', 'quick', 'done', 0.1)],
      [0, step('lab', 'slow', true)],
      [9, stepEnd('lab', 'slow', 'done', 9)],
      [9, step('lab', 'broken', true)],
      [9, stepEnd('lab', 'broken', 'failed', 0)],
    );
    expect(tasks[0]?.steps.map(({ title }) => title)).toEqual(['slow', 'broken']);
  });

  test('what an interruption ends is cancelled, with what it said last', () => {
    const made = record(
      [0, queued('lab')],
      [0, queued('later')],
      [1, step('lab', 'long')],
      [2, { type: 'step-log', task: 'lab', step: 'long', text: 'half-way' }],
    );
    made.close(7);
    expect(made.tasks.map(({ outcome, start, end }) => [outcome, start, end])).toEqual([
      ['cancelled', 1, 7],
      ['queued', null, 7],
    ]);
    expect(made.tasks[0]?.steps).toEqual([
      expect.objectContaining({ outcome: 'cancelled', seconds: 6, output: ['half-way'] }),
    ]);
  });

  test('counts what it has no room for', () => {
    const made = record(
      ...Array.from({ length: 501 }, (): readonly [number, DwtEvent] => [
        0,
        { type: 'warning', message: 'w' },
      ]),
    );
    expect(made.warnings).toHaveLength(500);
    expect(made.leftOut).toBe(1);
    expect(renderPage(content({ record: made }))).toContain('no room for 1 more entries');
  });
});

const content = (more: Partial<ReportContent>): ReportContent => ({
  command: 'build',
  verdict: 'done',
  started: new Date('2026-01-02T03:04:05.678Z'),
  seconds: 12,
  record: record(
    [0, queued('base')],
    [1, { type: 'task-finished', task: 'base', outcome: 'reused', seconds: 0 }],
  ),
  results: {},
  errors: [],
  sizes: new Map(),
  pictures: new Map(),
  surroundings: [],
  ...more,
});

describe('the page', () => {
  const evil = `"><script>alert('x')</script><img src=x onerror=alert(1)>`;

  test('nothing that somebody else said is markup, wherever it is put', () => {
    const error = new DwtError('BUILD_FAILED', evil, {
      hint: evil,
      excerpt: evil,
      detail: evil,
      location: { file: evil, line: 1 },
      cause: new Error(`cause ${evil}`),
    });
    const page = renderPage(
      content({
        command: evil,
        errors: [error],
        record: record(
          [0, queued(evil)],
          [0, step(evil, evil)],
          [0, { type: 'step-log', task: evil, step: evil, text: `said ${evil}` }],
          [1, stepEnd(evil, evil, 'failed', 1)],
          [1, { type: 'task-finished', task: evil, outcome: 'failed', seconds: 1, error }],
          [1, { type: 'warning', message: evil, hint: evil }],
        ),
        results: {
          built: [{ stage: evil, reference: evil, id: evil, action: 'built', seconds: 1, size: 1 }],
          tested: [
            {
              stage: evil,
              reference: evil,
              id: evil,
              verdict: 'fail',
              checks: [
                {
                  name: evil,
                  verdict: 'fail',
                  detail: evil,
                  seconds: 1,
                  output: evil,
                  screenshot: evil,
                  error,
                },
              ],
              skipped: [{ name: evil, because: evil }],
              standIns: [evil],
              seconds: 1,
            },
          ],
          published: [{ stage: evil, reference: evil, digest: evil, action: 'pushed' }],
          facts: [[evil, evil]],
        },
        sizes: new Map([[evil, [{ name: evil, bytes: 1 }]]]),
        surroundings: [[evil, evil]],
      }),
    );
    expect(page).not.toMatch(/<script|<img src=x/);
    expect(page.split('&lt;script&gt;').length).toBeGreaterThan(25);
  });

  test('text of any kind comes back as it was, and leaves no room for markup', () => {
    const entities: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', '#39': "'" };
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme-ascii' }), (text) => {
        const { text: written } = html`<p title="${text}">${text}</p>`;
        expect(written.match(/[<>]/g)).toHaveLength(4);
        const [, value = ''] = /^<p title="([^"]*)">/.exec(written) ?? [];
        expect(value.replace(/&([^;]+);/g, (_, name: string) => entities[name] ?? '?')).toBe(text);
      }),
    );
  });

  test('nothing concealed is in it, with characters that are escaped in it too', () => {
    const secret = `pass<word>&"quoted"'s`;
    conceal(secret);
    const page = renderPage(
      content({
        errors: [new DwtError('BUILD_FAILED', 'It failed.', { detail: `login with ${secret} failed` })],
        surroundings: [['Command', `dwt build --build-arg TOKEN=${secret}`]],
      }),
    );
    expect(page).toContain('login with [redacted] failed');
    expect(page).not.toContain('quoted');
  });

  test('asks nothing of anybody: no script, no address', () => {
    const page = renderPage(content({}));
    expect(page).not.toMatch(/<script|<link|<iframe|https?:|url\(|@import/);
  });

  test('one failure with several victims is told once, and what was only called off comes last', () => {
    const page = renderPage(
      content({
        verdict: 'failed',
        errors: [
          new DwtError('BUILD_CANCELLED', 'lab was not built because base failed.'),
          new DwtError('BUILD_FAILED', 'Stage base failed.'),
          new DwtError('BUILD_FAILED', 'Stage base failed.'),
        ],
      }),
    );
    const headings = [...page.matchAll(/<h3>(.*?)<\/h3>/g)].map(([, title]) => title);
    expect(headings).toEqual(['Stage base failed.', 'lab was not built because base failed.']);
  });

  test('what was judged with a stand-in is told beside its verdict', () => {
    const image = { stage: 'studio', reference: 'p/studio', id: 'sha256:1', verdict: 'pass' as const };
    const tested = [{ ...image, checks: [], skipped: [], seconds: 1, standIns: ['server'] }];
    const page = renderPage(content({ results: { tested } }));
    expect(page).toContain('It is a stand-in for server: nothing is proved of the real one.');
  });

  test('an empty run has a page too', () => {
    const page = renderPage(content({ record: new RunRecord(), seconds: 0 }));
    expect(page).toContain('Nothing was done in 0.0 s.');
    expect(page).not.toContain('id="timeline"');
  });

  test.each([0.05, 1, 61, 3000, 90_000])('the axis of %d seconds has few marks', (seconds) => {
    const made = record([0, queued('a')], [0, { type: 'task-started', task: 'a' }]);
    made.close(seconds);
    const marks = renderPage(content({ record: made, seconds })).match(/class="tick"/g) ?? [];
    expect(marks.length).toBeGreaterThan(0);
    expect(marks.length).toBeLessThanOrEqual(6);
  });
});

describe('sizes by stage', () => {
  const hierarchy = parseDockerfile(
    'FROM debian AS base\nARG A\nRUN one\nFROM base AS lab\nENV B=c\nCOPY x /\nCMD ["x"]\n',
    { file: 'Dockerfile' },
  );
  const history = [
    { by: 'dwt base', bytes: 100 },
    { by: 'ARG A', bytes: 0 },
    { by: 'RUN |1 A= /bin/sh -c one # buildkit', bytes: 20 },
    { by: 'ENV B=c', bytes: 0 },
    { by: 'COPY x / # buildkit', bytes: 3 },
    { by: 'CMD ["x"]', bytes: 0 },
  ];

  test('each stage has what its instructions add, the base image the rest', () => {
    expect(sizeParts(hierarchy, 'lab', history)).toEqual([
      { name: 'debian', bytes: 100 },
      { name: 'base', bytes: 20 },
      { name: 'lab', bytes: 3 },
    ]);
    expect(sizeParts(hierarchy, 'base', history.slice(0, 3))?.at(-1)).toEqual({ name: 'base', bytes: 20 });
  });

  test('a history that is not that of the Dockerfile is not guessed at', () => {
    expect(sizeParts(hierarchy, 'lab', history.slice(2))).toBeNull();
    expect(sizeParts(hierarchy, 'lab', history.toSpliced(4, 0, { by: 'RUN trigger', bytes: 7 }))).toBeNull();
    expect(sizeParts(hierarchy, 'gone', history)).toBeNull();
  });
});

describe('pictures', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'dwt-pictures-'));
  });
  afterAll(() => rm(folder, { recursive: true }));

  const png = (width: number, height: number, bytes: number): Buffer => {
    const file = Buffer.alloc(bytes);
    Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]).copy(file);
    file.writeUInt32BE(width, 16);
    file.writeUInt32BE(height, 20);
    return file;
  };
  const kept = async (name: string, bytes: Buffer): Promise<string> => {
    const file = join(folder, name);
    await writeFile(file, bytes);
    return file;
  };

  test('are part of the page with their size; what is too large, no picture or gone is not', async () => {
    const small = await kept('small.png', png(640, 480, 100));
    const large = await kept('large.png', png(1, 1, 2_000_001));
    const text = await kept('text.png', Buffer.from('<svg onload=alert(1)>'));
    const found = await readPictures([small, large, text, join(folder, 'gone.png')]);
    expect([...found.keys()]).toEqual([small]);
    expect(found.get(small)).toMatchObject({ width: 640, height: 480 });
  });

  test('until the page is full', async () => {
    const files = await Promise.all(
      Array.from({ length: 10 }, (_, n) => kept(`${n}.png`, png(1, 1, 1_900_000))),
    );
    expect((await readPictures(files)).size).toBe(8);
  });
});
