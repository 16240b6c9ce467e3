/** The browser that smoke tests look at pages with, for tests that do in a page what people do. */
import type { Browser } from 'playwright-core';
import { findBrowser, launchBrowser } from '../../src/browser/chromium.ts';

/** The caller closes it. */
export const openBrowser = async (): Promise<Browser> => launchBrowser(findBrowser(process.env));
