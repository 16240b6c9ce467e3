import { spawnSync } from 'node:child_process';
import { chmodSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from '@jest/globals';
import { BuildContext, contextFiles } from '../../src/context/context.ts';
import { closure } from '../../src/hierarchy/select.ts';
import { makeFolder, makeProject, readProject, removeFolders, type Tree, writeTree } from './plan-project.ts';

afterEach(removeFolders);

const tree: Tree = {
  'a.txt': 'a',
  'b.txt': 'b',
  'd/c.txt': 'c',
  'd/e/f.md': 'f',
  'd/e/g.txt': 'g',
  empty: 'FOLDER',
  run: { program: '#!/bin/sh' },
  link: { link: 'd/e' },
  'd/up': { link: '../a.txt' },
  nowhere: { link: 'missing' },
};

const all = [
  'Dockerfile',
  'a.txt',
  'b.txt',
  'd',
  'd/c.txt',
  'd/e',
  'd/e/f.md',
  'd/e/g.txt',
  'd/up',
  'empty',
  'link',
  'nowhere',
  'run',
];

const paths = (dockerfile: string, files: Tree = tree): string[] => {
  const project = makeProject(dockerfile, files);
  return contextFiles(project, project.hierarchy.stages).map(({ path }) => path);
};

describe('the context holds what is read, the folders above it and the Dockerfile', () => {
  test.each([
    ['RUN true', ['Dockerfile']],
    ['COPY a.txt /', ['Dockerfile', 'a.txt']],
    ['COPY ./a.txt /b.txt /x/', ['Dockerfile', 'a.txt', 'b.txt']],
    ['COPY ../../a.txt /', ['Dockerfile', 'a.txt']],
    ['COPY *.txt /x/', ['Dockerfile', 'a.txt', 'b.txt']],
    ['COPY *.none /x/', ['Dockerfile']],
    ['COPY d/*/*.md /x/', ['Dockerfile', 'd', 'd/e', 'd/e/f.md']],
    ['COPY d/e /x/', ['Dockerfile', 'd', 'd/e', 'd/e/f.md', 'd/e/g.txt']],
    ['COPY ./d/e/ /x/', ['Dockerfile', 'd', 'd/e', 'd/e/f.md', 'd/e/g.txt']],
    ['COPY empty /x/', ['Dockerfile', 'empty']],
    ['COPY . /x/', all],
    ['COPY / /x/', all],
    ['COPY [!z]* /x/', ['Dockerfile']],
    ['COPY [^n]* /x/', all.filter((path) => path !== 'nowhere')],
    ['COPY link /x/', ['Dockerfile', 'd', 'd/e', 'd/e/f.md', 'd/e/g.txt', 'link']],
    ['COPY link/f.md /x/', ['Dockerfile', 'd', 'd/e', 'd/e/f.md', 'link']],
    ['COPY d/u* /x/', ['Dockerfile', 'a.txt', 'd', 'd/up']],
    ['ADD a.txt https://example.org/z /', ['Dockerfile', 'a.txt']],
    ['RUN --mount=type=bind,source=d/e,target=/m true', ['Dockerfile', 'd', 'd/e', 'd/e/f.md', 'd/e/g.txt']],
    ['RUN --mount=type=bind,target=/m true', all],
    ['RUN --mount=type=cache,target=/m true', ['Dockerfile']],
  ])('%s', (instruction, expected) => {
    expect(paths(`FROM debian:trixie\n${instruction}\n`)).toEqual(expected);
  });

  test('files taken from other stages are not in it', () => {
    expect(paths('FROM scratch AS a\nCOPY a.txt /\nFROM scratch AS b\nCOPY --from=a /b.txt /\n')).toEqual([
      'Dockerfile',
      'a.txt',
    ]);
  });

  test('a build of one target reads nothing of the stages that it does not need', () => {
    const project = makeProject(
      'FROM scratch AS a\nCOPY a.txt /\nFROM a AS b\nCOPY b.txt /\nFROM a AS c\nCOPY d /d\n',
      tree,
    );
    const context = new BuildContext(project);
    expect(context.entriesFor('b').map(({ path }) => path)).toEqual(['Dockerfile', 'a.txt', 'b.txt']);
    expect(context.entriesFor('b')).toEqual(context.entries(closure(project.hierarchy, ['b'])));
  });
});

describe('.dockerignore', () => {
  test('leaves out what is below a copied folder', () => {
    const files = { ...tree, '.dockerignore': 'd/e\n*.txt\nlink\nnowhere\nempty\nrun\n' };
    expect(paths('FROM scratch\nCOPY . /\n', files)).toEqual([
      '.dockerignore',
      'Dockerfile',
      'd',
      'd/c.txt',
      'd/up',
    ]);
  });

  test('is itself left out where nothing copies it', () => {
    expect(paths('FROM scratch\nCOPY a.txt /\n', { ...tree, '.dockerignore': 'd' })).toEqual([
      'Dockerfile',
      'a.txt',
    ]);
  });

  test('of the Dockerfile itself is taken instead of the general one', () => {
    const files = { ...tree, '.dockerignore': '*', 'Dockerfile.dockerignore': 'd/e\n*.dockerignore\n' };
    expect(paths('FROM scratch\nCOPY d /\n', files)).toEqual(['Dockerfile', 'd', 'd/c.txt', 'd/up']);
  });

  test('never leaves out the Dockerfile, which the engine reads from the context', () => {
    const files = { '.dockerignore': '**\n!a.txt', 'a.txt': 'a', 'b.txt': 'b' };
    expect(paths('FROM scratch\nCOPY . /\n', files)).toEqual(['Dockerfile', 'a.txt']);
  });

  test('a folder that is left out is there for what an exception brings back', () => {
    const files = { '.dockerignore': 'd\n!d/e/keep', 'd/e/keep': 'k', 'd/e/no': 'n', 'd/f/no': 'n' };
    expect(paths('FROM scratch\nCOPY d /\n', files)).toEqual(['Dockerfile', 'd', 'd/e', 'd/e/keep']);
  });
});

const failure = (dockerfile: string, files: Tree) => {
  try {
    paths(dockerfile, files);
  } catch (thrown) {
    return thrown;
  }
  throw new Error('nothing was refused');
};

describe('is refused by name', () => {
  test.each([
    ['absolute', { l: { link: '/etc/passwd' } }, 'l'],
    ['upward', { 'd/l': { link: '../../x' } }, 'd/l'],
    ['upward through a folder that is not there', { l: { link: 'no/../../x' } }, 'l'],
    ['out through another link', { sub: 'FOLDER', here: { link: '.' }, l: { link: 'here/../x' } }, 'l'],
    ['out at the second link', { a: { link: 'b' }, b: { link: '../x' } }, 'b'],
  ] as const)('a link that leads %s', (_, files, name) => {
    expect(failure('FROM scratch\nCOPY . /\n', files)).toMatchObject({
      code: 'CONTEXT_INVALID',
      message: expect.stringMatching(new RegExp(`^${name} is a symbolic link that leaves`)),
      hint: expect.stringContaining('.dockerignore'),
    });
  });

  test.each([
    ['a circle', { a: { link: 'b' }, b: { link: 'a' } }],
    ['back in by another way', { 'd/e/l': { link: '../../d/x' }, 'd/x': 'x' }],
    ['nowhere', { l: { link: 'missing/../also' } }],
  ] as const)('but not a link that leads to %s', (_, files) => {
    expect(paths('FROM scratch\nCOPY . /\n', files)).toEqual(expect.arrayContaining(Object.keys(files)));
  });

  test('a link that leaves, only where it is read', () => {
    expect(paths('FROM scratch\nCOPY a /\n', { a: 'a', l: { link: '/etc' } })).toEqual(['Dockerfile', 'a']);
    expect(paths('FROM scratch\nCOPY . /\n', { l: { link: '/etc' }, '.dockerignore': 'l' })).toEqual([
      '.dockerignore',
      'Dockerfile',
    ]);
  });

  test('a source that is not there, with the line that reads it', () => {
    expect(failure('FROM scratch\nCOPY a /\nCOPY no/such /\n', { a: 'a' })).toMatchObject({
      code: 'CONTEXT_INVALID',
      message: 'COPY at line 3 of Dockerfile reads no/such, which is not there.',
      location: { file: 'Dockerfile', line: 3 },
    });
    expect(failure('FROM scratch\nCOPY no/* /\n', { a: 'a' })).toMatchObject({ code: 'CONTEXT_INVALID' });
  });

  test('a source that is a link to nothing, though such a link below a copied folder is none', () => {
    const message =
      'COPY at line 2 of Dockerfile reads nowhere, a symbolic link to something that is not there.';
    for (const source of ['nowhere', 'now*']) {
      expect(failure(`FROM scratch\nCOPY ${source} /\n`, tree)).toMatchObject({
        code: 'CONTEXT_INVALID',
        message,
      });
    }
  });

  test('a source that .dockerignore leaves out, saying so', () => {
    expect(failure('FROM scratch\nCOPY d/a /\n', { 'd/a': 'a', '.dockerignore': 'd' })).toMatchObject({
      code: 'CONTEXT_INVALID',
      message: expect.stringContaining('which .dockerignore leaves out'),
      hint: expect.stringContaining('!d/a'),
    });
  });

  test('a socket', async () => {
    const folder = makeFolder({ Dockerfile: 'FROM scratch\nCOPY . /\n', 'd/a': 'a' });
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(join(folder, 'd/s'), resolve));
    try {
      const project = readProject(folder);
      expect(() => contextFiles(project, project.hierarchy.stages)).toThrow(
        expect.objectContaining({
          code: 'CONTEXT_INVALID',
          message: expect.stringMatching(/^d\/s is a socket/),
        }),
      );
    } finally {
      await new Promise((resolve) => server.close(resolve));
    }
  });

  test('a named pipe, without waiting for its other end', () => {
    const folder = makeFolder({ Dockerfile: 'FROM scratch\nCOPY . /\n' });
    expect(spawnSync('mkfifo', [join(folder, 'p')]).status).toBe(0);
    const project = readProject(folder);
    expect(() => contextFiles(project, project.hierarchy.stages)).toThrow(/^p is a named pipe/);
  });

  test('a name that is not UTF-8', () => {
    const folder = makeFolder({ Dockerfile: 'FROM scratch\nCOPY d /\n', d: 'FOLDER', 'ok/\uFFFD': 'fine' });
    writeFileSync(Buffer.concat([Buffer.from(`${folder}/d/x`), Buffer.from([0xff])]), 'x');
    const project = readProject(folder);
    expect(() => contextFiles(project, project.hierarchy.stages)).toThrow(
      expect.objectContaining({
        code: 'CONTEXT_INVALID',
        message: expect.stringContaining('not valid UTF-8'),
      }),
    );
    writeTree(folder, { Dockerfile: 'FROM scratch\nCOPY ok /\n' });
    const fine = readProject(folder);
    expect(contextFiles(fine, fine.hierarchy.stages)).toHaveLength(3);
  });
});

