/** The visualisation base of R as it is, and as users extend it: the examples, each in a real browser and against the contract. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Page } from 'playwright-core';
import type { TestProject } from '../support/project.ts';
import { buildTimeout, Lab } from './images.ts';
import type { Postgres } from './postgres.ts';
import { buildExample, type Example, failedChecks, look, server, startVisitors } from './visualisation.ts';

let lab: Lab;
let project: TestProject;
let base: string;
let network: string;
let postgres: Postgres;

beforeAll(async () => {
  lab = await Lab.open();
  project = await lab.copy();
  base = (await lab.build('rv4-visualisation'))('rv4-visualisation');
  network = await lab.isolated();
  postgres = await startVisitors(lab, network);
}, buildTimeout);
afterAll(() => lab.close(), 60_000);

const width = (page: Page) =>
  page.locator('img').evaluate((image) => (image as unknown as { naturalWidth: number }).naturalWidth);

const table: readonly Example[] = [
  {
    name: 'shiny',
    database: (address) => ({
      PGHOST: address,
      PGDATABASE: 'postgres',
      PGUSER: 'reader',
      PGPASSWORD: 'p w',
      APP_SCHEMA: 'public',
    }),
    use: async (page, months) => {
      await page.locator('#chart img').waitFor();
      expect(await width(page)).toBeGreaterThan(400);
      const rows = page.locator('#table tbody tr');
      expect(await rows.count()).toBe(months);
      const largest = (await rows.locator('td:last-child').allInnerTexts()).map(Number).sort((a, b) => b - a);
      await page.getByLabel('At least').fill(`${largest[0]}`);
      await eventually(() => rows.count(), 1);
      await page.getByLabel('At least').fill('0');
      await eventually(() => rows.count(), months);
    },
  },
  {
    name: 'plumber',
    database: (address) => ({
      DATABASE_DSN__datasets: `host=${address} dbname=postgres user=reader password='p w'`,
    }),
    use: async (page, months) => {
      expect(await width(page)).toBeGreaterThan(400);
      await page.getByRole('link', { name: 'data' }).click();
      expect(JSON.parse((await page.locator('body').textContent()) ?? '')).toHaveLength(months);
      await page.goto(`${server}/visitors?least=10000`);
      expect(JSON.parse((await page.locator('body').textContent()) ?? '')).toEqual([]);
      await page.goto(`${server}/`);
      expect(await width(page)).toBeGreaterThan(400);
    },
  },
];

/** Waits until it is so. */
async function eventually(now: () => Promise<number>, wanted: number): Promise<void> {
  const until = Date.now() + 30_000;
  while ((await now()) !== wanted && Date.now() < until) await new Promise((done) => setTimeout(done, 50));
  expect(await now()).toBe(wanted);
}

describe.each(table)('the example of $name', ({ name, database, use }) => {
  let image: string;
  beforeAll(async () => {
    image = await buildExample(lab, name, 'rv4-visualisation', base);
  }, buildTimeout);

  test('keeps the contract of a visualisation, its page included', async () => {
    expect(await failedChecks(project, image, '--page')).toEqual([]);
  }, 240_000);

  test('shows its own data, and what the database has, with everything from its own host', async () => {
    const alone = await lab.start({ image, network });
    expect(await look(lab, alone, `${name}-sample`, (page) => use(page, 6))).toEqual([]);
    const connected = await lab.start({ image, network, environment: database(postgres.address) });
    expect(await look(lab, connected, name, (page) => use(page, 4))).toEqual([]);
  }, 240_000);
});

test('serves a page that says what to do, before anything is put into it', async () => {
  const container = await lab.start({ image: base, network });
  const opened = await look(lab, container, 'nothing-yet-r', (page) =>
    page.getByText('Nothing here yet').first().waitFor(),
  );
  expect(opened).toEqual([]);
  expect((await container.stop()).seconds).toBeLessThan(10);
});
