/**
 * JupyterLab as an analyst uses it: in a real browser, by clicks and keys, against a real PostgreSQL, with no way out for the
 * container or for the page.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { Browser, Locator, Page } from 'playwright-core';
import { openBrowser } from './browser.ts';
import { buildTimeout, type Container, docker, Lab } from './images.ts';
import { startPostgres } from './postgres.ts';

const server = 'http://127.0.0.1:8888';

let lab: Lab;
let image: string;
let metrics: string;
let network: string;
let tool: Container;
let browser: Browser;
let page: Page;
/** What pages did that they must not: everything that went elsewhere, failed or threw. */
const amiss: string[] = [];

beforeAll(async () => {
  lab = await Lab.open();
  const built = await lab.build('python-jupyterlab', 'metrics');
  [image, metrics] = [built('python-jupyterlab'), built('metrics')];
  network = await lab.isolated();
  const postgres = await startPostgres(lab, network);
  await postgres.sql("CREATE USER analyst PASSWORD 'p w'");
  await postgres.sql('CREATE DATABASE datasets OWNER analyst');
  await postgres.sql(
    `CREATE TABLE visitors AS SELECT month::date, 300 + 40 * extract(month FROM month)::int AS visitors
       FROM generate_series('2026-01-01'::date, '2026-06-01', '1 month') month;
     GRANT SELECT ON visitors TO analyst`,
    'datasets',
  );
  tool = await lab.start({
    image,
    network,
    environment: {
      DATABASE_DSN__datasets: `host=${postgres.address} port=5432 dbname=datasets user=analyst password='p w'`,
    },
    volumes: { [await lab.volume()]: '/home/dw-user' },
  });
  await tool.get(`${server}/api`);
  await tool.shell(
    `cd ~ && git init -q project && cd project && git config user.email analyst@example.invalid && git config user.name Analyst
     echo 'rate = 1' >model.py && git add . && git commit -qm First && echo 'rate = 2' >model.py
     printf 'town,people\\nAberdeen,200680\\nBath,94782\\nCardiff,362310\\n' >towns.csv
     for n in $(seq 20); do echo "Village $n,$n" >>towns.csv; done
     python3 -c 'import pandas; pandas.read_csv("towns.csv").to_parquet("towns.parquet")'`,
    'dw-user',
  );
  browser = await openBrowser((await lab.engine.containerState(tool.id)).pid);
  page = await browser.newPage({ viewport: { width: 1400, height: 1000 } });
  page.setDefaultTimeout(30_000);
  page.on('request', (request) => {
    const url = request.url();
    if (!/^(blob|data):/.test(url) && !url.startsWith(`${server}/`)) amiss.push(`asked ${url}`);
  });
  page.on('websocket', (socket) => {
    if (!socket.url().startsWith(server.replace('http', 'ws'))) amiss.push(`connected ${socket.url()}`);
  });
  page.on('response', (response) => {
    if (response.status() >= 400) amiss.push(`got ${response.status()} for ${response.url()}`);
  });
  page.on('requestfailed', (request) => {
    // Leaving or reloading a page breaks off what it had asked.
    if (request.failure()?.errorText !== 'net::ERR_ABORTED') amiss.push(`failed ${request.url()}`);
  });
  page.on('pageerror', (error) => amiss.push(`threw ${error.message}`));
  await page.goto(`${server}/lab`);
  await page.locator('.jp-LauncherCard').first().waitFor();
}, buildTimeout);
afterAll(async () => {
  await browser?.close();
  await lab.close();
}, 60_000);

const show = async (name: string): Promise<void> => {
  const folder = process.env['DWT_TEST_SCREENSHOTS'];
  if (folder) await page.screenshot({ path: `${folder}/jupyterlab-${name}.png` });
};

const sidebar = (id: string): Promise<void> => page.locator(`.jp-SideBar [data-id="${id}"]`).click();
const file = (name: string): Locator => page.locator('.jp-DirListing-item', { hasText: name });
const kernelReady = (): Promise<void> => page.getByText('Python 3 (ipykernel) | Idle').waitFor();
const cells = (): Locator => page.locator('.jp-NotebookPanel:visible .jp-CodeCell');

/** Types a program into the last cell, which is empty, and runs it; answers its output. */
async function run(...lines: string[]): Promise<Locator> {
  const cell = cells().last();
  const number = (await cells().count()) - 1;
  await cell.locator('.cm-content').click();
  // As a paste does: no bracket is closed on its own.
  await page.keyboard.insertText(lines.join('\n'));
  await page.keyboard.press('Shift+Enter');
  return cells().nth(number).locator('.jp-OutputArea-output');
}

/** As much of a page's interface as is used here. */
interface Canvas {
  width: number;
  height: number;
  getContext(kind: '2d'): {
    drawImage(source: unknown, x: number, y: number): void;
    getImageData(x: number, y: number, width: number, height: number): { data: Uint8ClampedArray };
  };
}

type Colour = readonly [red: number, green: number, blue: number];

