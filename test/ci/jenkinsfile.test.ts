/** The Jenkinsfile: every parameter, every way to fail, an abort; run by a stand-in for Jenkins, everything else is real. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { startRegistry, type TestRegistry } from '../support/registry.ts';
import { archived, type JenkinsRun, runJob, startJob } from './jenkins.ts';
import { CiRepository } from './repository.ts';
import { hierarchyOf, published, removeImages } from './small-hierarchy.ts';

jest.setTimeout(240_000);

const small = hierarchyOf('jenkins');
const mark = `dwt-${small.name}`;
const dockerfile = (python?: string) => small.files(python).Dockerfile;

let registry: TestRegistry;
let ci: CiRepository;
let first: string;

beforeAll(async () => {
  registry = await startRegistry();
  ci = await CiRepository.open(small.files(), { REGISTRY: registry.host });
  first = await ci.git('rev-parse', 'HEAD');
});
afterAll(async () => {
  await ci?.close();
  await registry?.stop();
  await removeImages(small.name);
});

const digestOf = (name: string) => published(registry, name);
const shells = ({ events }: JenkinsRun) =>
  events.filter(({ type }) => type === 'sh').map(({ script }) => String(script));
const namesOf = ({ events }: JenkinsRun, type: string) =>
  events.filter((event) => event.type === type).map(({ name }) => name);
const fits = async (run: JenkinsRun, result: string) => {
  if (run.result === result) return;
  const why = run.events.filter(({ type }) => ['failed', 'post-failed', 'refused'].includes(type));
  throw new Error(`${run.result} instead of ${result}: ${JSON.stringify(why)}\n${run.console.slice(-6000)}`);
};

test('every image to dev: families side by side, all published together, evidence kept', async () => {
  const run = await runJob(ci);
  await fits(run, 'SUCCESS');
  expect(namesOf(run, 'stage')).toEqual(['Plan', 'Build and prove', 'Publish']);
  expect(namesOf(run, 'branch').sort()).toEqual(['python', 'rv4']);
  for (const repository of ['dev-lab', 'dev-editor', 'dev-studio'])
    expect(await digestOf(repository)).toMatch(/^sha256:/);
  const files = await archived(run);
  expect([...files.keys()].sort()).toEqual(
    [
      'publish/dwt.log',
      'publish/index.html',
      'python/dwt.log',
      'python/index.html',
      'python/junit.xml',
      'rv4/dwt.log',
      'rv4/index.html',
      'rv4/junit.xml',
    ].map((file) => `reports/${file}`),
  );
  expect(files.get('reports/python/junit.xml')).toMatch(
    /<testsuite name="python-lab".*<testsuite name="python-editor"/s,
  );
  expect(files.get('reports/python/index.html')).toContain('python-lab');
  expect(files.get('reports/rv4/index.html')).not.toContain('python-lab');
  expect(run.events).toContainEqual({
    type: 'description',
    text: `every image to dev, jenkins-1-${first.slice(0, 12)}`,
  });
});

test('the job is one that runs alone, ends some time, and leaves no disk full', async () => {
  const { events } = await runJob(ci, { parameters: { BRANCH: 'no-such-branch' } });
  expect(events).toContainEqual({
    type: 'options',
    names: expect.arrayContaining(['disableConcurrentBuilds', 'timeout', 'buildDiscarder']),
  });
  expect(events).toContainEqual({
    type: 'choices',
    name: 'ENVIRONMENT',
    choices: ['dev', 'staging', 'prod'],
  });
  expect(events).toContainEqual({
    type: 'parameters',
    defaults: { BRANCH: 'master', ENVIRONMENT: 'dev', COMPONENT: '', CACHE: true },
  });
  expect(events).toContainEqual({ type: 'result', result: 'FAILURE' });
  expect(namesOf({ events, console: '', result: '' }, 'stage')).toEqual(['Plan']);
});

test('a component, another environment, and every step anew; every agent has the commit of the plan', async () => {
  await ci.git('checkout', '--quiet', '-b', 'feature');
  const commit = await ci.commit({ 'note.txt': 'nobody copies this\n' }, 'Second');
  await ci.git('checkout', '--quiet', 'master');
  const parameters = {
    BRANCH: 'feature',
    ENVIRONMENT: 'staging',
    COMPONENT: 'rv4-* python-lab',
    CACHE: false,
  };
  const run = await runJob(ci, { parameters });
  await fits(run, 'SUCCESS');
  expect(await digestOf('staging-studio')).toMatch(/^sha256:/);
  expect(await digestOf('staging-lab')).toMatch(/^sha256:/);
  expect(await digestOf('staging-editor')).toBeNull();
  const log = (await archived(run)).get('reports/rv4/dwt.log') ?? '';
  expect(log).toContain('--no-cache');
  expect(
    run.console.match(new RegExp(`git rev-parse -q --verify ${commit}`, 'g'))?.length,
  ).toBeGreaterThanOrEqual(3);
});

test.each([
  ['a stage that is none', 'python-labb', 'STAGE_UNKNOWN'],
  ['a flag, which is none here', '--registry=elsewhere.example', 'STAGE_UNKNOWN'],
  ['a command of the shell, which is none here', '$(touch${IFS}INJECTED) ; touch INJECTED', 'STAGE_UNKNOWN'],
])('COMPONENT that is %s ends the build before an agent is taken for it', async (_, component, code) => {
  const run = await runJob(ci, { parameters: { COMPONENT: component } });
  await fits(run, 'FAILURE');
  expect(run.console).toContain(`Error ${code}`);
  expect(run.events.filter(({ type }) => type === 'node')).toHaveLength(1);
  expect(namesOf(run, 'stage')).toEqual(['Plan']);
  const [node] = run.events.filter(({ type }) => type === 'node');
  expect(await readdir(String(node?.['workspace']))).not.toContain('INJECTED');
});

test('one family that fails: the others are proved, no tag is moved, and all of it is told', async () => {
  const before = await digestOf('dev-studio');
  await ci.git('checkout', '--quiet', '-b', 'broken');
  await ci.commit(
    { Dockerfile: dockerfile('RUN echo no such package >&2; exit 7').replace('R=4', 'R=5') },
    'Broken',
  );
  await ci.git('checkout', '--quiet', 'master');
  const run = await runJob(ci, { parameters: { BRANCH: 'broken' } });
  await fits(run, 'FAILURE');
  expect(namesOf(run, 'stage')).toEqual(['Plan', 'Build and prove']);
  expect(await digestOf('dev-studio')).toBe(before);
  const files = await archived(run);
  expect(files.get('reports/python/index.html')).toContain('no such package');
  expect(files.get('reports/rv4/junit.xml')).toContain('<testsuite name="rv4-studio"');
  expect(run.events.at(-2)).toMatchObject({
    type: 'echo',
    text: expect.stringContaining('Every tag of dev is as it was'),
  });
});

test('an image that does not keep its contract: the failed check is in JUnit, and nothing is published', async () => {
  const before = await digestOf('dev-studio');
  await ci.git('checkout', '--quiet', '-b', 'unproved');
  await ci.commit(
    { Dockerfile: dockerfile().replace('ENV R=4\nCMD ["true"]', 'ENV R=6\nCMD ["false"]') },
    'Unproved',
  );
  await ci.git('checkout', '--quiet', 'master');
  const run = await runJob(ci, { parameters: { BRANCH: 'unproved', COMPONENT: 'rv4-studio' } });
  await fits(run, 'FAILURE');
  expect((await archived(run)).get('reports/rv4/junit.xml')).toMatch(
    /<testcase classname="rv4-studio" name="ends"[^>]*>\s*<failure/,
  );
  expect(await digestOf('dev-studio')).toBe(before);
});

/** How many processes of this machine have this as their first word. */
async function processes(word: string): Promise<number> {
  const pids = (await readdir('/proc')).filter((pid) => /^\d+$/.test(pid));
  const lines = await Promise.all(
    pids.map((pid) => readFile(join('/proc', pid, 'cmdline'), 'utf8').catch(() => '')),
  );
  return lines.filter((line) => line.startsWith(`${word}\0`)).length;
}

