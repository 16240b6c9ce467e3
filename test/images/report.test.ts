/** The page of `--report` as people meet it: in a real browser, on a desk and in a hand, by day and by night, and in Jenkins. */
import { mkdir, readFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import axe, { type AxeResults } from 'axe-core';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { testBase } from '../support/engine.ts';
import { makeProject, type TestProject } from '../support/project.ts';
import { openBrowser } from './browser.ts';

/** What Jenkins says of files that a build archived, unless it is told another address for them. */
const jenkinsPolicy = "sandbox allow-same-origin; default-src 'none'; img-src 'self'; style-src 'self';";

/** A page of its own in perl, which Debian has: enough of a tool to be judged, and to fail. */
const server = `use IO::Socket::INET;
$SIG{TERM} = sub { exit 0 };
my $server = IO::Socket::INET->new(LocalPort => 8888, Listen => 9, ReuseAddr => 1) or die $!;
print STDERR "serving <b>on</b> 8888\\n";
while (my $client = $server->accept) {
  while (<$client>) { last if /^\\r?$/ }
  my $page = '<!DOCTYPE html><link rel="icon" href="data:,"><title>Desk</title><h1>An honest page</h1>';
  print $client "HTTP/1.1 200 OK\\r\\nContent-Type: text/html\\r\\nConnection: close\\r\\nContent-Length: " . length($page) . "\\r\\n\\r\\n$page";
  close $client;
}
`;

let project: TestProject;
let browser: Browser;
let site: Server;

beforeAll(async () => {
  project = await makeProject({
    Dockerfile: [
      `FROM ${testBase()} AS base`,
      'RUN head -c 8000000 /dev/urandom > /base; sleep 1',
      'FROM base AS desk',
      'COPY server.pl /srv/',
      'CMD ["perl", "/srv/server.pl"]',
      'FROM base AS broken',
      'RUN echo "a line that is much longer than a phone is wide: $(seq -s " " 100)" >&2; exit 3',
    ].join('\n'),
    'server.pl': server,
    'dwt.yaml':
      'version: 1\nstages: {base: {kind: shared}, desk: {kind: tool, checks: {page: {visible: An honest page}}}, broken: {kind: tool}}\n',
  });
  const built = await project.dwt(['build', '--keep-going', '--report', 'build', '--build-arg', 'UNUSED=1']);
  expect(built.status).toBe(1);
  const judged = await project.dwt(['smoke-test', 'desk', '--page', '--report', 'smoke-test']);
  expect(judged.status).toBe(1);
  browser = await openBrowser();
  site = createServer(async ({ url = '' }, response) => {
    const [, policy, report = ''] = /^\/(plain|jenkins)\/([a-z-]+)$/.exec(url) ?? [];
    response.setHeader('Content-Type', 'text/html');
    if (policy === 'jenkins') response.setHeader('Content-Security-Policy', jenkinsPolicy);
    response.end(await readFile(join(project.folder, report, 'index.html')).catch(() => ''));
  });
  await new Promise<void>((resolve) => site.listen(0, '127.0.0.1', resolve));
}, 180_000);
afterAll(async () => {
  await browser?.close();
  site?.close();
  await project?.remove();
});

const desk = { width: 1280, height: 900 };
const phone = { width: 360, height: 740 };

/** The report in a window of its own; what it asks of anybody, or complains of, fails the test. */
async function open(
  report: string,
  options: BrowserContextOptions,
  work: (page: Page) => Promise<void>,
  policy: 'plain' | 'jenkins' = 'plain',
): Promise<void> {
  const context = await browser.newContext(options);
  try {
    const page = await context.newPage();
    const asked: string[] = [];
    const said: string[] = [];
    page.on('request', (request) => asked.push(request.url()));
    page.on('console', (message) => said.push(message.text()));
    page.on('pageerror', (error) => said.push(error.message));
    const { port } = site.address() as AddressInfo;
    const address = `http://127.0.0.1:${port}/${policy}/${report}`;
    await page.goto(address);
    await keepScreenshot(page, [report, policy, options.colorScheme, options.viewport?.width].join('-'));
    if (policy === 'plain') {
      expect(asked.filter((url) => url !== address && !/^data:|favicon\.ico$/.test(url))).toEqual([]);
      expect(said).toEqual([]);
    }
    await work(page);
  } finally {
    await context.close();
  }
}

async function keepScreenshot(page: Page, name: string): Promise<void> {
  const folder = process.env['DWT_TEST_SCREENSHOTS'];
  if (folder === undefined) return;
  await mkdir(folder, { recursive: true });
  await page.screenshot({ path: join(folder, `report-${name}.png`), fullPage: true });
}

/** Of axe: what the law asks for, and what is good to have. */
const rules = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];

