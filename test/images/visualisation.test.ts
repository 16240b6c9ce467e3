/** The visualisation base as it is, and as users extend it: the examples, each in a real browser and against the contract. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { TestProject } from '../support/project.ts';
import { buildTimeout, Lab } from './images.ts';
import type { Postgres } from './postgres.ts';
import { buildExample, type Example, failedChecks, look, server, startVisitors } from './visualisation.ts';

let lab: Lab;
let project: TestProject;
let built: (stage: string) => string;
let network: string;
let postgres: Postgres;

beforeAll(async () => {
  lab = await Lab.open();
  project = await lab.copy();
  built = await lab.build('python-visualisation', 'python-jupyterlab');
  network = await lab.isolated();
  postgres = await startVisitors(lab, network);
}, buildTimeout);
afterAll(() => lab.close(), 60_000);

const table: readonly Example[] = [
  {
    name: 'streamlit',
    database: (address) => ({
      PGHOST: address,
      PGDATABASE: 'postgres',
      PGUSER: 'reader',
      PGPASSWORD: 'p w',
      APP_SCHEMA: 'public',
    }),
    use: async (page, months) => {
      await page.getByRole('heading', { name: 'Visitors by month' }).waitFor();
      const chart = page.locator('[data-testid="stVegaLiteChart"]');
      await chart.locator('canvas, svg').first().waitFor();
      await chart.hover();
      await page.getByRole('button', { name: 'Show data' }).click();
      const grid = page.locator('[data-testid="stDataFrame"] [role="grid"]');
      await grid.waitFor({ state: 'attached' });
      // With its heading.
      expect(await grid.getAttribute('aria-rowcount')).toBe(`${months + 1}`);
      // It would lead to somebody else's cloud.
      expect(await page.getByText('Deploy').count()).toBe(0);
    },
  },
  {
    name: 'dash',
    database: (address) => ({
      DATABASE_DSN__datasets: `host=${address} dbname=postgres user=reader password='p w'`,
    }),
    use: async (page, months) => {
      await page.locator('.js-line').first().waitFor();
      await page.getByLabel('bar').click();
      await page.locator('.bars path').first().waitFor();
      expect(await page.locator('.bars path').count()).toBe(months);
    },
  },
  {
    name: 'flask',
    database: (address) => ({
      DATABASE_DSN__datasets: `host=${address} dbname=postgres user=reader password='p w'`,
    }),
    use: async (page, months) => {
      const width = () =>
        page.locator('img').evaluate((image) => (image as unknown as { naturalWidth: number }).naturalWidth);
      expect(await width()).toBeGreaterThan(400);
      const drawing = await page.goto(`${server}/chart.svg`);
      expect((await drawing?.text())?.match(/<!-- \w{3} 202\d -->/g)).toHaveLength(months);
      await page.goto(`${server}/`);
      await page.getByRole('spinbutton').fill('10000');
      await page.getByRole('button', { name: 'Show' }).click();
      await page.waitForURL('**/?least=10000');
      expect(await page.getByRole('spinbutton').inputValue()).toBe('10000');
      await page.goto(`${server}/`);
      expect(await width()).toBeGreaterThan(400);
    },
  },
];

describe.each(table)('the example of $name', ({ name, database, use }) => {
  let image: string;
  beforeAll(async () => {
    image = await buildExample(lab, name, 'python-visualisation', built('python-visualisation'));
  }, buildTimeout);

  test('keeps the contract of a visualisation', async () => {
    expect(await failedChecks(project, image)).toEqual([]);
  }, 240_000);

  test('shows its own data, and what the database has, with everything from its own host', async () => {
    const alone = await lab.start({ image, network });
    expect(await look(lab, alone, `${name}-sample`, (page) => use(page, 6))).toEqual([]);
    const connected = await lab.start({ image, network, environment: database(postgres.address) });
    expect(await look(lab, connected, name, (page) => use(page, 4))).toEqual([]);
  }, 240_000);
});

test('serves a page that says what to do, before anything is put into it', async () => {
  const container = await lab.start({ image: built('python-visualisation'), network });
  expect(
    await look(lab, container, 'nothing-yet', (page) => page.getByText('Nothing here yet').first().waitFor()),
  ).toEqual([]);
  const settings = await container.shell(
    'cd /app && python -m streamlit config show | grep -E "^(gatherUsageStats|port|headless)"',
    'dw-user',
  );
  expect(settings.split('\n').sort()).toEqual([
    '',
    'gatherUsageStats = false',
    'headless = true',
    'port = 8888',
  ]);
  expect((await container.stop()).seconds).toBeLessThan(10);
});

test('has the packages of the tools, in the same versions', async () => {
  const packages = async (stage: string): Promise<Record<string, string>> => {
    const container = await lab.start({
      image: built(stage),
      network: 'none',
      command: ['sleep', 'infinity'],
    });
    const list =
      'import importlib.metadata as m, json; print(json.dumps({d.name: d.version for d in m.distributions()}))';
    return JSON.parse(await container.shell(`/opt/venv/bin/python -I -c '${list}'`));
  };
  const [tool, visualisation] = await Promise.all([
    packages('python-jupyterlab'),
    packages('python-visualisation'),
  ]);
  expect(Object.keys(visualisation)).toEqual(
    expect.arrayContaining(['pandas', 'psycopg', 'streamlit', 'dash', 'Flask', 'gunicorn', 'boto3']),
  );
  expect(tool).toMatchObject(visualisation);
});
