import { describe, expect, test } from '@jest/globals';
import { parseExposition } from '../../../src/contract/exposition.ts';
import { judgeMetrics } from '../../../src/contract/judge-metrics.ts';

describe('the exposition format', () => {
  test('what it may hold', () => {
    const page = [
      '# HELP up Whether it is up.',
      '# TYPE up gauge',
      '# any comment',
      'up 1',
      'memory{name="tool",path="C:\\\\x\\n\\"y\\""} 1.5e+3 1395066363000',
      'cpu { a = "1" , b="2", } NaN',
      'low -Inf',
      '',
    ].join('\n');
    const { faults, metrics, samples } = parseExposition(page);
    expect(faults).toEqual([]);
    expect([...metrics]).toEqual(['up', 'memory', 'cpu', 'low']);
    expect(samples.map(({ value }) => value)).toEqual([1, 1500, Number.NaN, Number.NEGATIVE_INFINITY]);
  });
  test.each([
    ['a name that is none', 'memory-stats 1\n'],
    ['no value', 'up\n'],
    ['a value that is none', 'up one\n'],
    ['a hexadecimal value', 'up 0x10\n'],
    ['an open label', 'up{a="1} 1\n'],
    ['a label without quotes', 'up{a=1} 1\n'],
    ['a label twice', 'up{a="1",a="2"} 1\n'],
    ['an escape that is none', 'up{a="\\x"} 1\n'],
    ['a sample twice', 'up{a="1",b="2"} 1\nup{b="2",a="1"} 2\n'],
    ['a type that is none', '# TYPE up number\nup 1\n'],
    ['a type twice', '# TYPE up gauge\n# TYPE up gauge\nup 1\n'],
    ['a type after its samples', 'up 1\n# TYPE up gauge\n'],
    ['no end of the last line', 'up 1'],
    ['a page of HTML', '<html></html>\n'],
  ])('not: %s', (_, page) => expect(parseExposition(page).faults).not.toEqual([]));
});

describe('the metrics sidecar', () => {
  const expected = { path: '/__metrics', port: 9121, names: null };
  const page = [
    'memory_stats__usage',
    'cpu_stats__cpu_usage__total_usage',
    'precpu_stats__cpu_usage__total_usage',
  ]
    .map((name) => `${name}{name="tool"} 1\n`)
    .join('');
  test('right', () =>
    expect(judgeMetrics(page, expected)).toEqual({
      verdict: 'pass',
      seen: '9121/__metrics has 3 samples of 3 metrics',
    }));
  test('a name missing', () =>
    expect(judgeMetrics('memory_stats__usage 1\n', expected).seen).toMatch(/lacks cpu_stats/));
  test('a container too many', () =>
    expect(judgeMetrics(`${page}memory_stats__usage{name="s3sync"} 1\n`, expected).seen).toMatch(
      /tells of s3sync/,
    ));
  test('empty', () => expect(judgeMetrics('', expected).verdict).toBe('fail'));
});
