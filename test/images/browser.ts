/** The browser that smoke tests look at pages with, for tests that do in a page what people do. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import { findBrowser, launchBrowser } from '../../src/browser/chromium.ts';

/**
 * The caller closes it. With the process of a container it is in that container's network (which takes root): there is
 * no other way out for its pages.
 */
export async function openBrowser(networkOf?: number): Promise<Browser> {
  const program = findBrowser(process.env);
  if (networkOf === undefined) return launchBrowser(program);
  const folder = await mkdtemp(join(tmpdir(), 'dwt-browser-'));
  const starter = join(folder, 'chromium');
  await writeFile(starter, `#!/bin/sh\nexec nsenter --net=/proc/${networkOf}/ns/net -- ${program} "$@"\n`, {
    mode: 0o755,
  });
  try {
    return await launchBrowser(starter);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
