/** A real browser for the tests: Debian's chromium, which fetches nothing for itself. */
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Browser, chromium } from 'playwright-core';

const program = '/usr/bin/chromium';

/**
 * The caller closes it. With the process of a container it is in that container's network (which takes root): there is
 * no other way out for its pages, and it does not break off requests whenever another test changes this machine's
 * interfaces.
 */
export async function openBrowser(networkOf?: number): Promise<Browser> {
  if (!existsSync(program)) throw new Error(`These tests need ${program}: apt-get install chromium.`);
  const folder = await mkdtemp(join(tmpdir(), 'dwt-browser-'));
  const starter = join(folder, 'chromium');
  const enter = networkOf === undefined ? '' : `nsenter --net=/proc/${networkOf}/ns/net -- `;
  await writeFile(starter, `#!/bin/sh\nexec ${enter}${program} "$@"\n`, { mode: 0o755 });
  try {
    return await chromium.launch({
      executablePath: starter,
      args: [
        // Its own sandbox cannot be had as root.
        ...(process.getuid?.() === 0 ? ['--no-sandbox'] : []),
        '--disable-gpu',
        '--disable-dev-shm-usage',
        '--disable-quic',
        '--no-first-run',
        '--disable-background-networking',
        '--disable-component-update',
        '--disable-sync',
      ],
    });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
