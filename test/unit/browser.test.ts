import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { findBrowser } from '../../src/browser/chromium.ts';
import { checkBrowser } from '../../src/doctor/browser.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dwt-browser-test-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

async function program(name: string): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, '');
  await chmod(path, 0o755);
  return path;
}

test('the browser that is named, else the first in PATH', async () => {
  const chromium = await program('chromium');
  const own = await program('my-chrome');
  expect(findBrowser({ PATH: folder })).toBe(chromium);
  expect(findBrowser({ PATH: folder, DWT_BROWSER: own })).toBe(own);
  expect(checkBrowser({ PATH: folder })).toMatchObject({
    verdict: 'ok',
    detail: expect.stringContaining(chromium),
  });
});

test('one that is named and is not there is an error, whatever else there is', async () => {
  const environment = { PATH: folder, DWT_BROWSER: join(folder, 'gone') };
  await program('chromium');
  expect(() => findBrowser(environment)).toThrow(
    expect.objectContaining({ code: 'SETUP_FAILED', hint: expect.stringContaining('unset it') }),
  );
  expect(checkBrowser(environment)).toMatchObject({
    name: 'browser',
    verdict: 'warn',
    detail: `DWT_BROWSER names ${join(folder, 'gone')}, which cannot be run`,
  });
});
