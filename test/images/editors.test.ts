/**
 * The editors as an analyst uses them, in a real browser: one table of proofs for both. Each has an empty home, no way out,
 * and credentials in variables; in the end it is killed, and another starts on the home that it left.
 */
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { zipSync } from 'fflate';
import type { Browser, Page } from 'playwright-core';
import { testBase } from '../support/engine.ts';
import type { TestProject } from '../support/project.ts';
import { openBrowser } from './browser.ts';
import { type Forward, forward } from './forward.ts';
import { buildTimeout, type Container, Lab } from './images.ts';

interface Editor {
  readonly stage: string;
  readonly statusBar: string;
  /** Opens the list of files, where it is not open anyway. */
  readonly explorer: string | null;
  readonly files: string;
  readonly search: string;
  readonly results: string;
  readonly changes: string;
  /** The variable of style sheets that says how the editor is coloured, and where. */
  readonly colour: readonly [selector: string, variable: string];
  /** Where the user's settings lie in the home. */
  readonly settings: string;
  /** All that may be in the home beside the user's own files. */
  readonly state: RegExp;
}

const editors: readonly Editor[] = [
  {
    stage: 'python-vscode',
    statusBar: '.statusbar',
    explorer: null,
    files: '.explorer-folders-view',
    search: '.search-view .search-widget .search-container textarea',
    results: '.search-view .results',
    changes: '.scm-view',
    colour: ['.monaco-workbench', '--vscode-editor-background'],
    settings: '.local/share/code-server/User/settings.json',
    state:
      /^\.local\/share\/code-server\/(User\/((settings|tasks|keybindings)\.json$|History\/|globalStorage\/)|extensions\/extensions\.json$)/,
  },
  {
    stage: 'python-theia',
    statusBar: '#theia-statusBar',
    explorer: '#shell-tab-explorer-view-container',
    files: '#files',
    search: '#search-input-field',
    results: '#search-in-workspace',
    changes: '#scm-view-container',
    colour: ['body', '--theia-editor-background'],
    settings: '.config/theia/settings.json',
    state: /^\.config\/theia\/((settings|keymaps)\.json$|plugin-storage\/)/,
  },
];

/** Of the repository in the home. */
const branch = 'trunk';

/** In a folder of the home whose name has to be quoted. */
const programs = {
  'completed.py': 'import pandas\n\npandas.DataFra',
  'runs.py': 'import sys, pandas\n\nopen("ran", "w").write(sys.prefix)\n',
  'debugged.py': 'before = open("before", "w")\nafter = open("after", "w")\n',
};
const folder = "it's mine";

const environment = {
  DATABASE_DSN__datasets: "host=db port=5432 dbname=d user=u password='p w'",
  PGPASSWORD: 'p "w" $x',
  AWS_DEFAULT_REGION: 'eu-west-2',
  S3_BUCKET: 'bucket',
};

/** A plugin as a gallery has it: this one greets from the status bar. */
const plugin = zipSync(
  Object.fromEntries(
    Object.entries({
      'extension.vsixmanifest': '<PackageManifest/>',
      'extension/package.json': JSON.stringify({
        name: 'greeter',
        publisher: 'somebody',
        version: '1.2.3',
        engines: { vscode: '^1.80.0' },
        main: './main.js',
        activationEvents: ['onStartupFinished'],
      }),
      'extension/main.js':
        "exports.activate = () => { const item = require('vscode').window.createStatusBarItem(); item.text = 'Hello of a plugin'; item.show(); };",
    }).map(([path, text]) => [path, Buffer.from(text)]),
  ),
);

let lab: Lab;
let project: TestProject;
let network: string;
let browser: Browser;

