/* biome-ignore-all lint/suspicious/noTemplateCurlyInString: the variables of Dockerfiles are written so. */
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { DwtError } from '../../src/errors.ts';
import type { Hierarchy, Stage } from '../../src/hierarchy/hierarchy.ts';
import { type ParseOptions, parseDockerfile } from '../../src/hierarchy/parse.ts';
import { cases } from '../engine/hierarchy-cases.ts';

const parse = (source: string, options: Partial<ParseOptions> = {}): Hierarchy =>
  parseDockerfile(source, { file: 'Dockerfile', platform: 'linux/amd64', ...options });

function stage(hierarchy: Hierarchy, name: string): Stage {
  const found = hierarchy.stages.find((one) => one.name === name);
  if (!found) throw new Error(`no stage ${name}`);
  return found;
}

const texts = (source: string): string[] =>
  parse(source).stages.flatMap(({ instructions }) => instructions.map(({ text }) => text));
const uses = (source: string): unknown[] =>
  parse(source).stages.flatMap(({ instructions }) => instructions.flatMap((one) => one.uses));

function refusal(source: string): DwtError {
  try {
    parse(source);
  } catch (error) {
    if (error instanceof DwtError) return error;
    throw error;
  }
  throw new Error('it was accepted');
}

describe('stages', () => {
  const family = parse(
    'ARG BASE=debian:trixie\nFROM ${BASE} AS Base\nFROM base AS python\nCOPY --from=0 /etc /x\nFROM python AS lab\nFROM base\nRUN --mount=from=python,source=/usr/,target=/u true\n',
  );

  test('names, parents, children, images and lines', () => {
    expect(
      family.stages.map(({ name, parent, image, children, uses: used, lines }) => ({
        name,
        parent,
        image,
        children,
        used,
        lines,
      })),
    ).toEqual([
      {
        name: 'base',
        parent: null,
        image: 'debian:trixie',
        children: ['python', '3'],
        used: [],
        lines: { start: 2, end: 2 },
      },
      {
        name: 'python',
        parent: 'base',
        image: null,
        children: ['lab'],
        used: ['base'],
        lines: { start: 3, end: 4 },
      },
      { name: 'lab', parent: 'python', image: null, children: [], used: [], lines: { start: 5, end: 5 } },
      { name: '3', parent: 'base', image: null, children: [], used: ['python'], lines: { start: 6, end: 7 } },
    ]);
    expect(stage(family, '3').instructions[0]?.uses).toEqual([
      { from: { kind: 'stage', name: 'python' }, sources: ['usr'] },
    ]);
  });

  test('arguments before FROM and in a stage', () => {
    const { globalArguments, stages } = parse(
      'ARG A=1\nARG B\nFROM scratch\nARG A\nARG B\nARG C=$A-c\nARG TARGETARCH\nARG D\n',
      {
        buildArguments: { D: 'given' },
        platform: 'linux/arm64/v8',
      },
    );
    expect(Object.fromEntries(globalArguments)).toEqual({ A: '1', B: null });
    expect(Object.fromEntries(stages[0]?.arguments ?? [])).toEqual({
      A: '1',
      B: null,
      C: '1-c',
      TARGETARCH: 'arm64',
      D: 'given',
    });
  });

  test('two stages of one name are refused, whatever their case', () => {
    expect(refusal('FROM scratch AS a\nFROM scratch AS b\nFROM scratch AS A\n')).toMatchObject({
      code: 'STAGE_DUPLICATE',
      location: { file: 'Dockerfile', line: 3 },
      hint: expect.stringContaining('line 1'),
    });
  });

  test('a name that no image can have is refused', () => {
    expect(refusal('FROM scratch AS a\nFROM scratch AS b-\n')).toMatchObject({
      code: 'REFERENCE_INVALID',
      location: { line: 2 },
    });
  });

  test('FROM of a stage below is an image', () => {
    expect(stage(parse('FROM b AS a\nFROM scratch AS b\n'), 'a')).toMatchObject({ parent: null, image: 'b' });
  });
});

