/** What can change an image changes its key, and nothing else does. */
import {
  chmodSync,
  cpSync,
  mkdirSync,
  readdirSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { type PlanOptions, planBuild } from '../../src/workflows/plan.ts';
import { engineWith, makeFolder, readProject, removeFolders, type Tree } from './plan-project.ts';

afterAll(removeFolders);

const cache = makeFolder({});

const base = { 'debian:trixie': 'sha256:1' };

async function keysOf(folder: string, options: Partial<PlanOptions> = {}): Promise<Record<string, string>> {
  const project = readProject(folder, options.buildArguments);
  const plan = await planBuild({
    project,
    engine: engineWith([], base),
    stages: ['*'],
    buildArguments: {},
    noCache: false,
    cacheTtlMs: null,
    platform: null,
    environment: { XDG_CACHE_HOME: cache },
    emit: () => undefined,
    ...options,
  });
  return Object.fromEntries(plan.stages.map(({ name, key }) => [name, key]));
}

const dockerfile = `ARG VERSION=1
FROM debian:trixie AS base
ARG VERSION
ARG UNSET
ENV A=1
RUN echo \${VERSION}
COPY common/ /common/
FROM base AS one
COPY one/*.txt /one/
RUN make && \\
    make install
FROM base AS two
COPY --from=one /one /one
FROM base AS three
COPY three /three
`;

const tree: Tree = {
  'common/a': 'a',
  'common/deep/b': 'b',
  'one/x.txt': 'x',
  'one/ignored.md': 'm',
  'three/run': { program: '#!/bin/sh' },
  'three/link': { link: 'run' },
  '.dockerignore': '# nothing yet\n',
  Dockerfile: dockerfile,
};

const change = (folder: string, from: string, to: string): void => {
  expect(dockerfile).toContain(from);
  writeFileSync(join(folder, 'Dockerfile'), dockerfile.replace(from, to));
};

type Mutation = readonly [
  name: string,
  changed: readonly string[],
  mutate: (folder: string) => void,
  options?: Partial<PlanOptions>,
];

const everyStage = ['base', 'one', 'two', 'three'];

const mutations: readonly Mutation[] = [
  // What changes images
  ['an instruction', ['one', 'two'], (folder) => change(folder, 'make install', 'make installed')],
  ['a file in a folder', everyStage, (folder) => writeFileSync(join(folder, 'common/deep/b'), 'B')],
  [
    'a file that a wildcard matches',
    ['one', 'two'],
    (folder) => writeFileSync(join(folder, 'one/new.txt'), ''),
  ],
  ['a file gone', everyStage, (folder) => rmSync(join(folder, 'common/a'))],
  ['an empty folder', everyStage, (folder) => mkdirSync(join(folder, 'common/empty'))],
  ['the executable bit', ['three'], (folder) => chmodSync(join(folder, 'three/run'), 0o644)],
  [
    'where a link points',
    ['three'],
    (folder) => {
      rmSync(join(folder, 'three/link'));
      symlinkSync('./run', join(folder, 'three/link'));
    },
  ],
  ['a default value', everyStage, (folder) => change(folder, 'ARG VERSION=1', 'ARG VERSION=2')],
  ['a value given', everyStage, () => undefined, { buildArguments: { VERSION: '2' } }],
  ['empty instead of not set', everyStage, () => undefined, { buildArguments: { UNSET: '' } }],
  ['SOURCE_DATE_EPOCH', everyStage, () => undefined, { buildArguments: { SOURCE_DATE_EPOCH: '1' } }],
  ['the platform', everyStage, () => undefined, { platform: 'linux/arm64' }],
  [
    'the base image',
    everyStage,
    () => undefined,
    { engine: engineWith([], { 'debian:trixie': 'sha256:2' }) },
  ],
  [
    'the order of instructions',
    everyStage,
    (folder) => change(folder, 'ENV A=1\nRUN echo ${VERSION}', 'RUN echo ${VERSION}\nENV A=1'),
  ],
  ['what is ignored', everyStage, (folder) => writeFileSync(join(folder, '.dockerignore'), 'common/a')],
  // What does not
  ['a comment', [], (folder) => change(folder, 'RUN make', '# how it is made\nRUN make')],
  [
    'a comment inside an instruction',
    [],
    (folder) => change(folder, '    make install', '# then\n    make install'),
  ],
  ['empty lines', [], (folder) => change(folder, 'FROM base AS two', '\n\nFROM base AS two')],
  ['the case of keywords', [], (folder) => change(folder, 'RUN make', 'run make')],
  [
    'a comment in .dockerignore',
    [],
    (folder) => writeFileSync(join(folder, '.dockerignore'), '# really nothing\n'),
  ],
  ['an unrelated file', [], (folder) => writeFileSync(join(folder, 'README.md'), 'x')],
  ['a file beside a wildcard', [], (folder) => writeFileSync(join(folder, 'one/ignored.md'), 'n')],
  ['permissions that an image does not keep', [], (folder) => chmodSync(join(folder, 'three/run'), 0o700)],
  ['a file that others cannot read', [], (folder) => chmodSync(join(folder, 'common/a'), 0o600)],
  ['times', [], (folder) => utimesSync(join(folder, 'common/a'), 1, 1)],
  ['a value given that equals the default', [], () => undefined, { buildArguments: { VERSION: '1' } }],
  ['an argument that nothing declares', [], () => undefined, { buildArguments: { OTHER: '1' } }],
  ['a proxy', [], () => undefined, { buildArguments: { HTTP_PROXY: 'http://proxy:3128', no_proxy: '*' } }],
  ['--no-cache', [], () => undefined, { noCache: true }],
  ["the engine's own platform, named", [], () => undefined, { platform: 'linux/amd64' }],
  [
    'an argument another stage declares',
    ['one', 'two'],
    (folder) => change(folder, 'COPY one/*.txt', 'ARG X=1\nCOPY one/*.txt'),
  ],
];

test.each(mutations)('%s changes the keys of %j', async (...[, changed, mutate, options]: Mutation) => {
  const folder = makeFolder(tree);
  const before = await keysOf(folder);
  expect(Object.keys(before)).toEqual(everyStage);
  mutate(folder);
  const after = await keysOf(folder, options);
  expect(everyStage.filter((name) => before[name] !== after[name])).toEqual(changed);
});

describe('for any tree', () => {
  const part = fc.constantFrom('a', 'b', 'c', 'é', 'a b', '.h');
  const files = fc.dictionary(
    fc.array(part, { minLength: 2, maxLength: 3 }).map((parts) => `src/${parts.join('/')}`),
    fc.string({ maxLength: 6 }),
    { minKeys: 1, maxKeys: 6 },
  );
  const legal = (paths: readonly string[]) =>
    paths.every((path) => paths.every((other) => path === other || !other.startsWith(`${path}/`)));
  const trees = files.filter((found) => legal(Object.keys(found)));
  const text = 'FROM debian:trixie AS all\nCOPY src /src\n';

  test('a copy with other times, permissions and place has the same key', async () => {
    await fc.assert(
      fc.asyncProperty(trees, async (found) => {
        const one = makeFolder({ ...found, Dockerfile: text });
        const two = makeFolder({});
        const before = process.umask(0o077);
        try {
          for (const name of readdirSync(one).reverse())
            cpSync(join(one, name), join(two, name), { recursive: true });
        } finally {
          process.umask(before);
        }
        for (const path of Object.keys(found)) {
          utimesSync(join(two, path), 1, 1);
          chmodSync(join(two, path), 0o600);
        }
        expect(await keysOf(two)).toEqual(await keysOf(one));
      }),
      { numRuns: 25 },
    );
  });

  test('any one file with other content, name or mode has another key', async () => {
    const mutation = fc.constantFrom('content', 'name', 'mode', 'gone', 'added');
    await fc.assert(
      fc.asyncProperty(trees, mutation, fc.nat(), async (found, kind, number) => {
        const folder = makeFolder({ ...found, Dockerfile: text });
        const before = await keysOf(folder);
        const paths = Object.keys(found);
        const path = join(folder, paths[number % paths.length] ?? '');
        if (kind === 'content') writeFileSync(path, `${found[paths[number % paths.length] ?? '']}!`);
        else if (kind === 'mode') chmodSync(path, 0o755);
        else if (kind === 'added') writeFileSync(`${path}.new`, '');
        else {
          if (kind === 'name') cpSync(path, `${path}.renamed`);
          rmSync(path);
        }
        expect(await keysOf(folder)).not.toEqual(before);
      }),
      { numRuns: 40 },
    );
  });
});