beforeAll(async () => {
  lab = await Lab.open();
  project = await lab.copy();
  const stages = editors.map(({ stage }) => stage);
  const build = await buildWith(plugin, ...stages);
  if (build.status !== 0) throw new Error(build.stderr.slice(-4000));
  network = await lab.isolated();
  browser = await openBrowser();
}, buildTimeout);
/** Builds stages with this file as what editor plugins are taken from. */
async function buildWith(file: Uint8Array | string, ...stages: readonly string[]) {
  const path = join(project.folder, '..', `${project.name}.vsix`);
  await writeFile(path, file);
  try {
    const plugins = ['--with', 'editor-plugins', '--artifact', `editor-plugins=${path}`];
    const words = ['--build-arg', `BASE_IMAGE=${testBase()}`, '--progress', 'plain', ...plugins];
    return await project.dwt(['build', ...stages, ...words]);
  } finally {
    await rm(path);
  }
}

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

test('what is no plugin fails the build, and says what it is', async () => {
  const build = await buildWith('no plugin at all', 'python-editor');
  expect(build.status).toBe(1);
  expect(build.stderr).toContain(
    "The artifact editor-plugins is no .vsix file and no tar of them: it begins with b'no plugin at all'",
  );
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
    // The branch of the repository comes of an extension: all is there when they are.
    await page.locator(editor.statusBar, { hasText: branch }).waitFor({ timeout: 60_000 });
    await page.locator(editor.statusBar, { hasText: 'Hello of a plugin' }).waitFor({ timeout: 60_000 });
  };

  /** Picks what has this text from the list that is open. */
  const choose = (text: string) =>
    page.locator('.quick-input-list .monaco-list-row', { hasText: text }).first().click();

  const command = async (title: string) => {
    await page.keyboard.press('F1');
    await page.locator('.quick-input-widget input:visible').first().waitFor();
    await page.keyboard.type(title);
    await choose(title);
  };

  /** Opens one of the files of Python, with the cursor behind its last character. */
  const edit = async (name: keyof typeof programs, words: string) => {
    await page.keyboard.press('Control+p');
    await page.locator('.quick-input-widget input:visible').first().waitFor();
    await page.keyboard.type(name);
    await choose(name);
    await page.locator('.monaco-editor .view-line:visible', { hasText: words }).last().click();
    await page.keyboard.press('Control+End');
  };

  /** A terminal that is connected: keys typed into one that is shown but not yet connected are lost. */
  const terminal = async () => {
    await page.keyboard.press('Control+Shift+Backquote');
    await tool.shell('rm -f /tmp/connected');
    for (let tries = 0; tries < 20; tries++) {
      await page.locator('.xterm:visible').first().click();
      await page.keyboard.type('touch /tmp/connected\n');
      await page.waitForTimeout(500);
      if ((await tool.shell('find /tmp/connected 2>/dev/null || true')) !== '') return;
    }
    throw new Error('What is typed into the terminal does not arrive.');
  };

  /** Until the colours are those of the dark theme that the test chooses. */
  const dark = async () => {
    const [selector, variable] = editor.colour;
    await page.waitForFunction(
      `getComputedStyle(document.querySelector('${selector}')).getPropertyValue('${variable}') === '#1f1f1f'`,
    );
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
      `git init -q -b ${branch} ~/work && cd ~/work && git config user.name u && git config user.email u@example.invalid && echo one >tracked.txt && git add . && git commit -qm one && echo "a needle in it" >>tracked.txt`,
      'dw-user',
    );
    for (const [name, content] of Object.entries(programs)) {
      const script = 'mkdir -p ~/"$1" && printf %s "$3" >"$HOME/$1/$2"';
      await tool.run(['bash', '-c', script, 'bash', folder, name, content]);
    }
    await open();
  }, 90_000);
  afterAll(async () => {
    await page?.close();
    await way?.close();
  });

  test('a terminal is bash with every credential and the image’s Python', async () => {
    await terminal();
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

  test('what is typed into a file is saved by itself', async () => {
    await tool.shell('touch ~/typed.py', 'dw-user');
    if (editor.explorer) await page.locator(editor.explorer).click();
    await page.locator(editor.files).getByText('typed.py').dblclick();
    await page.locator('.monaco-editor .view-lines').first().click();
    await page.keyboard.type('import pandas as typed');
    await until('grep -qx "import pandas as typed" ~/typed.py');
    // By the grammar of Python, "import" is a keyword: it is not of the colour of all else.
    const colours = await page.evaluate<string[]>(
      `[...document.querySelectorAll('.monaco-editor .view-line span span')].map((word) => getComputedStyle(word).color)`,
    );
    expect(new Set(colours).size).toBeGreaterThan(1);
    await look('file');
  }, 60_000);

  test('Python is completed by what the image has, and what is wrong is marked', async () => {
    await edit('completed.py', '.DataFra');
    const completion = page.locator('.suggest-widget.visible .monaco-list-row', { hasText: 'DataFrame' });
    // What is asked for before the language server is there is answered with nothing.
    for (let tries = 0; tries < 40 && !(await completion.first().isVisible()); tries++) {
      await page.keyboard.press('Control+Space');
      await page.waitForTimeout(1_500);
    }
    await completion.first().waitFor();
    await look('completion');
    await page.keyboard.press('Escape');
    await page.keyboard.press('Enter');
    await page.keyboard.type('print(nowhere)');
    await page.locator('.monaco-editor [class*="squiggly-"]').first().waitFor();
    await look('problem');
  }, 150_000);

  test('a Python file runs in a terminal with the image’s Python', async () => {
    await edit('runs.py', 'sys.prefix');
    await command('Run Python File');
    await until(`test -s ~/"${folder}"/ran`);
    expect(await tool.shell(`cat ~/"${folder}"/ran`, 'dw-user')).toBe('/opt/venv');
    await look('run');
  }, 60_000);

  test('a Python program stops where it is told to, and goes on', async () => {
    await edit('debugged.py', 'after');
    await page.locator('.monaco-editor .view-line', { hasText: 'after' }).last().click();
    await page.keyboard.press('F9');
    await command('Debug Python File');
    // The arrow in front of the line that is next.
    await page
      .locator('.codicon-debug-stackframe, .theia-debug-top-stack-frame')
      .first()
      .waitFor({ timeout: 60_000 });
    await look('debug');
    const made = await tool.shell(`ls ~/"${folder}"`, 'dw-user');
    expect(made).toMatch(/^before$/m);
    expect(made).not.toMatch(/^after$/m);
    await command('Debug: Continue');
    await until(`test -e ~/"${folder}"/after`);
  }, 120_000);

  test('search finds text, and names no file of the editor itself', async () => {
    await page.keyboard.press('Control+Shift+f');
    await page.locator(editor.search).click();
    await page.keyboard.type('a needle');
    await page.keyboard.press('Enter');
    await page.locator(editor.results, { hasText: 'tracked.txt' }).waitFor();
    await look('search');
  }, 60_000);

  test('a repository in the home shows what has changed', async () => {
    await page.keyboard.press('Control+Shift+g');
    await page.locator(editor.changes, { hasText: 'tracked.txt' }).waitFor();
    await look('git');
  }, 60_000);

  test('a setting, the file and nothing of a running editor outlive an unclean stop', async () => {
    await command('Preferences: Color Theme');
    await choose('Dark Modern');
    await dark();
    await until(`grep -q "Dark Modern" ~/${editor.settings}`);
    await look('theme');
    await page.close();
    await way.close();
    await lab.engine.signalContainer(tool.id, 'SIGKILL');
    await lab.engine.waitContainer(tool.id);
    await start();
    const kept = await tool.shell(
      "cd ~ && find . -type f -o -type l -o -type s | sed 's|^[.]/||'",
      'dw-user',
    );
    const foreign = kept
      .trim()
      .split('\n')
      .filter((path) => !path.startsWith(`${folder}/`))
      .filter((path) => !/^(?:work\/|typed\.py$|said\.json$|shell\.txt$)/.test(path))
      .filter((path) => !editor.state.test(path));
    expect(foreign).toEqual([]);
    await open();
    await dark();
    await look('restarted');
  }, 90_000);

  test('stops in time with terminals at work', async () => {
    await terminal();
    await page.keyboard.type('sleep 1000 | cat; touch ~/ended\n');
    await until('pgrep -x sleep >/dev/null');
    const { seconds } = await tool.stop();
    expect(seconds).toBeLessThan(10);
  }, 60_000);

  test('nothing went amiss in the browser, and nobody else was asked for anything', () => {
    expect(amiss).toEqual([]);
  });
});
