/** A real browser: the machine's own chromium, which fetches nothing for itself. */
import { accessSync, constants } from 'node:fs';
import type { Browser } from 'playwright-core';
import { DwtError } from '../errors.ts';
import { findProgram, type ProcessEnvironment } from '../host/command.ts';

const programs = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];

/** Where the browser is: what DWT_BROWSER names, else the first of the usual programs. */
export function findBrowser(environment: ProcessEnvironment): string {
  const named = environment['DWT_BROWSER'];
  if (named) {
    try {
      accessSync(named, constants.X_OK);
      return named;
    } catch (cause) {
      throw new DwtError('SETUP_FAILED', `DWT_BROWSER names ${named}, which cannot be run.`, {
        hint: 'Set it to the path of a chromium, or unset it to have one looked for in PATH.',
        cause,
      });
    }
  }
  for (const name of programs) {
    const found = findProgram(name, environment);
    if (found !== null) return found;
  }
  throw new DwtError('SETUP_FAILED', 'Pages are looked at in a browser, and this machine has none.', {
    hint: 'Install one (apt-get install chromium), or name one by DWT_BROWSER=/path/to/chromium.',
  });
}

/** The caller closes it. `flags` come on top of those that keep it to itself. */
export async function launchBrowser(program: string, flags: readonly string[] = []): Promise<Browser> {
  const { chromium } = await import('playwright-core');
  try {
    return await chromium.launch({
      executablePath: program,
      // Signals are for who started this program, which closes the browser itself.
      handleSIGINT: false,
      handleSIGTERM: false,
      handleSIGHUP: false,
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
        ...flags,
      ],
    });
  } catch (cause) {
    throw new DwtError('SETUP_FAILED', `The browser ${program} does not start.`, {
      hint: `Run \`${program} --version\`; name another one by DWT_BROWSER.`,
      detail: cause instanceof Error ? cause.message : String(cause),
      cause,
    });
  }
}
