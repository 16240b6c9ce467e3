/** Every image of the project keeps its contract, and what its stage declares beyond that, its page included. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { SmokeTestResult } from '../../src/workflows/smoke-test.ts';
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
    expect(pages).toEqual(
      expect.arrayContaining(['python-jupyterlab', 'python-visualisation', 'rv4-visualisation']),
    );
  },
  buildTimeout,
);
