/** The page check as users have it: `dwt smoke-test --page` on images whose page is right, and wrong in each way. */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { type AddressInfo, connect, createServer as createRelay, type Socket } from 'node:net';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { CheckResult } from '../../src/contract/check.ts';
import type { SmokeTestResult, TestedImage } from '../../src/workflows/smoke-test.ts';
import { repository } from '../support/cli.ts';
import { testEngine } from '../support/engine.ts';
import { makeProject, type ProjectRun, type TestProject } from '../support/project.ts';
import { buildTimeout, Lab } from './images.ts';

const health = '{path: /health}';
const stages: Readonly<Record<string, string>> = {
  right: `{page: {visible: ["echo hello", {selector: "main"}], prefix: {BASE: "/{prefix}"}}, commands: {user: 'test "$(id -u):$SHELL" = 4356:/bin/bash', secret: 'echo "$PGHOST"; echo no kernel >&2; exit 3'}}`,
  'script-error': '{page: {visible: Ready}}',
  'missing-script': '{page: {visible: Ready}}',
  allowed: '{page: {visible: Ready, allow: {/missing.js answered 404: it is optional}}}',
  elsewhere: '{page: {visible: Ready}}',
  never: '{page: {visible: Ready, within: 4s}}',
  covered: '{page: {visible: Ready, within: 4s}}',
  'refused-socket': '{page: {visible: Ready}}',
  'cut-socket': '{page: {visible: echo hello}}',
  'left-socket': '{page: {visible: echo hello}}',
  'prefix-blind': '{page: {visible: Ready, prefix: {BASE: "/{prefix}"}}}',
  slow: `{http: ${health}, page: {path: /, visible: Ready}}`,
  'too-slow': `{http: ${health}, page: {path: /, visible: Ready, within: 2s}}`,
  blank: '{}',
  frame: '{page: {visible: {selector: "#desk"}}}',
};

let lab: Lab;
let project: TestProject;
let neighbour: Server;
const asked: string[] = [];
let run: ProjectRun;
let result: SmokeTestResult;

beforeAll(async () => {
  lab = await Lab.open();
  const base = (await lab.build('python-visualisation'))('python-visualisation');
  neighbour = createServer((request, response) => {
    asked.push(request.url ?? '');
    response.end();
  });
  await new Promise<void>((resolve) => neighbour.listen(0, '127.0.0.1', resolve));
  const { port } = neighbour.address() as AddressInfo;
  const names = Object.keys(stages);
  project = await makeProject({
    Dockerfile: [
      `FROM ${base} AS pages\nCOPY page.py /srv/\nENV NEIGHBOUR=${port}\nCMD ["python", "/srv/page.py"]`,
      ...names.map((name) => `FROM pages AS ${name}\nENV PAGE=${name}`),
    ].join('\n'),
    'page.py': await readFile(join(import.meta.dirname, 'page.py')),
    'dwt.yaml': `version: 1\nstages:\n  pages: {}\n${names.map((name) => `  ${name}: {kind: visualisation, checks: ${stages[name]}}\n`).join('')}`,
  });
  const built = await project.dwt(['build', '--progress', 'plain']);
  if (built.status !== 0) throw new Error(built.stderr.slice(-4000));
  const words = [
    '--page',
    '--screenshots',
    'shots',
    '--junit',
    'report.xml',
    '--json',
    '--progress',
    'plain',
  ];
  // Each waits more than it works.
  run = await project.dwt(['smoke-test', '--jobs', '4', ...words]);
  if (run.stdout === '') throw new Error(run.stderr.slice(-4000));
  result = run.json<SmokeTestResult>();
}, buildTimeout);
afterAll(async () => {
  neighbour?.close();
  await project?.remove();
  await lab?.close();
}, 120_000);

function imageOf(stage: string): TestedImage {
  const image = result.images.find((each) => each.stage === stage);
  if (!image) throw new Error(`${stage} was not judged:\n${run.stderr.slice(-4000)}`);
  return image;
}

