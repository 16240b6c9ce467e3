/** A real browser for the tests: Debian's chromium, which fetches nothing for itself. */
import { existsSync } from 'node:fs';
import { type Browser, chromium } from 'playwright-core';

const program = '/usr/bin/chromium';

/** The caller closes it. */
export async function openBrowser(): Promise<Browser> {
  if (!existsSync(program)) throw new Error(`These tests need ${program}: apt-get install chromium.`);
  return await chromium.launch({
    executablePath: program,
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
}
