/**
 * The editors as an analyst uses them, in a real browser: one table of proofs for both. Each has an empty home, no way out,
 * and credentials in variables; in the end it is killed, and another starts on the home that it left.
 */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Browser, Page } from 'playwright-core';
import { testBase } from '../support/engine.ts';
import type { TestProject } from '../support/project.ts';
import { openBrowser } from './browser.ts';
import { type Forward, forward } from './forward.ts';
import { buildTimeout, type Container, Lab } from './images.ts';

interface Editor {
  readonly stage: string;
  /** What is there once the workbench is. */
  readonly workbench: string;
  /** Entries of the command palette. */
  readonly commands: { readonly newFile: string };
  readonly results: string;
  readonly changes: string;
  /** Where the user's settings lie in the home. */
  readonly settings: string;
  /** All that may be in the home beside the user's own files. */
  readonly state: RegExp;
}

const editors: readonly Editor[] = [
  {
    stage: 'python-vscode',
    workbench: '.monaco-workbench .explorer-folders-view',
    commands: { newFile: 'Create: New File...' },
    results: '.search-view .results',
    changes: '.scm-view',
    settings: '.local/share/code-server/User/settings.json',
    state: /^\.local\/share\/code-server\/(User\/(settings\.json$|History\/|globalStorage\/)|extensions\/extensions\.json$)/,
  },
  {
    stage: 'python-theia',
    workbench: '#theia-app-shell #files',
    commands: { newFile: 'New File...' },
    results: '#search-in-workspace .resultContainer',
    changes: '#scm-view-container',
    settings: '.theia/settings.json',
    state: /^\.theia\//,
  },
];

const environment = {
  DATABASE_DSN__datasets: "host=db port=5432 dbname=d user=u password='p w'",
  PGPASSWORD: 'p "w" $x',
  AWS_DEFAULT_REGION: 'eu-west-2',
  S3_BUCKET: 'bucket',
};

let lab: Lab;
let project: TestProject;
let network: string;
let browser: Browser;

beforeAll(async () => {
  lab = await Lab.open();
  project = await lab.copy();
  const stages = editors.map(({ stage }) => stage);
  const words = ['--build-arg', `BASE_IMAGE=${testBase()}`, '--progress', 'plain'];
  const build = await project.dwt(['build', ...stages, ...words]);
  if (build.status !== 0) throw new Error(build.stderr.slice(-4000));
  network = await lab.isolated();
  browser = await openBrowser();
}, buildTimeout);
afterAll(async () => {
  await browser?.close();
  await lab.close();
}, 60_000);

test('keep their contract', async () => {
  const run = await project.dwt(['smoke-test', ...editors.map(({ stage }) => stage), '--json']);
  const { images } = run.json<{ images: { stage: string; checks: { name: string; verdict: string }[] }[] }>();
  expect(
    images.flatMap(({ stage, checks }) =>
      checks.filter(({ verdict }) => verdict !== 'pass').map((check) => ({ stage, ...check })),
    ),
  ).toEqual([]);
  expect(images.map(({ stage }) => stage).sort()).toEqual(editors.map(({ stage }) => stage).sort());
  expect(run.status).toBe(0);
}, 180_000);

describe.each(editors)('$stage', (editor) => {
  let home: string;
  let tool: Container;
  let way: Forward;
  let page: Page;
  /** What should not happen in the browser, as it happens. */
  const amiss: string[] = [];

  const start = async () => {
    tool = await lab.start({
      image: `${project.name}/${editor.stage}`,
      network,
      environment,
      volumes: { [home]: '/home/dw-user' },
    });
    const [address] = Object.values((await lab.engine.containerState(tool.id)).addresses);
    way = await forward(String(address));
    expect((await tool.get('http://127.0.0.1:8888/')).status).toBeLessThan(400);
  };

  /** A browser that has never been here. */
  const open = async () => {
    page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
    page.on('pageerror', (error) => amiss.push(`script error: ${error}`));
    page.on('request', (request) => {
      const { protocol, hostname } = new URL(request.url());
      if (/^(?:http|ws)s?:$/.test(protocol) && hostname !== 'localhost') amiss.push(`asked ${request.url()}`);
    });
    await page.goto(way.url);
    await page.waitForSelector(editor.workbench, { timeout: 60_000 });
  };

  const command = async (title: string) => {
    await page.keyboard.press('F1');
    await page.waitForSelector('.quick-input-widget input:visible');
    await page.keyboard.type(title);
    await page.locator('.quick-input-list .monaco-list-row', { hasText: title }).first().click();
  };

  /** Until a shell command in the container succeeds. */
  const until = async (script: string) => {
    const waiting = `for i in $(seq 100); do ${script} && exit 0; sleep 0.2; done; ${script}`;
    await tool.shell(waiting, 'dw-user');
  };

  const look = async (name: string) => {
    const folder = process.env.DWT_TEST_SCREENSHOTS;
    if (!folder) return;
    await mkdir(folder, { recursive: true });
    await page.screenshot({ path: join(folder, `${editor.stage}-${name}.png`) });
  };

  beforeAll(async () => {
    home = await lab.volume();
    await start();
    await tool.shell(
      'git init -q ~/work && cd ~/work && git config user.name u && git config user.email u@example.invalid && echo one >tracked.txt && git add . && git commit -qm one && echo "a needle in it" >>tracked.txt',
      'dw-user',
    );
    await open();
  }, 90_000);
  afterAll(async () => {
    await page?.close();
    await way?.close();
  });

  test('a terminal is bash with every credential and the image’s Python', async () => {
    await page.keyboard.press('Control+Backquote');
    await page.locator('.xterm-helper-textarea').first().waitFor({ state: 'attached' });
    await page.locator('.xterm').first().click();
    const names = Object.keys(environment);
    await page.keyboard.type(
      `python3 -c 'import json, os, sys; json.dump([sys.prefix, os.getuid(), [os.environ.get(n) for n in "${names.join(' ')}".split()]], open("said.json", "w"))'; echo "$0 $SHELL $(pwd)" >shell.txt; clear; echo "$DATABASE_DSN__datasets"\n`,
    );
    await until('test -s ~/shell.txt');
    expect(JSON.parse(await tool.shell('cat ~/said.json', 'dw-user'))).toEqual([
      '/opt/venv',
      4356,
      Object.values(environment),
    ]);
    expect(await tool.shell('cat ~/shell.txt', 'dw-user')).toMatch(/bash \/bin\/bash \/home\/dw-user\n/);
    await look('terminal');
  }, 60_000);

  test('a file that is typed is saved by itself', async () => {
    await command(editor.commands.newFile);
    await page.waitForTimeout(500);
    await page.keyboard.type('typed.py');
    await page.keyboard.press('Enter');
    await look('new-file');
  }, 60_000);
});
