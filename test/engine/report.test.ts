/** `--report DIR` on a real engine: the page is there whatever became of the run, and says what did. */
import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, expect, test } from '@jest/globals';
import { testBase } from '../support/engine.ts';
import { makeProject, type TestProject } from '../support/project.ts';
import { startRegistry } from '../support/registry.ts';

let project: TestProject;
afterEach(() => project.remove());

const page = (folder = 'report') => readFile(join(project.folder, folder, 'index.html'), 'utf8');
/** What a reader sees, without markup. */
const wordsOf = (html: string): string =>
  html
    .replace(/<style>[\s\S]*?<\/style>/, '')
    .replace(/<[^>]*>/g, ' ')
    .replace(/\s+/g, ' ');

test('a build that fails: what ran, what failed and why, and no secret', async () => {
  project = await makeProject({
    Dockerfile: [
      `FROM ${testBase()} AS base`,
      'ARG API_TOKEN',
      'RUN head -c 3000000 /dev/urandom > /own; echo preparing',
      'FROM base AS good',
      'ENV A=b',
      'FROM base AS bad',
      `RUN echo "<i>log in</i> with $API_TOKEN" >&2; exit 3`,
    ].join('\n'),
  });
  const secret = `sesame-${project.name}`;
  const words = ['build', '--keep-going', '--report', 'out/report', '--build-arg', `API_TOKEN=${secret}`];
  const run = await project.dwt([...words, '--progress', 'plain']);
  expect(run.status).toBe(1);
  expect(await readdir(join(project.folder, 'out/report'))).toEqual(['index.html']);
  const html = await page('out/report');
  expect(html).not.toContain(secret);
  expect(html).not.toContain('<i>');
  const text = wordsOf(html);
  expect(text).toContain('dwt build ✖ failed');
  expect(text).toContain('1 built, 1 not built');
  expect(text).toContain('Stage bad failed at line 7 with exit code 3.');
  expect(text).toContain('&lt;i&gt;log in&lt;/i&gt; with [redacted]');
  expect(text).toContain('RUN head -c 3000000 /dev/urandom');
  expect(text).toMatch(/base 3\.0 MB good 0 B/);
  expect(text).toMatch(/Engine Docker \d+\./);
  expect(text).toContain('API_TOKEN=[redacted]');

  // A page that is there is written anew; what comes from the cache is told as such.
  await project.write(
    'Dockerfile',
    (await readFile(join(project.folder, 'Dockerfile'), 'utf8')).replace('exit 3', 'exit 0'),
  );
  expect((await project.dwt([...words, '--progress', 'quiet'])).status).toBe(0);
  const second = wordsOf(await page('out/report'));
  expect(second).toContain('dwt build ✔ done');
  expect(second).toContain('1 built, 1 reused');
  expect(second).toMatch(/RUN head -c \S+ \S+ &gt; \/own; echo preparing ○ from the cache/);
});

// What Jenkins sends where a job is aborted is a SIGTERM.
test.each(['SIGINT', 'SIGTERM'] as const)(
  '%s ends the work of the engine, and the page says how far it came',
  async (signal) => {
    project = await makeProject({
      Dockerfile: [`FROM ${testBase()} AS long`, 'COPY beat /beat', 'RUN exec bash /beat'].join('\n'),
    });
    // A process that can be told from all others, as long as the step runs.
    const mark = `dwt-beat-${project.name}`;
    await project.write('beat', `echo beating; exec -a ${mark} sleep 600\n`);
    const { child, result, said } = project.start(['build', '--report', 'report', '--progress', 'plain']);
    await said('  beating');
    await until(async () => (await processes(mark)) === 1);
    child.kill(signal);
    const { status, stderr } = await result;
    expect(status).toBe(130);
    expect(stderr).toContain('Stopping: ending what runs on the engine.');
    // The engine takes a moment to end the step's container.
    await until(async () => (await processes(mark)) === 0);
    const text = wordsOf(await page());
    expect(text).toContain('dwt build – interrupted');
    expect(text).toMatch(/RUN exec bash \/beat – cancelled/);
  },
);

async function until(holds: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 200; tries++) {
    if (await holds()) return;
    await pause(100);
  }
  throw new Error('It did not come about within 20 s.');
}

/** How many processes of this machine have this name as their first word. */
async function processes(name: string): Promise<number> {
  const lines = await Promise.all(
    (await readdir('/proc'))
      .filter((pid) => /^\d+$/.test(pid))
      .map((pid) => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')),
  );
  return lines.filter((line) => line.startsWith(`${name}\0`)).length;
}

test('what fails before there is any work has a page too', async () => {
  project = await makeProject({ Dockerfile: `FROM ${testBase()} AS lab\n`, 'dwt.yaml': 'version: 2\n' });
  const run = await project.dwt(['build', '--report', 'report']);
  expect(run.status).toBe(2);
  expect(wordsOf(await page())).toMatch(/dwt build ✖ failed .* PROJECT_INVALID/);
});

test('a folder that cannot be written is refused before any work', async () => {
  project = await makeProject({ Dockerfile: `FROM ${testBase()} AS lab\nRUN true\n` });
  await project.write('file', 'no folder');
  await symlink('/proc/sys', join(project.folder, 'readonly'));
  for (const folder of ['file', 'file/below', 'readonly']) {
    const run = await project.dwt(['build', '--report', folder, '--json', '--progress', 'plain']);
    expect(run.status).toBe(2);
    expect(run.json()).toEqual({
      error: {
        code: 'USAGE',
        message: `The report cannot be written to ${folder}.`,
        hint: 'Name a folder that this user may write, or may make, with --report.',
      },
    });
    expect(run.stderr).not.toContain('lab');
  }
});

test('a page that cannot be written at the end fails the run, and keeps its result', async () => {
  project = await makeProject({
    Dockerfile: `FROM ${testBase()} AS lab\nRUN echo beating; sleep 2; echo ${randomUUID()}\n`,
  });
  const { result, said } = project.start(['build', '--report', 'report', '--json', '--progress', 'plain']);
  await said('  beating');
  // A folder in the place of the page: what any user, root too, cannot write over.
  await mkdir(join(project.folder, 'report/index.html'));
  await writeFile(join(project.folder, 'report/index.html/file'), '');
  const { status, stdout, stderr } = await result;
  expect(status).toBe(2);
  expect(JSON.parse(stdout).images).toEqual([expect.objectContaining({ stage: 'lab', action: 'built' })]);
  expect(stderr).toContain('Error USAGE: The report cannot be written to ');
  expect(await readdir(join(project.folder, 'report'))).toEqual(['index.html']);
});

test('a push: where to, and the digests that the registry has', async () => {
  project = await makeProject({
    Dockerfile: `FROM ${testBase()} AS lab\nENV A=b\n`,
    'dwt.yaml': 'version: 1\nstages: {lab: {kind: tool, publish: {suffix: lab, tag: master}}}\n',
  });
  const registry = await startRegistry();
  try {
    expect((await project.dwt(['build'])).status).toBe(0);
    const run = await project.dwt([
      'push',
      '--registry',
      `${registry.host}/tools`,
      '--report',
      'report',
      '--json',
    ]);
    expect(run.status).toBe(0);
    const [{ digest }] = run.json<{ images: [{ digest: string }] }>().images;
    const text = wordsOf(await page());
    expect(text).toContain(`lab ✔ pushed ${registry.host}/tools/lab:master ${digest}`);
    expect(existsSync(join(project.folder, 'report/index.html'))).toBe(true);
  } finally {
    await registry.stop();
  }
});
