/** An engine that is sent what the stages read makes the same image as one that is sent everything. */
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { extract } from 'tar-stream';
import { BuildContext } from '../../src/context/context.ts';
import { contextTar } from '../../src/context/tar.ts';
import type { Engine } from '../../src/engine/engine.ts';
import { makeProject, readProject, removeFolders, type Tree, writeTree } from '../unit/plan-project.ts';
import { build, connected, ownName, removeImages } from './engine-fixture.ts';

jest.setTimeout(120_000);

let engine: Engine;
beforeAll(async () => {
  engine = await connected();
});
afterAll(async () => {
  removeFolders();
  await removeImages(engine);
  engine.close();
});

const tree: Tree = {
  'a.txt': 'a',
  'b.txt': 'b',
  'arr[0].txt': 'arr',
  '.hidden': 'h',
  'd/c.txt': 'c',
  'd/e/f.md': 'f',
  'd/e/run': { program: '#!/bin/sh' },
  'd/up': { link: '../a.txt' },
  'd/deep/er/x': 'x',
  empty: 'FOLDER',
  link: { link: 'd/e' },
  second: { link: 'link' },
  nowhere: { link: 'missing' },
  'unread/secret': 'never sent',
  'é/😀': 'far',
  [`${'n'.repeat(150)}/${'m'.repeat(150)}`]: 'long',
};

const sources = [
  'a.txt',
  './a.txt b.txt',
  '../../a.txt',
  '*.txt',
  'd/*',
  'd/*/*.md',
  '*/*/f.md',
  '?.txt',
  '[ab].txt',
  '[^a].txt',
  'arr[[]0].txt',
  '.h*',
  'd',
  'd/e/',
  'empty',
  'link',
  'link/f.md',
  'second',
  'd/u*',
  'é',
  'nn*',
];

async function filesOf(image: string): Promise<string[]> {
  const container = await engine.createContainer({ name: ownName(), image, command: ['/none'] });
  try {
    const found: string[] = [];
    const tar = extract();
    (await engine.readArchive(container, '/out')).pipe(tar as unknown as NodeJS.WritableStream);
    for await (const entry of tar) {
      const blocks: Buffer[] = [];
      for await (const block of entry as AsyncIterable<Buffer>) blocks.push(block);
      const { name, type, mode, uid, gid, linkname, mtime } = entry.header;
      const time = type === 'file' ? mtime.toISOString() : '';
      found.push(
        [name, type, mode.toString(8), uid, gid, linkname ?? '', time, Buffer.concat(blocks)].join(' '),
      );
    }
    return found.sort();
  } finally {
    await engine.removeContainer(container);
  }
}

const stages = sources.map((source, n) => `FROM scratch AS case${n}\nCOPY ${source} /to/\n`).join('');
const copies = sources.map((_, n) => `COPY --from=case${n} / /out/${n}/\n`).join('');
const dockerfile = `${stages}FROM scratch AS all\n${copies}FROM all AS everything\nCOPY . /rest/\n`;

test('of every way to name a source', async () => {
  const { folder } = makeProject('FROM scratch\n', tree);
  writeTree(folder, { Dockerfile: dockerfile });
  const context = new BuildContext(readProject(folder));
  const selected = context.entriesFor('all').map(({ path }) => path);
  expect(selected).not.toContain('unread/secret');
  expect(context.entriesFor('everything').map(({ path }) => path)).toContain('unread/secret');
  const make = async (target: string): Promise<string[]> => {
    const request = { context: () => contextTar(context, target), target: 'all' };
    return filesOf((await build(engine, '', request)).id);
  };
  const sent = await make('all');
  expect(sent).toEqual(await make('everything'));
  for (const n of sources.keys()) expect(sent.some((line) => line.startsWith(`out/${n}/to/`))).toBe(true);
});

test('a source that is refused here is refused by the engine', async () => {
  for (const source of ['missing', 'missing/*', 'd/no/*.md', 'nowhere', 'now*']) {
    const project = makeProject(
      `FROM scratch AS all\nCOPY ${source} /to/\nFROM scratch AS rest\nCOPY . /\n`,
      tree,
    );
    const context = new BuildContext(project);
    expect(() => context.entriesFor('all')).toThrow(expect.objectContaining({ code: 'CONTEXT_INVALID' }));
    const request = { context: () => contextTar(context, 'rest'), target: 'all' };
    await expect(build(engine, '', request)).rejects.toThrow(/no such file|not found/);
  }
});
