/** Opens a tool's page in a browser, through a proxy like the platform's, and keeps what is seen and what goes wrong. */
import { setTimeout as pause } from 'node:timers/promises';
import type { Page } from 'playwright-core';
import { launchBrowser } from '../browser/chromium.ts';
import { DwtError } from '../errors.ts';
import type { PageMark, PageSettings } from '../project/project.ts';
import { inSeconds } from './check.ts';
import type { PageEvidence } from './evidence.ts';
import { PageWatch } from './page-watch.ts';
import { PlatformProxy } from './platform-proxy.ts';
import type { Dial } from './way-in.ts';

export interface PageView {
  /** The browser. */
  readonly program: string;
  readonly dial: Dial;
  /** The tool's name in the address bar. */
  readonly host: string;
  /** '' or such as `/user/lab`. */
  readonly prefix: string;
  readonly page: PageSettings;
  readonly signal: AbortSignal;
}

const size = { width: 1280, height: 800 };
/** Seconds that a page which is shown may go on loading, and that it has to notice a cut connection and mend it. */
const quietWithin = 5;
const noticeWithin = 1;
const mendWithin = 10;

export async function viewPage({
  program,
  dial,
  host,
  prefix,
  page,
  signal,
}: PageView): Promise<PageEvidence> {
  const proxy = await PlatformProxy.open(dial, prefix);
  const origin = `http://${host}`;
  const browser = await launchBrowser(program, [
    // The tool has the one name that leads anywhere, in a browser that takes it for https as the platform's is.
    `--host-resolver-rules=MAP ${host}:80 127.0.0.1:${proxy.port}, MAP * ~NOTFOUND`,
    `--unsafely-treat-insecure-origin-as-secure=${origin}`,
    '--no-proxy-server',
  ]).catch((error) => {
    proxy.close();
    throw error;
  });
  const close = () => browser.close();
  signal.addEventListener('abort', close, { once: true });
  try {
    signal.throwIfAborted();
    const context = await browser.newContext({ viewport: size });
    const watch = new PageWatch(context, host);
    const opened = await context.newPage();
    for (const mark of page.visible) if ('selector' in mark) await refuseNonsense(opened, mark.selector);
    return await look(opened, watch, proxy, { url: `${origin}${prefix}${page.path}`, prefix, page });
  } finally {
    signal.removeEventListener('abort', close);
    await browser.close();
    proxy.close();
  }
}

async function look(
  opened: Page,
  watch: PageWatch,
  proxy: PlatformProxy,
  { url, prefix, page }: { url: string; prefix: string; page: PageSettings },
): Promise<PageEvidence> {
  const started = performance.now();
  const age = () => (performance.now() - started) / 1000;
  const timeout = page.within * 1000;
  const arrival = await opened.goto(url, { waitUntil: 'commit', timeout }).then(
    (answer) => ({ status: answer?.status() ?? null, refusal: null }),
    (error: Error) => ({ status: null, refusal: reasonOf(error, page.within) }),
  );
  const loading = opened.waitForLoadState('load', { timeout }).then(age, () => null);
  const arrived = arrival.status !== null && arrival.status < 400;
  const seen = await Promise.all(
    page.visible.map((mark) => (arrived ? untilSeen(opened, mark, page.within, age) : null)),
  );
  const loaded = arrived && page.visible.length === 0 ? await loading : null;
  await opened.waitForLoadState('networkidle', { timeout: quietWithin * 1000 }).catch(() => {});

  watch.cut();
  const websockets = proxy.cutIdle();
  await pause(noticeWithin * 1000);
  const deadline = age() + mendWithin;
  const again = await Promise.all(
    page.visible.map((mark, index) => seen[index] === null || untilSeen(opened, mark, deadline, age)),
  );
  return {
    path: page.path,
    prefix,
    ...arrival,
    title: await opened.title().catch(() => ''),
    requests: watch.requests,
    problems: [...watch.problems],
    seen,
    loaded,
    blank: await opened.evaluate<boolean>(isBlank).catch(() => false),
    cut: { websockets, lost: again.flatMap((is, index) => (is === null ? [index] : [])) },
    screenshot: await opened.screenshot({ timeout: 10_000 }).catch(() => null),
  };
}

/** Seconds until it was to be seen in the page or a frame of it; null where it was not by the deadline. */
async function untilSeen(
  opened: Page,
  mark: PageMark,
  deadline: number,
  age: () => number,
): Promise<number | null> {
  while (true) {
    const looks = opened.frames().map((frame) => {
      const found = 'text' in mark ? frame.getByText(mark.text) : frame.locator(`css=${mark.selector}`);
      // A frame may go while it is looked at.
      return found
        .filter({ visible: true })
        .evaluateAll(isUncovered)
        .catch(() => false);
    });
    if ((await Promise.all(looks)).some((seen) => seen)) return age();
    if (age() >= deadline || opened.isClosed()) return null;
    await pause(100);
  }
}

/** As much of a document's element as is asked for in the page. */
interface Shown {
  getBoundingClientRect(): { left: number; top: number; width: number; height: number };
  getRootNode(): { elementFromPoint?(x: number, y: number): Shown | null };
  contains(other: Shown): boolean;
}

/**
 * Evaluated in the page: whether one of these elements is on top at its middle or near a corner. A curtain that a tool
 * draws over itself while it loads leaves all below it visible to the browser, and nothing to people. What lies outside of
 * the window cannot be asked for, and counts.
 */
const isUncovered = (elements: readonly unknown[]): boolean =>
  (elements as Shown[]).some((element) => {
    const { left, top, width, height } = element.getBoundingClientRect();
    return [0.5, 0.1, 0.9].some((share) => {
      const under = element.getRootNode().elementFromPoint?.(left + width * share, top + height * share);
      return !under || element.contains(under) || under.contains(element);
    });
  });

/** A selector that no browser understands would never be seen, and the page be blamed for it. */
async function refuseNonsense(opened: Page, selector: string): Promise<void> {
  const is = `(() => { try { document.querySelector(${JSON.stringify(selector)}); return true } catch { return false } })()`;
  if (await opened.evaluate<boolean>(is)) return;
  throw new DwtError('PROJECT_INVALID', `The page must show "${selector}", which is no CSS selector.`, {
    hint: 'Correct it under checks: page: visible: in dwt.yaml.',
  });
}

/** Evaluated in the page. */
const isBlank = `document.body.innerText.trim() === '' &&
  document.querySelector('canvas, embed, iframe, img, input, object, svg, video') === null`;

/** The browser's own words, without what its driver says around them. */
function reasonOf({ name, message }: Error, within: number): string {
  if (name === 'TimeoutError') return `nothing came in ${inSeconds(within)}`;
  return /net::\S+/.exec(message)?.[0] ?? message.split('\n', 1)[0] ?? '';
}
