import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { DwtError } from '../../src/errors.ts';
import type { DwtEvent } from '../../src/events.ts';
import { conceal, redact } from '../../src/redact.ts';
import { cleanEvents } from '../../src/report/clean-events.ts';
import { LogLines, longestLine } from '../../src/report/log-lines.ts';
import { plainDisplay } from '../../src/report/plain.ts';

const log = (text: string): DwtEvent => ({ type: 'step-log', task: 'base', step: 's', text });

describe('LogLines', () => {
  const linesOf = (...chunks: string[]): string[] => {
    const lines = new LogLines();
    return [...chunks.flatMap((chunk) => lines.push(chunk)), ...lines.end()];
  };

  test('joins parts of lines', () => {
    expect(linesOf('a', 'b\nc', '\n', 'd')).toEqual(['ab', 'c', 'd']);
  });

  test('a carriage return starts the line over', () => {
    expect(linesOf('10%\r20%\r', '100%\r\nnext\r\n')).toEqual(['100%', 'next']);
  });

  test('nothing that moves a cursor or sounds a bell is left', () => {
    expect(linesOf('\u001b[2J\u001b[31mred\u001b[0m\u0007\u001b]0;title\u0007\u009b1A!\n')).toEqual(['red!']);
  });

  test('a line of ten megabytes is cut, in constant memory, and says so', () => {
    const lines = new LogLines();
    for (let part = 0; part < 160; part++) expect(lines.push('x'.repeat(65536))).toEqual([]);
    const [line = ''] = lines.push('\n');
    expect(line).toBe(`${'x'.repeat(longestLine)} … (10485760 characters)`);
  });

  test('how the output is cut into chunks changes nothing', () => {
    const text = fc.array(fc.constantFrom('a', 'bc', '\n', '\r\n', ' ')).map((parts) => parts.join(''));
    fc.assert(
      fc.property(text, fc.array(fc.nat(20)), (whole, cuts) => {
        const places = [...new Set(cuts.map((cut) => Math.min(cut, whole.length)))].sort((a, b) => a - b);
        const chunks = [...places, whole.length].map((end, index) =>
          whole.slice(places[index - 1] ?? 0, end),
        );
        expect(linesOf(...chunks)).toEqual(linesOf(whole));
      }),
    );
  });
});

describe('cleanEvents', () => {
  const cleaned = (...events: DwtEvent[]): DwtEvent[] => {
    const seen: DwtEvent[] = [];
    const emit = cleanEvents((event) => seen.push(event));
    for (const event of events) emit(event);
    return seen;
  };

  test('what a step leaves unfinished is told when it ends', () => {
    const end: DwtEvent = { type: 'step-finished', task: 'base', step: 's', outcome: 'done', seconds: 1 };
    expect(cleaned(log('no line feed'), end)).toEqual([log('no line feed'), end]);
  });

  test('a secret is in no event, though it came in two chunks', () => {
    conceal('hunter2-hunter2');
    const text = JSON.stringify(
      cleaned(
        log('token=hunter2-'),
        log('hunter2 ok\n'),
        { type: 'step-started', task: 'base', step: 't', title: 'RUN echo hunter2-hunter2' },
        {
          type: 'task-finished',
          task: 'base',
          outcome: 'failed',
          seconds: 1,
          error: new DwtError('BUILD_FAILED', 'hunter2-hunter2.', {
            detail: 'x\nhunter2-hunter2',
            hint: 'hunter2-hunter2',
          }),
        },
        { type: 'warning', message: 'hunter2-hunter2' },
      ),
    );
    expect(text).not.toContain('hunter2');
    expect(text).toContain('token=[redacted] ok');
  });
});

describe('redact', () => {
  test('a secret of several lines is taken out line by line, and where JSON has escaped it', () => {
    conceal('first-line-of-key\nsecond-line-of-key\n');
    conceal('with"quote');
    expect(redact('a second-line-of-key b')).toBe('a [redacted] b');
    expect(redact(JSON.stringify('with"quote'))).toBe('"[redacted]"');
  });

  test('values too short to be secrets stay', () => {
    conceal('ok');
    expect(redact('ok')).toBe('ok');
  });
});

describe('plainDisplay', () => {
  test('every line starts with its stage and can stand alone', () => {
    const lines: string[] = [];
    const { emit } = plainDisplay((line) => lines.push(line));
    const events: DwtEvent[] = [
      { type: 'task-queued', task: 'base', parent: null, title: 'base' },
      { type: 'task-queued', task: 'python', parent: 'base', title: 'python' },
      { type: 'task-finished', task: 'base', outcome: 'reused', seconds: 0, bytes: 123_456_789 },
      { type: 'task-started', task: 'python' },
      { type: 'step-started', task: 'python', step: '1', title: 'RUN pip install' },
      { type: 'step-log', task: 'python', step: '1', text: 'Collecting pandas' },
      { type: 'step-finished', task: 'python', step: '1', outcome: 'failed', seconds: 12.34 },
      {
        type: 'task-finished',
        task: 'python',
        outcome: 'failed',
        seconds: 13,
        error: new DwtError('BUILD_FAILED', 'Broken.'),
      },
    ];
    for (const event of events) emit(event);
    expect(lines).toEqual([
      'base   | = reused, 123 MB',
      'python | > RUN pip install',
      'python |   Collecting pandas',
      'python | < failed (12 s): RUN pip install',
      'python | ! FAILED, 13 s, Broken.',
    ]);
  });

  const linesOf = (...events: DwtEvent[]): string[] => {
    const lines: string[] = [];
    const { emit } = plainDisplay((line) => lines.push(line));
    for (const event of events) emit(event);
    return lines;
  };
  const step = (title: string, internal = false): DwtEvent => ({
    type: 'step-started',
    task: 'base',
    step: 's',
    title,
    ...(internal && { internal }),
  });
  const end = (outcome: 'done' | 'failed', seconds: number): DwtEvent => ({
    type: 'step-finished',
    task: 'base',
    step: 's',
    outcome,
    seconds,
  });

  test("the engine's own steps are told where they are slow, fail or say something", () => {
    const own = step('load remote build context', true);
    expect(linesOf(own, end('done', 0.2))).toEqual([]);
    expect(linesOf(own, end('done', 31))).toEqual(['base | < done (31 s): load remote build context']);
    expect(linesOf(own, end('failed', 0))).toEqual(['base | < failed (0.0 s): load remote build context']);
    expect(linesOf(own, log('odd'), end('done', 0.2))).toEqual([
      'base | > load remote build context',
      'base |   odd',
      'base | < done (0.2 s): load remote build context',
    ]);
  });

  test('a long step is written out once', () => {
    const [start = '', done = ''] = linesOf(
      step(`2/5 RUN apt-get update && apt-get install ${'package '.repeat(20)}`),
      end('done', 9),
    );
    expect(start).toContain('package package');
    expect(done).toBe('base | < done (9.0 s): 2/5 RUN apt-get update && apt-get insta…');
    expect(linesOf(step('x'.repeat(3000))).join('').length).toBeLessThan(600);
  });
});
