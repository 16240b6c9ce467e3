/** Every image of the project keeps its contract, and what its stage declares beyond that, its page included. */
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { imageRows, tableOf } from '../../scripts/images-table.ts';
import type { SmokeTestResult } from '../../src/workflows/smoke-test.ts';
import type { StageList } from '../../src/workflows/stages.ts';
import { testBase } from '../support/engine.ts';
import type { TestProject } from '../support/project.ts';
import { buildTimeout, Lab, without } from './images.ts';

let lab: Lab;
let project: TestProject;

beforeAll(async () => {
  lab = await Lab.open();
  project = await lab.copy();
  const words = ['--build-arg', `BASE_IMAGE=${testBase()}`, ...without, '--progress', 'plain'];
  const built = await project.dwt(['build', ...words]);
  if (built.status !== 0) throw new Error(built.stderr.slice(-4000));
}, buildTimeout);
afterAll(() => lab.close(), 120_000);

test(
  'dwt smoke-test --page',
  async () => {
    const run = await project.dwt(['smoke-test', '--page', '--json', '--progress', 'plain']);
    const { images } = run.json<SmokeTestResult>();
    const failed = images.flatMap(({ stage, checks, skipped, error }) => [
      ...checks
        .filter(({ verdict }) => verdict === 'fail')
        .map(({ name, detail }) => `${stage}: ${name}: ${detail}`),
      ...skipped.map(({ name, because }) => `${stage}: ${name}: ${because}`),
      ...(error ? [`${stage}: ${error.message}`] : []),
    ]);
    expect(failed).toEqual([]);
    expect(run.status).toBe(0);
    const pages = images.flatMap(({ stage, checks }) =>
      checks.some(({ name }) => name === 'page') ? [stage] : [],
    );
    expect(images.filter(({ standIns }) => standIns).map(({ stage, standIns }) => [stage, standIns])).toEqual(
      [['rv4-rstudio', ['rstudio-server']]],
    );
    expect(pages).toEqual(
      expect.arrayContaining(['python-jupyterlab', 'python-visualisation', 'rv4-visualisation']),
    );
  },
  buildTimeout,
);

test('the README states the size of each', async () => {
  const { stages } = (await project.dwt(['stages', '--json'])).json<StageList>();
  const rows = imageRows({ stages }, { images: [] });
  const stated = tableOf(await readFile(resolve(import.meta.dirname, '../../README.md'), 'utf8'));
  expect(stated.map(({ stage, kind, what }) => [stage, kind, what])).toEqual(
    rows.map(({ stage, kind, what }) => [stage, kind, what]),
  );
  const bytes = (size: string) => Number.parseFloat(size) * (/GB/.test(size) ? 1e9 : 1e6);
  // Packages change between the day of a measurement and this one.
  const wrong = rows.filter(({ size }, index) => {
    const ratio = bytes(size) / bytes(stated[index]?.size ?? '');
    return !(ratio > 0.9 && ratio < 1.1);
  });
  expect(wrong).toEqual([]);
}, 60_000);