async function until(holds: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 600; tries++) {
    if (await holds()) return;
    await pause(100);
  }
  throw new Error('It did not come about within 60 s.');
}

test.each([
  ['an abort', 'SIGTERM'],
  // More than a family's four hours pass, and less than the five of the job.
  ['a time-out', 'SIGUSR2'],
] as const)(
  '%s ends the work of the engine too; nothing is published, and what was done is told',
  async (how, signal) => {
    const before = await digestOf('dev-studio');
    const branch = `long-${signal}`;
    await ci.git('checkout', '--quiet', '-b', branch);
    const long = `RUN echo ${how}; exec bash -c 'exec -a ${mark} sleep 900'`;
    await ci.commit({ Dockerfile: dockerfile(long).replace('R=4', 'R=7') }, 'Long');
    await ci.git('checkout', '--quiet', 'master');
    const parameters = { BRANCH: branch, COMPONENT: 'python-lab' };
    const { child, result } = startJob(ci, { parameters, jumpMinutes: 250 });
    let ended = false;
    result.finally(() => {
      ended = true;
    });
    await until(async () => ended || (await processes(mark)) > 0);
    child.kill(signal);
    const run = await result;
    await fits(run, 'ABORTED');
    await until(async () => (await processes(mark)) === 0);
    // dwt ended by itself, in time, and wrote its report.
    expect(run.events.filter(({ type }) => type === 'killed')).toEqual([]);
    expect(shells(run).at(-1)).toContain('release');
    expect(run.events.filter(({ type }) => type === 'sh-end').at(-1)).toMatchObject({ status: 130 });
    expect((await archived(run)).get('reports/python/index.html')).toContain('interrupted');
    expect(await digestOf('dev-studio')).toBe(before);
  },
);