function pageOf(stage: string): CheckResult {
  const check = imageOf(stage).checks.find(({ name }) => name === 'page');
  if (!check) throw new Error(`The page of ${stage} was not judged: ${JSON.stringify(imageOf(stage))}`);
  return check;
}

test.each([
  [
    'right',
    /^\/: title "Right", \d+ requests, "echo hello" and main visible after \d+\.\d s, still so after the proxy had cut 1 idle websocket; \/a\/path\/: title "Right"/,
  ],
  ['allowed', /allowed: it is optional$/],
  ['slow', /"Ready" visible after [2-9]\.\d s/],
  ['frame', /title "Frame", .* #desk visible after/],
])('passes a page that is right: %s', (stage, seen) => {
  expect(pageOf(stage)).toMatchObject({ verdict: 'pass', detail: expect.stringMatching(seen) });
  const others = imageOf(stage).checks.filter(({ name }) => !name.startsWith('command'));
  expect(others.map(({ verdict }) => verdict)).toEqual(others.map(() => 'pass'));
});

test.each([
  ['script-error', /script error: Cannot read properties of undefined .* \(\/:\d+\)/],
  ['script-error', /console error: no \[31mdata 42/],
  ['missing-script', /GET \/missing\.js answered 404/],
  ['elsewhere', /asks example\.com: GET https:\/\/example\.com\/pixel\.png\?x=1/],
  ['elsewhere', /asks 127\.0\.0\.1:\d+: GET http:\/\/127\.0\.0\.1:\d+\/spy/],
  ['elsewhere', /asks 127\.0\.0\.1:\d+: websocket ws:/],
  ['never', /^\/ \(title "Not yet", \d+ requests?\): "Ready" not to be seen after 4\.0 s$/],
  ['covered', /"Ready" not to be seen after 4\.0 s$/],
  ['refused-socket', /websocket \/refused failed: .*403/],
  ['cut-socket', /after the proxy had cut 1 idle websocket: script error: lost/],
  ['left-socket', /"echo hello" gone after the proxy had cut 1 idle websocket/],
  ['prefix-blind', /^\/a\/path\/ .*GET \/main\.js answered 404/],
  ['too-slow', /^\/ could not be opened: nothing came in 2\.0 s$/],
  ['blank', /^\/ \(title "White", 1 request\): nothing to be seen at all$/],
])('fails a page that is wrong, and only for that: %s, %p', (stage, seen) => {
  expect(pageOf(stage)).toMatchObject({
    verdict: 'fail',
    detail: expect.stringMatching(seen),
    error: { code: 'CHECK_FAILED', hint: expect.any(String) },
  });
  const failed = imageOf(stage).checks.filter(({ verdict }) => verdict === 'fail');
  expect(failed.map(({ name }) => name)).toEqual(['page']);
});

test('lets the page reach no other host, not even one of this machine', () => expect(asked).toEqual([]));

test('keeps a picture of each page that could be opened, and names it in the reports', async () => {
  const report = await readFile(join(project.folder, 'report.xml'), 'utf8');
  for (const stage of Object.keys(stages)) {
    const file = join(project.folder, 'shots', `${stage}.png`);
    expect(pageOf(stage)).toMatchObject({ screenshot: file });
    expect((await readFile(file)).subarray(1, 4).toString()).toBe('PNG');
    expect(report).toContain(`[[ATTACHMENT|${file}]]`);
  }
});

test('runs declared commands as the user, with what the start script gives the tool', () => {
  const commands = imageOf('right').checks.filter(({ name }) => name.startsWith('command'));
  expect(commands).toMatchObject([
    { name: 'command user', verdict: 'pass' },
    {
      name: 'command secret',
      verdict: 'fail',
      detail: expect.stringMatching(/^`echo .*` ended with 3$/),
      output: 'postgres.invalid\nno kernel',
    },
  ]);
});

test('keeps pictures of failed pages only, in a temporary folder, where no other is named', async () => {
  const words = ['smoke-test', 'frame', 'blank', '--page', '--json'];
  const { images } = (await project.dwt(words, { TMPDIR: project.folder })).json<SmokeTestResult>();
  const pages = images.flatMap(({ checks }) => checks.filter(({ name }) => name === 'page'));
  expect(pages.map(({ verdict, screenshot }) => [verdict, screenshot])).toEqual([
    ['fail', expect.stringMatching(/dwt-screenshots-\w+\/blank\.png$/)],
    ['pass', undefined],
  ]);
  expect((await readFile(pages[0]?.screenshot ?? '')).length).toBeGreaterThan(1000);
}, 120_000);

test('reaches a tool on the engine of another machine through the engine', async () => {
  const said: Buffer[] = [];
  const path = testEngine().replace(/^unix:\/\//, '');
  const open = new Set<Socket>();
  const relay = createRelay((socket) => {
    const engine = connect({ path });
    open.add(socket);
    socket.on('data', (chunk) => said.push(chunk));
    socket.pipe(engine).pipe(socket);
    for (const end of [socket, engine]) end.on('error', () => [socket, engine].map((each) => each.destroy()));
  });
  const socket = join(project.folder, 'engine.sock');
  await new Promise<void>((resolve) => relay.listen(socket, resolve));
  // In a network of its own dwt has none of the engine's, as on another machine; a socket file is all that leads there.
  const elsewhere = ['--net', 'sh', '-c', 'ip link set lo up && exec "$@"', '-'];
  const words = ['smoke-test', 'right', '--page', '--json', '--engine', `unix://${socket}`];
  const { stdout } = await promisify(execFile)(
    'unshare',
    [...elsewhere, process.execPath, '--', join(repository, 'bin/dev.js'), ...words],
    { cwd: project.folder },
    // One of the commands of this stage fails, as it is to.
  ).catch((failed: { stdout: string }) => failed);
  relay.close();
  for (const each of open) each.destroy();
  const result = JSON.parse(stdout) as SmokeTestResult;
  expect(result.images[0]?.checks.find(({ name }) => name === 'page')).toMatchObject({
    verdict: 'pass',
    detail: expect.stringMatching(/cut 1 idle websocket; \/a\/path\/: /),
  });
  // Connections of the page went through programs beside the tool.
  expect(Buffer.concat(said).toString('latin1')).toContain('sub copy');
}, 180_000);

test('ends with its browser when it is interrupted', async () => {
  const running = project.start(['smoke-test', 'frame', '--page', '--progress', 'plain']);
  const browser = await browserOf('frame');
  running.child.kill('SIGINT');
  expect((await running.result).status).toBe(130);
  while (existsSync(`/proc/${browser}`)) await pause(50);
}, 120_000);

/** Process id, once it is there. */
async function browserOf(stage: string): Promise<string> {
  while (true) {
    for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
      const command = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
      if (command.includes(`MAP ${stage}.dataworkspace.test`)) return pid;
    }
    await pause(50);
  }
}

test('refuses a selector that is none, instead of looking for it', async () => {
  const yaml = await readFile(join(project.folder, 'dwt.yaml'), 'utf8');
  await project.write('dwt.yaml', yaml.replace('"#desk"', '"#1 desk"'));
  const refused = await project.dwt(['smoke-test', 'frame', '--page', '--json']);
  await project.write('dwt.yaml', yaml);
  expect(refused.status).toBe(2);
  expect(refused.json<SmokeTestResult>().images[0]).toMatchObject({
    error: { code: 'PROJECT_INVALID', message: 'The page must show "#1 desk", which is no CSS selector.' },
  });
}, 60_000);

test('says what is missing where there is no browser', async () => {
  const none = await project.dwt(['smoke-test', 'frame', '--page'], { DWT_BROWSER: '/nowhere/chromium' });
  expect(none).toMatchObject({
    status: 1,
    stderr: expect.stringContaining('DWT_BROWSER names /nowhere/chromium'),
  });
  const mute = await project.dwt(['smoke-test', 'frame', '--page'], { DWT_BROWSER: '/bin/true' });
  expect(mute).toMatchObject({ status: 1 });
  expect(mute.stdout + mute.stderr).toContain('The browser /bin/true does not start.');
}, 60_000);
