/** `--page` and `--screenshots` as the workflows take them. */
import { join } from 'node:path';
import type { PageOptions } from '../workflows/smoke-test.ts';

interface PageFlags {
  readonly screenshots?: string | undefined;
  readonly report?: string | undefined;
}

/** @throws DwtError SETUP_FAILED where this machine has no browser */
export async function pageOptions(
  { screenshots, report }: PageFlags,
  environment: NodeJS.ProcessEnv,
): Promise<PageOptions> {
  const { findBrowser } = await import('../browser/chromium.ts');
  const beside = report === undefined ? null : join(report, 'screenshots');
  return { program: findBrowser(environment), screenshots: screenshots ?? beside };
}
