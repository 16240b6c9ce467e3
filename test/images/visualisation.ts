/** The examples of visualisations, built, judged, and looked at in a real browser. */
import { readdir, readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { expect } from '@jest/globals';
import type { Page } from 'playwright-core';
import type { TestProject } from '../support/project.ts';
import { openBrowser } from './browser.ts';
import type { Container, Lab } from './images.ts';
import { type Postgres, startPostgres } from './postgres.ts';

const examples = resolve(import.meta.dirname, '../../examples');

export const server = 'http://127.0.0.1:8888';

export interface Example {
  readonly name: string;
  /** Variables by which it finds the database. */
  readonly database: (address: string) => Record<string, string>;
  /** Uses the page; fails where it does not show so many months. */
  readonly use: (page: Page, months: number) => Promise<void>;
}

/** A PostgreSQL with what the examples show: the visitors of four months, for `reader` with the password `p w`. */
export async function startVisitors(lab: Lab, network: string): Promise<Postgres> {
  const postgres = await startPostgres(lab, network);
  await postgres.sql("CREATE USER reader PASSWORD 'p w'");
  await postgres.sql(
    `CREATE TABLE visitors AS SELECT month::date, 500 + 100 * extract(month FROM month)::int AS visitors
       FROM generate_series('2025-09-01'::date, '2025-12-01', '1 month') month;
     GRANT SELECT ON visitors TO reader`,
  );
  return postgres;
}

/** An example's folder, built from the image that this run made of the stage. */
export async function buildExample(lab: Lab, name: string, stage: string, base: string): Promise<string> {
  const folder = join(examples, name);
  const files: Record<string, string> = {};
  for (const file of await readdir(folder)) files[file] = await readFile(join(folder, file), 'utf8');
  const published = `data-workspace-tools/${stage}`;
  const dockerfile = files['Dockerfile'] ?? '';
  expect(dockerfile).toContain(`FROM ${published} AS ${name}-example\n`);
  return await lab.extend({ ...files, Dockerfile: dockerfile.replace(published, base) }, `${name}-example`);
}

/** What an image fails of the contract of a visualisation. */
export async function failedChecks(
  project: TestProject,
  image: string,
  ...words: string[]
): Promise<unknown[]> {
  const judged = await project.dwt([
    'smoke-test',
    '--image',
    image,
    '--kind',
    'visualisation',
    '--json',
    ...words,
  ]);
  const [{ verdict, checks }] = judged.json<{
    images: [{ verdict: string; checks: { name: string; verdict: string; detail: string }[] }];
  }>().images;
  expect(checks.length).toBeGreaterThanOrEqual(8);
  const failed = checks.filter((check) => check.verdict !== 'pass');
  expect(verdict).toBe(failed.length === 0 ? 'pass' : 'fail');
  return failed;
}

/** Opens a container's page in a browser that is in its network; answers what went elsewhere, failed or threw. */
export async function look(
  lab: Lab,
  container: Container,
  name: string,
  act: (page: Page) => Promise<void>,
): Promise<string[]> {
  await container.get(`${server}/`);
  const browser = await openBrowser((await lab.engine.containerState(container.id)).pid);
  const amiss: string[] = [];
  try {
    const page = await browser.newPage({ viewport: { width: 1000, height: 700 } });
    page.setDefaultTimeout(30_000);
    page.on('request', (request) => {
      const url = request.url();
      if (!/^(blob|data):/.test(url) && !url.startsWith(`${server}/`)) amiss.push(`asked ${url}`);
    });
    page.on('response', (response) => {
      const path = new URL(response.url()).pathname;
      if (response.status() >= 400 && path !== '/favicon.ico')
        amiss.push(`got ${response.status()} for ${path}`);
    });
    page.on('pageerror', (error) => amiss.push(`threw ${error.message}`));
    await page.goto(`${server}/`);
    await act(page);
    const folder = process.env['DWT_TEST_SCREENSHOTS'];
    if (folder) await page.screenshot({ path: `${folder}/${name}.png` });
  } finally {
    await browser.close();
  }
  return amiss;
}