/** Node as somebody whom the modes of files bind: root is, without these two capabilities, and still reads its own home. */
const powers = '-dac_override,-dac_read_search';
const [program, ...before] =
  process.getuid?.() === 0
    ? ['setpriv', `--bounding-set=${powers}`, `--inh-caps=${powers}`, process.execPath]
    : [process.execPath];

test.each([
  ['file', 'd/secret', 0o000],
  ['folder', 'd', 0o000],
])('an unreadable %s is refused by name', (_, path, mode) => {
  const folder = makeFolder({ Dockerfile: 'FROM scratch\nCOPY . /\n', 'd/secret': 's', 'd/open': 'o' });
  chmodSync(folder, 0o755);
  chmodSync(join(folder, path), mode);
  try {
    const script = `
      const { readProject } = await import(${JSON.stringify(join(import.meta.dirname, 'plan-project.ts'))});
      const { planBuild } = await import(${JSON.stringify(join(import.meta.dirname, '../../src/workflows/plan.ts'))});
      const options = { engine: null, stages: [], buildArguments: {}, noCache: false, cacheTtlMs: null, platform: null, environment: { XDG_CACHE_HOME: '/proc/none' }, emit: () => {} };
      try { await planBuild({ ...options, project: readProject(${JSON.stringify(folder)}) }); console.log('read'); }
      catch (error) { console.log(JSON.stringify(error)); }`;
    const { stdout, stderr } = spawnSync(program, [...before, '--input-type=module', '-e', script], {
      encoding: 'utf8',
      env: { ...process.env, NODE_OPTIONS: '' },
    });
    expect({ stdout: stdout.startsWith('{') ? JSON.parse(stdout) : stdout, stderr }).toMatchObject({
      stdout: {
        code: 'CONTEXT_INVALID',
        message: `${path} cannot be read: permission denied.`,
        hint: expect.stringContaining('chmod'),
      },
    });
  } finally {
    chmodSync(join(folder, path), 0o755);
  }
});