/** How many pixels of a picture or a canvas have about this colour. */
const painted = (element: Locator, colour: Colour): Promise<number> =>
  element.evaluate((node, wanted) => {
    const { document } = globalThis as unknown as { document: { createElement(name: string): Canvas } };
    const source = node as unknown as Canvas & { naturalWidth?: number; naturalHeight?: number };
    const canvas = document.createElement('canvas');
    canvas.width = source.naturalWidth ?? source.width;
    canvas.height = source.naturalHeight ?? source.height;
    const context = canvas.getContext('2d');
    context.drawImage(source, 0, 0);
    const { data } = context.getImageData(0, 0, canvas.width, canvas.height);
    let count = 0;
    for (let at = 0; at < data.length; at += 4) {
      if (wanted.every((value, part) => Math.abs((data[at + part] ?? 0) - value) < 12)) count++;
    }
    return count;
  }, colour);

/** Waits until so many are. */
async function paints(
  element: Locator,
  colour: readonly [number, number, number],
  least: number,
): Promise<void> {
  await element.first().waitFor();
  for (let tries = 0; ; tries++) {
    let count = 0;
    for (const one of await element.all()) count += await painted(one, colour);
    if (count >= least) return;
    if (tries === 100) throw new Error(`Only ${count} pixels are of ${colour}.`);
    await page.waitForTimeout(100);
  }
}

test('a new notebook queries the database that the platform names, and plots', async () => {
  await page.locator('.jp-LauncherCard[title*="Python 3"]').first().click();
  await kernelReady();
  const output = await run(
    '%matplotlib inline',
    'import os, pandas, psycopg, sqlalchemy',
    'engine = sqlalchemy.create_engine("postgresql+psycopg://", creator=lambda: psycopg.connect(os.environ["DATABASE_DSN__datasets"]))',
    'frame = pandas.read_sql("SELECT month, visitors FROM visitors ORDER BY month", engine)',
    'print(frame.visitors.tolist())',
    'frame.plot(x="month", y="visitors", linewidth=4);',
  );
  // The line, in matplotlib's first colour.
  await paints(output.locator('img'), [31, 119, 180], 1000);
  expect(await output.first().textContent()).toContain('[340, 380, 420, 460, 500, 540]');
  await show('plot');
});

test('a data frame of a Parquet file is a table to search, sort and page through', async () => {
  const output = await run(
    'from itables.widget import ITable',
    'ITable(pandas.read_parquet("project/towns.parquet"))',
  );
  const table = output.locator('table.dataTable');
  await table.getByText('Aberdeen').waitFor();
  await output.getByRole('searchbox').fill('card');
  await table.getByText('Aberdeen').waitFor({ state: 'detached' });
  expect(await table.locator('tbody').textContent()).toMatch(/^Cardiff\s*362,?310$/);
  await show('table');
});

test('charts of Altair and Plotly are drawn by what is in the image', async () => {
  const altair = await run(
    'import altair',
    'altair.Chart(frame).mark_bar(color="#ff0000").encode(x="month", y="visitors")',
  );
  await paints(altair.locator('canvas'), [255, 0, 0], 500);
  const plotly = await run('import plotly.express', 'plotly.express.bar(frame, x="month", y="visitors")');
  await plotly.locator('.bars path').first().waitFor();
  expect(await plotly.locator('.bars path').count()).toBe(6);
  await show('charts');
});

test('a kernel that dies takes nothing of the notebook with it', async () => {
  await run('os._exit(1)');
  const dialog = page.locator('.jp-Dialog', { hasText: 'appears to have died' });
  await dialog.waitFor();
  await show('died');
  await dialog.getByRole('button', { name: 'Ok' }).click();
  expect(await cells().count()).toBe(6);
  expect(await cells().first().locator('img').count()).toBe(1);
  await kernelReady();
  // The new one knows nothing of the old one's variables, and works.
  expect(await (await run('print("frame" in globals(), 6 * 7)')).textContent()).toContain('False 42');

  await page.keyboard.press('Control+s');
  await page.locator('.jp-Dialog').getByRole('button', { name: 'Rename' }).click();
  await page.locator('.jp-Dialog').waitFor({ state: 'detached' });
  const saved = JSON.parse(await tool.shell('cat /home/dw-user/Untitled.ipynb'));
  const sources = saved.cells.map((cell: { source: string[] }) => cell.source.join(''));
  expect(sources).toEqual([
    expect.stringContaining('frame.plot'),
    expect.stringContaining('read_parquet'),
    expect.stringContaining('altair'),
    expect.stringContaining('plotly'),
    'os._exit(1)',
    'print("frame" in globals(), 6 * 7)',
    '',
  ]);
  expect(JSON.stringify(saved.cells[0].outputs)).toContain('image/png');
});

test('a CSV file opens as a table', async () => {
  await file('project').dblclick();
  await file('towns.csv').dblclick();
  const viewer = page.locator('.jp-CSVViewer');
  await viewer.click();
  await page.keyboard.press('Control+f');
  await page.keyboard.insertText('Cardiff');
  // The search marks the one cell that has it, in yellow.
  await paints(viewer.locator('canvas'), [255, 255, 0], 1000);
  await show('csv');
});

