import { stripVTControlCharacters } from 'node:util';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import stringWidth from 'string-width';
import type { DwtEvent } from '../../src/events.ts';
import { renderFrame } from '../../src/report/frame.ts';
import { plainPaper } from '../../src/report/paper.ts';
import { Progress } from '../../src/report/progress.ts';

const marks = { tick: '✔', cross: '✖', dot: '·', full: '━', empty: '─' };

function frame(events: readonly DwtEvent[], { width = 80, height = 24, now = 10_000 } = {}): string[] {
  const progress = new Progress();
  for (const event of events) progress.apply(event, 0);
  const paper = { ...plainPaper, width };
  return renderFrame(progress, { paper, height, now, startedAt: 0, spinner: '*', marks });
}

const queued = (task: string, parent: string | null): DwtEvent => ({
  type: 'task-queued',
  task,
  parent,
  title: task,
});
const started = (task: string, title: string): DwtEvent => ({
  type: 'step-started',
  task,
  step: `${task}/1`,
  title,
});
const family = [
  queued('base', null),
  queued('python', 'base'),
  queued('rv4', 'base'),
  queued('lab', 'python'),
];

describe('renderFrame', () => {
  test('a line for each stage, its running step and the time', () => {
    const events: DwtEvent[] = [
      ...family,
      { type: 'task-finished', task: 'base', outcome: 'built', seconds: 4, bytes: 120e6 },
      started('python', 'RUN pip install'),
      { type: 'step-progress', task: 'python', step: 'python/1', item: 'x', current: 25, total: 100 },
    ];
    expect(frame(events)).toEqual([
      '✔ base       built, 120 MB                                                4.0 s',
      '├─ * python  ━━━───────  25% RUN pip install                               10 s',
      '│  └─ · lab',
      '└─ · rv4',
      '1 of 4 done, 1 running, 2 waiting, 10 s',
    ]);
  });

  test('a stage that has nothing to run yet says what it waits for', () => {
    const events: DwtEvent[] = [...family, { type: 'task-started', task: 'lab' }];
    expect(frame(events)[2]).toMatch(/\* lab +waits for base +10 s/);
    expect(frame([...events, started('python', 'RUN pip')])[2]).toMatch(/\* lab +waits for python/);
    const done = ['base', 'python'].map(
      (task): DwtEvent => ({
        type: 'task-finished',
        task,
        outcome: 'done',
        seconds: 1,
      }),
    );
    expect(frame([...events, ...done])[2]).not.toContain('waits');
  });

  test('a stage that failed keeps the last output of its step', () => {
    const events: DwtEvent[] = [
      ...family,
      started('rv4', 'RUN apt-get'),
      { type: 'step-log', task: 'rv4', step: 'rv4/1', text: 'E: no such package' },
      { type: 'step-finished', task: 'rv4', step: 'rv4/1', outcome: 'failed', seconds: 1 },
      { type: 'task-finished', task: 'rv4', outcome: 'failed', seconds: 1 },
    ];
    expect(frame(events).slice(3, -1)).toEqual([
      expect.stringContaining('└─ ✖ rv4'),
      '        RUN apt-get',
      '        E: no such package',
    ]);
  });

  test('where there is little room, what is done goes first, then what waits', () => {
    const many = Array.from({ length: 50 }, (_, number) => queued(`s${number}`, null));
    const events: DwtEvent[] = [
      ...many,
      ...Array.from(
        { length: 20 },
        (_, number): DwtEvent => ({
          type: 'task-finished',
          task: `s${number}`,
          outcome: 'built',
          seconds: 1,
        }),
      ),
      started('s49', 'RUN x'),
    ];
    const lines = frame(events, { height: 6 });
    expect(lines).toHaveLength(6);
    expect(lines[4]).toContain('* s49');
    expect(lines.join()).not.toContain('✔');
    expect(lines[5]).toBe('20 of 50 done, 1 running, 29 waiting, 45 not shown, 10 s');
  });

  test('no line is wider than the terminal nor the frame higher, whatever the titles are', () => {
    const title = fc.string({ unit: 'grapheme', maxLength: 120 });
    fc.assert(
      fc.property(
        fc.array(title, { maxLength: 8 }),
        fc.integer({ min: 12, max: 220 }),
        fc.integer({ min: 2, max: 12 }),
        (titles, width, height) => {
          const events = titles.flatMap((text, number) => [
            queued(
              `stage-with-a-long-name-${number}`,
              number > 0 ? `stage-with-a-long-name-${number - 1}` : null,
            ),
            started(
              `stage-with-a-long-name-${number}`,
              stripVTControlCharacters(text).replace(/\p{C}/gu, ''),
            ),
          ]);
          const lines = frame(events, { width, height });
          expect(lines.length).toBeLessThanOrEqual(height);
          for (const line of lines) expect(stringWidth(line)).toBeLessThanOrEqual(width);
        },
      ),
    );
  });
});
