import { describe, expect, test } from '@jest/globals';
import type { BuildProgress } from '../../../src/engine/engine.ts';
import type { DwtEvent } from '../../../src/events.ts';
import { parseDockerfile } from '../../../src/hierarchy/parse.ts';
import { excerpt, readStep } from '../../../src/hierarchy/step.ts';
import { trackSteps } from '../../../src/workflows/build-steps.ts';

const source = [
  'FROM debian:trixie AS base',
  'ENV A=1',
  'RUN make base',
  'FROM base AS python',
  'COPY a b',
  'RUN make python',
  'FROM python',
  'RUN make leaf',
].join('\n');
const hierarchy = parseDockerfile(source, { file: 'Dockerfile' });

describe('readStep', () => {
  test.each([
    ['[base 1/2] FROM docker.io/library/debian:trixie', 'base', 1],
    ['[base 2/2] RUN make base', 'base', 3],
    ['[python 1/2] COPY a b', 'python', 5],
    ['[python 2/2] RUN make python', 'python', 6],
    ['[linux/arm64 python 2/2] RUN make python', 'python', 6],
    ['[stage-2 1/1] RUN make leaf', '2', 8],
  ])('%s', (vertex, stage, line) => {
    const step = readStep(hierarchy, vertex);
    expect(step?.stage.name).toBe(stage);
    expect(step?.lines.start).toBe(line);
  });

  test.each(['[internal] load build context', 'exporting to image', '[gone 1/2] RUN x', 'importing cache'])(
    '%s is no step',
    (vertex) => {
      expect(readStep(hierarchy, vertex)).toBeNull();
    },
  );

  test('an excerpt marks the lines and keeps to the file', () => {
    expect(excerpt(hierarchy, { start: 1, end: 1 }, 1)).toBe(
      '> 1 | FROM debian:trixie AS base\n  2 | ENV A=1',
    );
  });
});

describe('trackSteps', () => {
  const collect = () => {
    const events: DwtEvent[] = [];
    const stages: string[] = [];
    return {
      events,
      stages,
      tracker: trackSteps(
        hierarchy,
        (event) => events.push(event),
        (stage) => stages.push(stage),
      ),
    };
  };
  const name = '[python 2/2] RUN make python';
  const started: BuildProgress = { type: 'vertex-started', vertex: 'v1', name };
  const finished = (error: string | null, cached = false): BuildProgress => ({
    type: 'vertex-finished',
    vertex: 'v1',
    name,
    cached,
    seconds: 2,
    error,
  });
  const log = (text: string | Uint8Array): BuildProgress => ({
    type: 'vertex-log',
    vertex: 'v1',
    stream: 1,
    data: Buffer.from(text as string),
  });

  test('a step that two builds share is told once', () => {
    const { events, tracker } = collect();
    for (const progress of [started, log('hello\n'), finished(null)]) {
      tracker.report(0, 'a', progress);
      tracker.report(1, 'b', progress);
    }
    expect(events.map(({ type }) => type)).toEqual(['step-started', 'step-log', 'step-finished']);
    expect(events[0]).toEqual({
      type: 'step-started',
      task: 'python',
      step: 'python 2',
      title: '2/2 RUN make python',
    });
  });

  test('a step that each build knows by a vertex of its own is told once too', () => {
    const { events, tracker } = collect();
    const other = <T extends BuildProgress>(progress: T): T => ({ ...progress, vertex: 'v2' });
    tracker.report(0, 'a', started);
    tracker.report(1, 'b', other(started));
    tracker.report(1, 'b', other(log('again\n')));
    tracker.report(0, 'a', log('once\n'));
    tracker.report(0, 'a', finished('exit code: 1'));
    tracker.report(1, 'b', other(finished('exit code: 1')));
    const told = events.flatMap((event) => (event.type === 'step-log' ? [event.text] : []));
    expect(told).toEqual(['once\n']);
    expect(events.filter(({ type }) => type === 'step-finished')).toHaveLength(1);
    expect(tracker.failure('v1')?.output).toBe('once');
    expect(tracker.failure('v2')?.output).toBe('once');
  });

  test("a step's title is one line, without its flags", () => {
    const { events, tracker } = collect();
    const long = '[python 2/2] RUN --mount=type=cache,target=/x --network=none   make \\\n   python --all';
    tracker.report(0, 'a', { ...started, name: long });
    expect(events[0]).toMatchObject({ title: '2/2 RUN make \\ python --all' });
  });

  test('when the build that told of a step ends, another one goes on', () => {
    const { events, tracker } = collect();
    tracker.report(0, 'a', started);
    tracker.report(1, 'b', started);
    tracker.end(0);
    tracker.report(1, 'b', log('still here\n'));
    tracker.report(1, 'b', finished(null));
    expect(events.map(({ type }) => type)).toEqual(['step-started', 'step-log', 'step-finished']);
  });

  test('a failed step keeps its last output, by its vertex', () => {
    const { tracker, events } = collect();
    tracker.report(0, 'a', started);
    tracker.report(0, 'a', log('error: no such file\n'));
    tracker.report(0, 'a', finished('exit code: 2'));
    expect(events.at(-1)).toMatchObject({ type: 'step-finished', outcome: 'failed' });
    expect(tracker.failure('v1')?.output).toBe('error: no such file');
    expect(tracker.failure('v1')?.step?.lines.start).toBe(6);
  });

  test('the kept output is bounded whatever the length of its lines', () => {
    const { tracker } = collect();
    tracker.report(0, 'a', started);
    for (let i = 0; i < 50; i++) tracker.report(0, 'a', log('x'.repeat(1_000_000)));
    tracker.report(0, 'a', log('\nlast words\n'));
    tracker.report(0, 'a', finished('exit code: 1'));
    const { output } = tracker.failure('v1') ?? { output: '' };
    expect(output.length).toBeLessThanOrEqual(16 * 1024);
    expect(output.endsWith('last words')).toBe(true);
  });

  test('a character that is cut between two pieces of log is whole again; bytes that are none are replaced', () => {
    const { events, tracker } = collect();
    tracker.report(0, 'a', started);
    const bytes = Buffer.from('grün');
    tracker.report(0, 'a', log(bytes.subarray(0, 3)));
    tracker.report(0, 'a', log(bytes.subarray(3)));
    tracker.report(0, 'a', log(Buffer.from([0xff, 0x41])));
    const text = events.flatMap((event) => (event.type === 'step-log' ? [event.text] : [])).join('');
    expect(text).toBe('grün\ufffdA');
  });

  test("what belongs to no stage is told under the build's target", () => {
    const { events, stages, tracker } = collect();
    tracker.report(0, 'leaf', {
      type: 'vertex-finished',
      vertex: 'i',
      name: '[internal] load build context',
      cached: false,
      seconds: 0,
      error: null,
    });
    expect(events[0]).toMatchObject({
      type: 'step-started',
      task: 'leaf',
      title: 'load build context',
      internal: true,
    });
    expect(stages).toEqual([]);
  });
});
