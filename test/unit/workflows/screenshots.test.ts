import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import type { DwtEvent } from '../../../src/events.ts';
import { Screenshots } from '../../../src/workflows/screenshots.ts';

let folder: string;
let events: DwtEvent[];
const emit = (event: DwtEvent) => void events.push(event);
const picture = Buffer.from('a picture');

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dwt-shots-'));
  events = [];
});
afterEach(() => rm(folder, { recursive: true, force: true }));

test('all are kept in a folder that is named, under names that files can have', async () => {
  const shots = Screenshots.prepare(join(folder, 'a/b'), emit);
  expect(await shots.keep('python-lab', picture, 'pass')).toBe(join(folder, 'a/b/python-lab.png'));
  const foreign = await shots.keep('host:5000/a/b:latest', picture, 'fail');
  expect(foreign).toBe(join(folder, 'a/b/host-5000-a-b-latest.png'));
  expect(await readFile(foreign ?? '')).toEqual(picture);
});

test('without one, a right page leaves nothing', async () => {
  expect(await Screenshots.prepare(null, emit).keep('python-lab', picture, 'pass')).toBeNull();
});

test('a folder that cannot be made is told before anything is judged', async () => {
  await writeFile(join(folder, 'file'), '');
  expect(() => Screenshots.prepare(join(folder, 'file/shots'), emit)).toThrow(
    expect.objectContaining({ code: 'USAGE', message: expect.stringContaining('file/shots') }),
  );
});

test('one that goes meanwhile costs the picture, and not the verdict', async () => {
  const shots = Screenshots.prepare(join(folder, 'shots'), emit);
  await rm(join(folder, 'shots'), { recursive: true });
  expect(await shots.keep('python-lab', picture, 'fail')).toBeNull();
  expect(events).toEqual([
    {
      type: 'warning',
      message: expect.stringMatching(/^The screenshot of python-lab could not be written: /),
    },
  ]);
  expect(await readdir(folder)).toEqual([]);
});
