import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { DwtError } from '../../src/errors.ts';
import { redact, redactor, withoutVariables } from '../../src/redact.ts';
import { readHome } from '../../src/run/home.ts';
import { complaintsOf, tellOutput } from '../../src/run/output.ts';
import { readVariables } from '../../src/run/variables.ts';

const file = (text: string | Uint8Array) => ({
  name: 'vars',
  content: typeof text === 'string' ? Buffer.from(text) : text,
});

describe('variables', () => {
  test('of files come first, words replace them, and a name alone is taken from here', () => {
    const variables = readVariables(
      ['B=word', 'C'],
      [file('\ufeffA=1\r\n  # no=1\n\nB=file\n D=x \nE=a=b#c'), file('A="2"\n')],
      { C: 'here\nand there' },
    );
    expect(variables).toEqual({ A: '"2"', B: 'word', C: 'here\nand there', D: 'x ', E: 'a=b#c' });
  });

  test('keep any value byte for byte', () => {
    const value = fc.string({ unit: 'binary' }).filter((text) => !text.includes('\0'));
    fc.assert(
      fc.property(value, (text) => {
        expect(readVariables([`A=${text}`, 'B'], [], { B: text })).toEqual({ A: text, B: text });
      }),
    );
  });

  test.each([
    ['a word with no name', () => readVariables(['=hidden-value'], [], {})],
    ['a value whose name was forgotten', () => readVariables(['hidden value'], [], {})],
    ['a password whose name was forgotten', () => readVariables(['hidden-value!'], [], {})],
    ['a NUL', () => readVariables([], [file('A=hidden\0value')], {})],
    ['a file that is not UTF-8', () => readVariables([], [file(Buffer.from('A=hidden\xff', 'latin1'))], {})],
  ])('%s is refused without being told', (_, read) => {
    let error: unknown;
    try {
      read();
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toBeInstanceOf(DwtError);
    expect(JSON.stringify(error)).not.toContain('hidden');
    expect(error).toMatchObject({ code: 'USAGE', hint: expect.any(String) });
  });

  test('that are credentials are concealed, and the password in one by itself', () => {
    readVariables(
      [
        `DATABASE_DSN__a=host=h password='it\\'s mine'`,
        'DATABASE_URL=postgres://u:in-the-url@h/d',
        'PGPASSWORD=of-the-variable',
      ],
      [],
      {},
    );
    expect(redact("said it's mine, in-the-url and of-the-variable")).toBe(
      'said [redacted], [redacted] and [redacted]',
    );
  });
});

describe('what is told of variables', () => {
  test('in a log of the command line are their names', () => {
    expect(
      withoutVariables([
        'x',
        '--env',
        'A=1 2',
        '-e',
        'B=2',
        '--env=C=3',
        '-eD=4',
        '--env',
        'E',
        '--port',
        'F=5',
      ]),
    ).toEqual([
      'x',
      '--env',
      'A=[redacted]',
      '-e',
      'B=[redacted]',
      '--env=C=[redacted]',
      '-eD=[redacted]',
      '--env',
      'E',
      '--port',
      'F=5',
    ]);
  });

  test('in what a tool says is nothing of them, but for numbers and switches', () => {
    const hide = redactor(['8888', 'true', 'a value (of *mine*)', 'first line\nsecond line', 'a value']);
    expect(hide('on 8888: true, a value (of *mine*), and second line')).toBe(
      'on 8888: true, [redacted], and [redacted]',
    );
    expect(redactor([])('as it is')).toBe('as it is');
  });
});

describe('the home', () => {
  test.each([
    ['work', { volume: 'work' }],
    ['my.work_2-a', { volume: 'my.work_2-a' }],
    ['./work', { folder: '/here/work' }],
    ['work/', { folder: '/here/work' }],
    ['..', { folder: '/' }],
    ['.', { folder: '/here' }],
    ['/there', { folder: '/there' }],
  ])('%s', (text, choice) => {
    expect(readHome(text, '/here')).toEqual(choice);
  });

  test('is a new one by default, and no name that an engine would refuse', () => {
    expect(readHome(undefined, '/here')).toBeNull();
    for (const name of ['', 'a', '-a', 'a b', 'a:b', '.work'])
      expect(() => readHome(name, '/here')).toThrow(expect.objectContaining({ code: 'USAGE' }));
  });
});

describe('what a tool says', () => {
  test('is told by whole lines, whatever the pieces', async () => {
    const text = 'zwölf\nünïcödé 🙂 line\n\nthe end without a line feed';
    await fc.assert(
      fc.asyncProperty(fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1 }), async (sizes) => {
        const told: string[] = [];
        await tellOutput(pieces(Buffer.from(text), sizes), (lines) => void told.push(lines));
        expect(told.join('')).toBe(`${text}\n`);
        expect(told.every((lines) => lines.endsWith('\n'))).toBe(true);
      }),
    );
  });

  test('of what is wrong is told once, and not too much', () => {
    expect(
      complaintsOf('[I 12:00] fine\nstart: no home\r\nstart: no home\nWARNING: x\npgadmin: DSN a\n'),
    ).toEqual(['start: no home', 'pgadmin: DSN a']);
    expect(complaintsOf(Array.from({ length: 99 }, (_, index) => `a: ${index}`).join('\n'))).toHaveLength(5);
  });
});

async function* pieces(all: Buffer, sizes: readonly number[]): AsyncGenerator<Uint8Array> {
  for (let at = 0, turn = 0; at < all.length; turn += 1) {
    const size = sizes[turn % sizes.length] ?? 1;
    yield all.subarray(at, at + size);
    at += size;
  }
}
