import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { DwtError } from '../../src/errors.ts';
import { renderError } from '../../src/report/error.ts';
import { plainPaper } from '../../src/report/paper.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dwt-error-'));
});
afterAll(() => rm(folder, { recursive: true }));

describe('renderError', () => {
  test('a code and a sentence are enough', () => {
    expect(renderError(new DwtError('USAGE', 'No such thing.'), plainPaper)).toBe(
      'Error USAGE: No such thing.',
    );
  });

  test('shows the line that the location names', async () => {
    const file = join(folder, 'dwt.yaml');
    await writeFile(file, 'version: 1\nname: [x\nstages: {}\n');
    const error = new DwtError('PROJECT_INVALID', 'A list is not closed.', {
      location: { file, line: 2, column: 7 },
      hint: 'Close it with ].',
    });
    expect(renderError(error, plainPaper).split('\n')).toEqual([
      'Error PROJECT_INVALID: A list is not closed.',
      `  at ${file}:2:7`,
      '',
      '      1 | version: 1',
      '    > 2 | name: [x',
      '      3 | stages: {}',
      '',
      '  Hint: Close it with ].',
    ]);
  });

  test('names the place of a file that is gone', () => {
    const error = new DwtError('PROJECT_INVALID', 'Bad.', {
      location: { file: '/nowhere/dwt.yaml', line: 3 },
    });
    expect(renderError(error, plainPaper)).toContain('at /nowhere/dwt.yaml:3');
  });

  test('keeps the end of a long detail on one screen', () => {
    const detail = Array.from({ length: 500 }, (_, line) => `line ${line}`).join('\n');
    const text = renderError(new DwtError('BUILD_FAILED', 'It failed.', { detail }), plainPaper);
    expect(text.split('\n').length).toBeLessThan(40);
    expect(text).toContain('line 499');
    expect(text).not.toContain('line 1\n');
  });

  test('shows the source lines whole, however much a step has said', () => {
    const excerpt = '  2 | FROM x AS a\n> 3 | RUN make';
    const detail = Array.from({ length: 500 }, (_, line) => `line ${line}`).join('\n');
    const error = new DwtError('BUILD_FAILED', 'It failed.', { excerpt, detail });
    const lines = renderError(error, plainPaper).split('\n');
    expect(lines.slice(1, 4)).toEqual(['', '      2 | FROM x AS a', '    > 3 | RUN make']);
    expect(lines.at(-2)).toBe('    line 499');
    expect(lines.length).toBeLessThan(40);
    expect(error.toJSON().detail).toBe(`${excerpt}\n\n${detail}`);
  });

  test('cuts a line of a detail that would fill the screen', () => {
    const detail = `before\n${'x'.repeat(8000)}\nafter`;
    const text = renderError(new DwtError('BUILD_FAILED', 'It failed.', { detail }), plainPaper);
    expect(text.length).toBeLessThan(600);
    expect(text).toContain('x … (8000 characters)\n    after');
  });

  test('tells causes that say more than the sentence, and each once', () => {
    const cause = new Error('connect ECONNREFUSED', { cause: new Error('connect ECONNREFUSED') });
    const lines = renderError(
      new DwtError('ENGINE_UNREACHABLE', 'No engine answers.', { cause }),
      plainPaper,
    ).split('\n');
    expect(lines).toEqual(['Error ENGINE_UNREACHABLE: No engine answers.', '  Cause: connect ECONNREFUSED']);
  });
});