describe('what an instruction takes', () => {
  const context = (...sources: string[]): unknown => ({ from: { kind: 'context' }, sources });
  const remote = (source: string, fixed = false): unknown => ({
    from: { kind: 'remote', fixed },
    sources: [source],
  });

  test.each<[string, unknown[]]>([
    ['COPY a ./b/ /d/../c /x/', [context('a', 'b', 'c')]],
    ['COPY . /', [context('.')]],
    ['COPY ../../a* /', [context('a*')]],
    ['COPY ["a b", "c", "/x/"]', [context('a b', 'c')]],
    [
      'ADD a https://example.com/f git@host:repo.git /x/',
      [remote('https://example.com/f'), remote('git@host:repo.git'), context('a')],
    ],
    [
      `ADD --checksum=sha256:${'0'.repeat(64)} https://example.com/f /x/`,
      [remote('https://example.com/f', true)],
    ],
    [
      `ADD https://example.com/r.git#${'0'.repeat(40)}:docs /x/`,
      [remote(`https://example.com/r.git#${'0'.repeat(40)}:docs`, true)],
    ],
    ['ADD https://example.com/r.git#v1 /x/', [remote('https://example.com/r.git#v1')]],
    [
      'COPY --from=busybox:1 /bin/sh /',
      [{ from: { kind: 'image', reference: 'busybox:1' }, sources: ['bin/sh'] }],
    ],
    ['COPY --from=scratch a /', [{ from: { kind: 'image', reference: 'scratch' }, sources: ['a'] }]],
    ['RUN --mount=type=bind,target=/x true', [context('.')]],
    ['RUN --mount=src=conf,dst=/x true', [context('conf')]],
    ['RUN --mount=type=cache,target=/x --mount=type=tmpfs,target=/y --mount=type=secret,id=s true', []],
    [
      'RUN --mount=type=cache,from=busybox,source=/c,target=/x true',
      [{ from: { kind: 'image', reference: 'busybox' }, sources: ['c'] }],
    ],
    ['COPY <<EOF a /x/\nhello\nEOF', [context('a')]],
    ['COPY <<EOF /x\nhello\nEOF', []],
  ])('%s', (instruction, expected) => {
    expect(uses(`FROM scratch\n${instruction}\n`)).toEqual(expected);
  });

  test('a source that depends on the environment of an image outside is everything', () => {
    expect(uses('FROM debian\nCOPY $HOME/a /\n')).toEqual([context('.')]);
    expect(uses('FROM debian\nENV HOME=h\nCOPY $HOME/a /\n')).toEqual([context('h/a')]);
    expect(uses('FROM debian\nENV X=$HOME\nENV Y=$X\nCOPY $Y /\n')).toEqual([context('.')]);
  });

  test('a trigger of the parent belongs to its children, at their FROM', () => {
    const { stages } = parse('FROM scratch AS p\nONBUILD COPY a /\nFROM p AS c\nFROM c AS d\n');
    expect(
      stages.map(({ instructions }) => instructions.map(({ text, lines }) => [text, lines.start])),
    ).toEqual([[['ONBUILD COPY a /', 2]], [['COPY a /', 3]], []]);
  });
});

describe('substitution', () => {
  test.each([
    ['${X}', 'one two'],
    ['$X', 'one two'],
    ['${X:-other}', 'one two'],
    ['${NOPE:-other}', 'other'],
    ['${EMPTY:-other}', 'other'],
    ['${EMPTY-other}', ''],
    ['${X:+set}', 'set'],
    ['${NOPE:+set}', ''],
    ['${EMPTY+set}', 'set'],
    ['"${X#one }"', 'two'],
    ['${P##*/}', 'c.tar.gz'],
    ['${P%%.*}', '/a/b/c'],
    ['${P%.*}', '/a/b/c.tar'],
    ['${P/b/x}', '/a/x/c.tar.gz'],
    ['${P//a/x}', '/x/b/c.txr.gz'],
    ['${NOPE:-${X}}', 'one two'],
    ["'$X'", '$X'],
    ['"$X"', 'one two'],
    ['\\$X', '$X'],
    ['a$', 'a$'],
    ['$X$Y', 'one two'],
  ])('%s is %s', (word, expected) => {
    const source = `FROM scratch\nENV X="one two" EMPTY= P=/a/b/c.tar.gz\nARG R=${word}\n`;
    expect(parse(source).stages[0]?.arguments.get('R')).toBe(expected);
  });

  test('the escape directive changes the escape', () => {
    const source = '# escape=`\nFROM scratch\nARG X=a\nARG R=`$X\\$X\n';
    expect(parse(source).stages[0]?.arguments.get('R')).toBe('$X\\a');
  });
});

describe('canonical text', () => {
  test.each([
    ['comments and blank lines', 'RUN a \\\n && b', 'RUN a \\\n# c\n\n   # d\n && b'],
    ['case and space around the keyword', 'run    a', 'RUN a'],
    ['line ends', 'RUN a \\\r\n b\r', 'RUN a \\\n b'],
    ['trailing space', 'COPY a b   ', 'COPY a b'],
    ['space between words that are no shell text', 'COPY   a\t b', 'COPY a b'],
    ['JSON layout', 'CMD [ "a",\\\n "b" ]', 'CMD ["a", "b"]'],
    ['quotes of flags', "COPY --chown='1' a b", 'COPY --chown=1 a b'],
    ['the order of ports', 'EXPOSE 2 1', 'EXPOSE 1 2'],
    ['continuations in ENV', 'ENV A=b \\\n   C=d', 'ENV A=b C=d'],
  ])('does not see %s', (_title, one, other) => {
    expect(texts(`FROM scratch\n${one}\n`)).toEqual(texts(`FROM scratch\n${other}\n`));
  });

  test.each([
    ['space in shell text', 'RUN echo "a  b"', 'RUN echo "a b"'],
    ['shell and exec form', 'CMD a b', 'CMD ["a", "b"]'],
    ['old and new form of ENV', 'ENV a x y=z', 'ENV a=x y=z'],
    ['words with space in them', 'COPY ["a b", "c"]', 'COPY a b c'],
    ['the text of a heredoc', 'RUN <<E\na\nE', 'RUN <<E\nb\nE'],
    ['flags', 'COPY --chmod=0755 a b', 'COPY a b'],
  ])('sees %s', (_title, one, other) => {
    expect(texts(`FROM scratch\n${one}\n`)).not.toEqual(texts(`FROM scratch\n${other}\n`));
  });
});

