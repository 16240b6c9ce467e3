import { createHash } from 'node:crypto';
import { chmodSync, readdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { afterEach, expect, test } from '@jest/globals';
import { BuildContext } from '../../src/context/context.ts';
import type { FileEntry } from '../../src/context/entry.ts';
import { hashFiles } from '../../src/context/hash.ts';
import { HashCache } from '../../src/context/hash-cache.ts';
import { makeFolder, makeProject, removeFolders } from './plan-project.ts';

afterEach(removeFolders);

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

function project() {
  const { folder, ...rest } = makeProject('FROM scratch AS all\nCOPY d /\n', {
    'd/a': 'content of a',
    'd/big': 'b'.repeat(200_000),
    'd/none': '',
  });
  const files = (): FileEntry[] =>
    new BuildContext({ folder, ...rest })
      .entriesFor('all')
      .flatMap((entry) => (entry.type === 'file' && entry.path !== 'Dockerfile' ? entry : []));
  return { folder, files };
}

/** A hash that no content has: what answers it came from the cache. */
const planted = 'f'.repeat(64);

async function plant(cache: string, folder: string, file: FileEntry, at: number): Promise<void> {
  const open = await HashCache.open(folder, cache);
  open.set(file, planted, at);
  await open.save();
}

const settled = (): number => Date.now() + 10_000;

test('hashes are of the contents', async () => {
  const { folder, files } = project();
  expect(await hashFiles(folder, files(), null)).toEqual(
    new Map([
      ['d/a', sha256('content of a')],
      ['d/big', sha256('b'.repeat(200_000))],
      ['d/none', sha256('')],
    ]),
  );
});

test('a file that looks as it did is not read again', async () => {
  const { folder, files } = project();
  const cache = makeFolder({});
  for (const file of files()) await plant(cache, folder, file, settled());
  expect([...(await hashFiles(folder, files(), cache)).values()]).toEqual([planted, planted, planted]);
});

test.each([
  ['its content and size', (file: string) => writeFileSync(file, 'other content of a')],
  [
    'its content alone, its time put back',
    (file: string) => {
      writeFileSync(file, 'CONTENT OF A');
      utimesSync(file, 1_000_000, 1_000_000);
    },
  ],
  ['its mode', (file: string) => chmodSync(file, 0o700)],
])('a file that changed in %s is read again', async (_, change) => {
  const { folder, files } = project();
  const cache = makeFolder({});
  const path = join(folder, 'd/a');
  utimesSync(path, 1_000_000, 1_000_000);
  for (const file of files()) await plant(cache, folder, file, settled());
  // Times of change have the kernel's tick for a grain.
  await setTimeout(20);
  change(path);
  const hashes = await hashFiles(folder, files(), cache);
  expect(hashes.get('d/a')).toBe(sha256(readFileSync(path, 'utf8')));
  expect(hashes.get('d/big')).toBe(planted);
});

test('a file that was written just before it was read is not kept: it may be written again in the same tick', async () => {
  const { folder, files } = project();
  const cache = makeFolder({});
  for (const file of files()) await plant(cache, folder, file, Date.now());
  expect((await hashFiles(folder, files(), cache)).get('d/a')).toBe(sha256('content of a'));
  expect(readdirSync(cache)).toEqual([]);
});

test.each([
  ['cut', (text: string) => text.slice(0, -20)],
  ['changed', (text: string) => text.replace(planted, `e${planted.slice(1)}`)],
  ['empty', () => ''],
  ['of another format', (text: string) => text.replace(/^.*\n/, 'dwt file hashes 0\n')],
  ['something else', () => '{"a":[]}'],
])('a cache that is %s counts for nothing', async (_, damage) => {
  const { folder, files } = project();
  const cache = makeFolder({});
  for (const file of files()) await plant(cache, folder, file, settled());
  const [name = ''] = readdirSync(join(cache, 'files'));
  const path = join(cache, 'files', name);
  writeFileSync(path, damage(readFileSync(path, 'utf8')));
  expect((await hashFiles(folder, files(), cache)).get('d/a')).toBe(sha256('content of a'));
});

test('two runs that write at once leave a whole cache and nothing else', async () => {
  const { folder, files } = project();
  const cache = makeFolder({});
  await Promise.all(
    Array.from({ length: 20 }, () =>
      Promise.all(files().map((file) => plant(cache, folder, file, settled()))),
    ),
  );
  expect(readdirSync(join(cache, 'files'))).toHaveLength(1);
  const known = await HashCache.open(folder, cache);
  expect(files().some((file) => known.get(file) === planted)).toBe(true);
});

test('a cache that cannot be written costs nothing but time', async () => {
  const { folder, files } = project();
  const blocked = join(folder, 'd/a');
  expect((await hashFiles(folder, files(), blocked)).size).toBe(3);
});

test('a file that changes between listing and reading is an error that names it', async () => {
  const { folder, files } = project();
  const listed = files();
  writeFileSync(join(folder, 'd/big'), 'c'.repeat(200_001));
  await expect(hashFiles(folder, listed, null)).rejects.toMatchObject({
    code: 'CONTEXT_CHANGED',
    message: expect.stringMatching(/^d\/big /),
  });
});