const looks = ['build', 'smoke-test'].flatMap((report) =>
  (['light', 'dark'] as const).flatMap((colorScheme) =>
    [desk, phone].map((viewport) => ({ report, colorScheme, viewport, width: viewport.width })),
  ),
);

test.each(looks)(
  '$report, $colorScheme, $width wide: no barrier, nothing wider than the window',
  async (look) => {
    const { report, colorScheme, viewport } = look;
    await open(report, { colorScheme, viewport, reducedMotion: 'reduce' }, async (page) => {
      // All that can be unfolded is read too.
      await page.evaluate('for (const details of document.querySelectorAll("details")) details.open = true');
      await page.evaluate(axe.source);
      const { violations, passes } = await page.evaluate<AxeResults>(
        `axe.run({ runOnly: ${JSON.stringify(rules)} })`,
      );
      expect(violations.map(({ id, nodes }) => [id, nodes.map(({ html }) => html)])).toEqual([]);
      expect(passes.map(({ id }) => id)).toEqual(
        expect.arrayContaining(['color-contrast', 'region', 'heading-order']),
      );
      const excess = await page.evaluate(
        'document.documentElement.scrollWidth - document.documentElement.clientWidth',
      );
      expect(excess).toBeLessThanOrEqual(0);
    });
  },
);

test('a page keeps its picture within itself, and says what was seen', async () => {
  await open('smoke-test', { viewport: desk }, async (page) => {
    const picture = page.getByRole('img', { name: 'The page of desk as the check saw it' });
    expect(
      await picture.evaluate((image: unknown) => (image as { naturalWidth: number }).naturalWidth),
    ).toBeGreaterThan(600);
    expect(await picture.getAttribute('src')).toMatch(/^data:image\/png;base64,/);
    const checks = page.getByRole('table', { name: 'Checks of desk' });
    await checks.getByRole('row', { name: /^user ✖ fail/ }).waitFor();
    await checks.getByRole('row', { name: /^page ✔ pass/ }).waitFor();
    expect(await page.locator('pre', { hasText: 'serving <b>on</b> 8888' }).count()).toBeGreaterThan(0);
    expect(await page.locator('pre b').count()).toBe(0);
  });
});

test('by keyboard: from the contents to a section, and along a table that is too wide', async () => {
  await open('build', { viewport: phone }, async (page) => {
    await page.keyboard.press('Tab');
    expect(await page.evaluate('document.activeElement.textContent')).toBe('What failed');
    await page.keyboard.press('Enter');
    expect(new URL(page.url()).hash).toBe('#failures');
    await page.getByRole('link', { name: 'Images' }).click();
    const region = page.getByRole('region', { name: /^What each image is called/ });
    await region.focus();
    await page.keyboard.press('ArrowRight');
    await page.waitForFunction('document.activeElement.scrollLeft > 0');
  });
});

interface Seen {
  readonly paper: string;
  readonly ink: string;
  readonly bars: readonly { readonly width: number; readonly fill: string }[];
}

test.each(['light', 'dark'] as const)(
  'in Jenkins, which takes its style sheet away, %s',
  async (colorScheme) => {
    await open(
      'build',
      { viewport: desk, colorScheme },
      async (page) => {
        const { paper, ink, bars } = await page.evaluate<Seen>(`({
        // Without the sheet the canvas is the browser's own.
        paper: getComputedStyle(document.body).backgroundColor,
        ink: getComputedStyle(document.body).color,
        bars: [...document.querySelectorAll('svg.timeline rect')].map((rect) => ({
          width: rect.getBoundingClientRect().width,
          fill: getComputedStyle(rect).fill,
        })),
      })`);
        expect(paper).toBe('rgba(0, 0, 0, 0)');
        expect(ink).toBe(colorScheme === 'dark' ? 'rgb(255, 255, 255)' : 'rgb(0, 0, 0)');
        expect(Math.max(...bars.map(({ width }) => width))).toBeGreaterThan(50);
        // The step that failed has its own colour still.
        expect(new Set(bars.map(({ fill }) => fill))).toContain('rgb(209, 36, 47)');
        await page.getByRole('heading', { name: 'What failed' }).waitFor();
      },
      'jenkins',
    );
  },
);
