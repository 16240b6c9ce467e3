import { createHash } from 'node:crypto';
import {
  appendFileSync,
  chmodSync,
  cpSync,
  linkSync,
  lutimesSync,
  mkdirSync,
  readdirSync,
  renameSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { afterEach, describe, expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { extract, type Header } from 'tar-stream';
import { readFacts } from '../../src/artifacts/file.ts';
import { BuildContext } from '../../src/context/context.ts';
import { contextTar, entriesTar } from '../../src/context/tar.ts';
import { makeFolder, makeProject, readProject, removeFolders, type Tree } from './plan-project.ts';

afterEach(removeFolders);

const everything = 'FROM scratch AS all\nCOPY . /\n';

async function bytes(stream: Readable): Promise<Buffer> {
  const blocks: Buffer[] = [];
  for await (const block of stream) blocks.push(block);
  return Buffer.concat(blocks);
}

async function unpack(stream: Readable): Promise<(Header & { content: string })[]> {
  const entries: (Header & { content: string })[] = [];
  for await (const entry of stream.pipe(extract())) {
    const blocks: Buffer[] = [];
    for await (const block of entry as AsyncIterable<Buffer>) blocks.push(block);
    entries.push({ ...entry.header, content: Buffer.concat(blocks).toString() });
  }
  return entries;
}

const tarOf = (folder: string): Readable => contextTar(new BuildContext(readProject(folder)), 'all');

test('an artifact is the file that stands for it, and an empty one where it is left out', async () => {
  const folder = makeFolder({
    Dockerfile: 'FROM scratch AS all\nCOPY artifacts /\n',
    'artifacts/own': 'own',
  });
  const artifacts = new Map(
    ['given', 'left-out'].map((name) => [name, { url: '', sha256: null, standIn: false }]),
  );
  const context = new BuildContext({ ...readProject(folder), artifacts });
  const elsewhere = join(makeFolder({ some: { program: 'given' } }), 'some');
  const { stamp } = await readFacts(elsewhere);
  const files = new Map([['given', { file: elsewhere, stamp }]]);
  const entries = await unpack(contextTar(context, 'all', files));
  expect(entries.map(({ name, mode, content }) => [name, mode?.toString(8), content])).toEqual([
    ['Dockerfile', '644', expect.any(String)],
    ['artifacts', '755', ''],
    ['artifacts/given', '644', 'given'],
    ['artifacts/left-out', '644', ''],
    ['artifacts/own', '644', 'own'],
  ]);
  writeFileSync(elsewhere, 'other');
  await expect(bytes(contextTar(context, 'all', files))).rejects.toMatchObject({ code: 'CONTEXT_CHANGED' });
});

test('entries are sorted, owned by nobody in particular, and as old as each other', async () => {
  const long = `${'n'.repeat(90)}/${'m'.repeat(120)}é`;
  const project = makeProject(everything, {
    'b/x': 'bx',
    'b.txt': 'b',
    run: { program: '#!' },
    l: { link: 'b/x' },
    e: 'FOLDER',
    [long]: 'long',
    big: 'x'.repeat(300_000),
  });
  chmodSync(join(project.folder, 'b/x'), 0o600);
  chmodSync(join(project.folder, 'run'), 0o4700);
  const entries = await unpack(contextTar(new BuildContext(project), 'all'));
  expect(entries.map(({ name }) => name)).toEqual(entries.map(({ name }) => name).sort());
  const shown = entries.map(({ name, type, mode, content, linkname }) => [
    name,
    type,
    mode?.toString(8),
    content.length > 10 ? content.length : content,
    linkname ?? '',
  ]);
  expect(shown).toEqual([
    ['Dockerfile', 'file', '644', everything.length, ''],
    ['b', 'directory', '755', '', ''],
    ['b.txt', 'file', '644', 'b', ''],
    ['b/x', 'file', '644', 'bx', ''],
    ['big', 'file', '644', 300_000, ''],
    ['e', 'directory', '755', '', ''],
    ['l', 'symlink', '777', '', 'b/x'],
    [long.slice(0, 90), 'directory', '755', '', ''],
    [long, 'file', '644', 'long', ''],
    ['run', 'file', '755', '#!', ''],
  ]);
  for (const { uid, gid, uname, gname, mtime } of entries) {
    expect([uid, gid, uname, gname, mtime?.toISOString()]).toEqual([
      0,
      0,
      '',
      '',
      '1980-01-02T00:00:00.000Z',
    ]);
  }
});

const name = fc.constantFrom('a', 'b', 'B', 'é', 'a b', '.h', '-x', `${'l'.repeat(120)}`);
const content = fc.oneof(fc.string(), fc.constant(''), fc.constant('z'.repeat(70_000)));

describe('the same bytes on any checkout', () => {
  test('whatever the umask, the times, the order of creation and hard links', async () => {
    const entry = fc.tuple(fc.array(name, { minLength: 1, maxLength: 3 }), content, fc.boolean());
    await fc.assert(
      fc.asyncProperty(fc.array(entry, { maxLength: 8 }), async (files) => {
        const kept = files.filter(([path], index) =>
          files.every(([other], at) => {
            const [one, two] = [path.join('/'), other.join('/')];
            return at === index || (one !== two && !one.startsWith(`${two}/`) && !two.startsWith(`${one}/`));
          }),
        );
        const plant = (order: typeof kept, umask: number, time: number): string => {
          const before = process.umask(umask);
          try {
            const folder = makeFolder({});
            for (const [path, text, executable] of order) {
              const file = join(folder, ...path);
              mkdirSync(join(file, '..'), { recursive: true });
              writeFileSync(file, text, { mode: executable ? 0o777 : 0o666 });
              utimesSync(file, time, time);
            }
            writeFileSync(join(folder, 'Dockerfile'), everything);
            return folder;
          } finally {
            process.umask(before);
          }
        };
        const one = plant(kept, 0o022, 1000);
        const two = plant([...kept].reverse(), 0o077, 2_000_000);
        expect((await bytes(tarOf(one))).equals(await bytes(tarOf(two)))).toBe(true);
      }),
      { numRuns: 30 },
    );
  });

  test('a hard link is a file, and a link has no time of its own', async () => {
    const tree: Tree = { a: 'same', l: { link: 'a' }, Dockerfile: everything };
    const plain = makeFolder({ ...tree, b: 'same' });
    const linked = makeFolder(tree);
    linkSync(join(linked, 'a'), join(linked, 'b'));
    lutimesSync(join(linked, 'l'), 5, 5);
    expect((await bytes(tarOf(linked))).equals(await bytes(tarOf(plain)))).toBe(true);
  });

  test('a copy that keeps nothing but the content', async () => {
    const one = makeFolder({
      Dockerfile: everything,
      'd/a': 'a',
      'd/b/c': 'c'.repeat(1000),
      x: { program: 'x' },
    });
    const two = makeFolder({});
    cpSync(one, two, { recursive: true });
    expect(readdirSync(two)).toHaveLength(3);
    const digest = (tar: Buffer) => createHash('sha256').update(tar).digest('hex');
    expect(digest(await bytes(tarOf(two)))).toBe(digest(await bytes(tarOf(one))));
  });
});

describe('a file that changes after the context was read is noticed', () => {
  const big = 3 * 1024 * 1024;
  test.each([
    ['grows', 'small', (file: string) => appendFileSync(file, 'x')],
    ['shrinks', 'small', (file: string) => truncateSync(file, 1)],
    ['shrinks', 'big', (file: string) => truncateSync(file, big - 1)],
    ['is written to with its size kept', 'small', (file: string) => writeFileSync(file, 'SMALL')],
    [
      'is written to with its size and time kept',
      'small',
      (file: string) => {
        writeFileSync(file, 'SMALL');
        utimesSync(file, 1_000_000, 1_000_000);
      },
    ],
    [
      'is replaced',
      'big',
      (file: string) => {
        writeFileSync(`${file}.new`, 'y'.repeat(big));
        utimesSync(`${file}.new`, 1_000_000, 1_000_000);
        renameSync(`${file}.new`, file);
      },
    ],
    ['goes away', 'small', (file: string) => renameSync(file, `${file}.old`)],
    ['becomes a program', 'small', (file: string) => chmodSync(file, 0o755)],
  ])('where it %s (%s)', async (_, path, change) => {
    const project = makeProject(everything, { small: 'small', big: 'x'.repeat(big) });
    for (const file of ['small', 'big']) utimesSync(join(project.folder, file), 1_000_000, 1_000_000);
    const context = new BuildContext(project);
    context.entriesFor('all');
    change(join(project.folder, path));
    await expect(bytes(contextTar(context, 'all'))).rejects.toMatchObject({
      code: 'CONTEXT_CHANGED',
      message: expect.stringMatching(new RegExp(`^${path} `)),
    });
  });

  test('where it is written to while the tar is on its way', async () => {
    const project = makeProject(everything, { big: 'x'.repeat(big) });
    const tar = contextTar(new BuildContext(project), 'all');
    const read = async () => {
      let seen = 0;
      for await (const block of tar) {
        seen += block.length;
        if (seen > big / 2) appendFileSync(join(project.folder, 'big'), 'y');
      }
    };
    await expect(read()).rejects.toMatchObject({ code: 'CONTEXT_CHANGED' });
  });
});

test('a reader that goes away ends the tar, and leaves no file open', async () => {
  const project = makeProject(everything, { big: 'x'.repeat(5_000_000) });
  const open = () => readdirSync('/proc/self/fd').length;
  const before = open();
  const tar = contextTar(new BuildContext(project), 'all');
  for await (const _ of tar) break;
  expect(tar.destroyed).toBe(true);
  for (let tries = 0; open() > before && tries < 100; tries++)
    await new Promise((done) => setTimeout(done, 10));
  expect(open()).toBeLessThanOrEqual(before);
});

test('a file of 9 GB has its true size in its header, and passes in constant memory', async () => {
  const size = 9 * 1024 ** 3;
  const project = makeProject(everything, { huge: '' });
  truncateSync(join(project.folder, 'huge'), size);
  const context = new BuildContext(project);
  const tar = entriesTar(project.folder, context.entriesFor('all'));
  const unpacked = extract();
  const header = new Promise<Header>((resolve) => {
    unpacked.on('entry', (found, stream, next) => {
      if (found.name === 'huge') resolve(found);
      else stream.on('end', next).resume();
    });
  });
  tar.pipe(unpacked);
  expect(await header).toMatchObject({ name: 'huge', size });
  tar.destroy();
});