test('the language server completes what neither the file nor a kernel knows, and marks what is wrong', async () => {
  await file('model.py').dblclick();
  const editor = page.locator('.jp-FileEditor .cm-content');
  await editor.click();
  await page.keyboard.press('Control+End');
  await page.keyboard.insertText('\nimport statistics\nprint(nowhere)\nstatistics.fme');
  await editor.locator('.cm-lintRange-error', { hasText: 'nowhere' }).waitFor();
  const completion = page.locator('.jp-Completer-item', { hasText: 'fmean' });
  // JupyterLab gives a server a second, and on a busy machine the first answer takes longer.
  for (let tries = 0; !(await completion.isVisible()); tries++) {
    if (tries === 15) throw new Error('The language server completes nothing.');
    await page.keyboard.press('Tab');
    await page.waitForTimeout(2000);
  }
  await show('language-server');
  await page.keyboard.press('Escape');
  await page.keyboard.press('Control+z');
  await page.keyboard.press('Control+s');
});

test('the git panel shows what has changed in a repository of the home, without the copies that JupyterLab makes', async () => {
  await sidebar('jp-git-sessions');
  const panel = page.locator('#jp-git-sessions');
  await panel.getByText('model.py').waitFor();
  await show('git');
  const said = (await panel.textContent())?.replaceAll(/\s+/g, '');
  expect(said).toMatch(/changed1model\.pyM.*untracked2towns\.csvU.*towns\.parquetU/i);
  expect(await tool.shell('cd ~/project && ls -d .checkpoints', 'dw-user')).toBe('.checkpoints\n');
});

test('no menu leads out of the platform', async () => {
  for (const menu of ['Help', 'Git']) {
    await page.locator('.lm-MenuBar-item', { hasText: menu }).click();
    const items = await page.locator('.lm-Menu-itemLabel').allInnerTexts();
    expect(items.length).toBeGreaterThan(3);
    expect(items.join('\n')).not.toMatch(/Forum|Reference|FAQ|Documentation|^Help$/m);
    await page.keyboard.press('Escape');
  }
});

test('a reload of the page brings everything back', async () => {
  await page.reload();
  await page.locator('.lm-TabBar-tab', { hasText: 'Untitled.ipynb' }).click();
  const first = cells().first();
  await first.locator('img').waitFor();
  expect(await first.locator('.cm-content').textContent()).toContain('frame.plot');
});

test('nothing of all this asked another host, failed, or left traces of a server in the home', async () => {
  expect(amiss).toEqual([]);
  expect(
    await tool.shell(
      'cd ~ && find . -name "jpserver*" -o -name "kernel-*.json" -o -name ".virtual_documents" -o -name ".ipynb_checkpoints"',
      'dw-user',
    ),
  ).toBe('');
});

test('that nobody works is what the metrics say, with a kernel left running', async () => {
  const program = await readFile(join(import.meta.dirname, 'ecs.py'), 'utf8');
  const endpoint = await lab.start({ image, network, entrypoint: ['python3', '-c', program] });
  const [address] = Object.values((await lab.engine.containerState(endpoint.id)).addresses);
  const sidecar = await lab.start({
    image: metrics,
    network,
    environment: { ECS_CONTAINER_METADATA_URI: `http://${address}:8000/given` },
  });
  const give = async (name: string, value: unknown) => {
    const command = ['bash', '-c', 'mkdir -p /given && cat >"/given/$0"', name];
    await lab.engine.exec(endpoint.id, command, { user: 'root', stdin: JSON.stringify(value) });
  };
  await give('task', { Containers: [{ DockerId: tool.id, Name: 'jupyterlab' }] });
  /** Seconds of processor time, as Prometheus sees them, of what ECS takes from the engine. */
  const used = async (): Promise<number> => {
    await give('stats', { [tool.id]: await docker().getContainer(tool.id).stats({ stream: false }) });
    const { body } = await sidecar.get(`${server}/__metrics`);
    return Number(/^cpu_stats__cpu_usage__total_usage{.*} (\d+)$/m.exec(body)?.[1]) / 1e9;
  };
  /** The part of one processor that is in use over some seconds. */
  const usage = async (): Promise<number> => {
    const [begun, before] = [performance.now(), await used()];
    await sleep(8000);
    return ((await used()) - before) / ((performance.now() - begun) / 1000);
  };

  /** Waits until usage is below a limit: what was begun before may take a while to end, and nothing else is to follow. */
  const settles = async (limit: number): Promise<void> => {
    for (let tries = 0, seen = 1; seen >= limit; tries++) {
      if (tries === 6) throw new Error(`Nobody works, and ${seen} of a processor is in use.`);
      seen = await usage();
    }
  };

  // With the page open, and then with the kernel alone. Measured: 0.016 and 0.0002.
  await settles(0.1);
  await page.close();
  expect(await tool.shell('pgrep -fc ipykernel')).toBe('1\n');
  await settles(0.01);
  const work = tool.shell('timeout 12 sh -c "while :; do :; done" || true', 'dw-user');
  const busy = await usage();
  await work;
  expect(busy).toBeGreaterThan(0.2);
}, 180_000);