describe('refusals', () => {
  test.each(cases.filter(({ verdict }) => verdict === 'refused'))(
    '$title: one sentence with its line',
    ({ source }) => {
      const error = refusal(source);
      expect(error.code).toMatch(/^(?:DOCKERFILE|REFERENCE)_INVALID$/);
      expect(error.message).toMatch(/^[A-Z"].*[.]$/);
      expect(error.location).toMatchObject({ file: 'Dockerfile', line: expect.any(Number) });
    },
  );

  test('it quotes the line and gives a hint', () => {
    expect(refusal('FROM scratch\nRUM x\n')).toMatchObject({
      location: { line: 2 },
      detail: '    2 | RUM x',
      hint: 'Did you mean RUN?',
    });
    expect(refusal('FROM scratch\nCOPY --form=x a b\n')).toMatchObject({ hint: 'Did you mean --from?' });
  });
});

describe('any input', () => {
  const piece = fc.constantFrom(
    'FROM ',
    'scratch',
    ' AS ',
    'a',
    'b',
    '\n',
    '\r\n',
    '\\\n',
    '# c\n',
    'RUN ',
    'COPY ',
    '--from=',
    '--mount=type=',
    'ENV ',
    'ARG ',
    '${',
    '}',
    ':-',
    '$',
    '"',
    "'",
    '\\',
    '<<EOF',
    'EOF',
    '[',
    '"]',
    ',',
    '=',
    ' ',
    '\t',
    '\uFEFF',
    'ONBUILD ',
    '0',
    '/',
    '%',
    '*',
    '`',
    '# escape=`\n',
  );

  test('is parsed or refused by a DwtError', () => {
    fc.assert(
      fc.property(
        fc.array(piece, { maxLength: 60 }).map((pieces) => pieces.join('')),
        (tail) => {
          for (const source of [tail, `FROM scratch AS a\n${tail}`]) {
            try {
              parse(source);
            } catch (error) {
              if (!(error instanceof DwtError)) throw error;
            }
          }
        },
      ),
      { numRuns: 1500 },
    );
  });

  const instruction = fc.constantFrom(
    'RUN a  b',
    'COPY a b',
    'ENV A=b C="d e"',
    'CMD ["x", "y"]',
    'LABEL a=b',
    'EXPOSE 80',
    'WORKDIR /x',
  );
  const noise = fc.constantFrom('', '# comment\n', '\n', '   \n', '  # FROM nothing\n');

  test('layout changes no canonical text', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(noise, instruction, fc.constantFrom('', ' ', '\t'), fc.boolean()), {
          maxLength: 12,
        }),
        fc.boolean(),
        (lines, crlf) => {
          const plain = `FROM scratch\n${lines.map(([, text]) => `${text}\n`).join('')}`;
          const varied = `FROM scratch\n${lines.map(([before, text, space, lower]) => `${before}${space}${lower ? text.replace(/^[A-Z]+/, (word) => word.toLowerCase()) : text}${space}\n`).join('')}`;
          expect(texts(crlf ? varied.replaceAll('\n', '\r\n') : varied)).toEqual(texts(plain));
        },
      ),
    );
  });

  test.each([
    ['spaces', `FROM scratch\nRUN ${' '.repeat(30_000)}x\n`],
    ['continuations', `FROM scratch\nRUN ${'a \\\n'.repeat(100_000)}b\n`],
    ['comments in a continuation', `FROM scratch\nRUN a \\\n${'# c\n'.repeat(100_000)} b\n`],
    ['open braces', `FROM scratch\nARG X=${'${a:-'.repeat(10_000)}\n`],
    ['quotes', `FROM scratch\nENV X=${'"\''.repeat(15_000)}\n`],
    ['heredoc openers', `FROM scratch\nRUN ${'<<a '.repeat(10_000)}\n`],
    ['stars', `FROM scratch\nARG A=${'a'.repeat(1000)}\nARG X=\${A#${'*a'.repeat(5)}b}\n`],
    [
      'stages',
      Array.from(
        { length: 2000 },
        (_, index) => `FROM ${index === 0 ? 'scratch' : `s${index - 1}`} AS s${index}\nCOPY a${index} /\n`,
      ).join(''),
    ],
  ])('many %s take little time', (_title, source) => {
    const before = process.cpuUsage();
    try {
      parse(source);
    } catch (error) {
      if (!(error instanceof DwtError)) throw error;
    }
    const { user, system } = process.cpuUsage(before);
    expect((user + system) / 1000).toBeLessThan(1500);
  });
});
