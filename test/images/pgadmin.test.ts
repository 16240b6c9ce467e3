/** pgAdmin as an analyst uses it: servers of the environment, a query typed in the browser, homes of all kinds. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { Browser, Page } from 'playwright-core';
import type { SmokeTestResult } from '../../src/workflows/smoke-test.ts';
import { testBase } from '../support/engine.ts';
import type { TestProject } from '../support/project.ts';
import { openBrowser } from './browser.ts';
import { buildTimeout, type Container, Lab } from './images.ts';
import { type Postgres, startPostgres } from './postgres.ts';

const password = String.raw`pä'ss "wörd" \ 1`;
const database = '/home/dw-user/.pgadmin/pgadmin4.db';

let lab: Lab;
let project: TestProject;
let browser: Browser;
let network: string;
let postgres: Postgres;
let dsn: string;

beforeAll(async () => {
  lab = await Lab.open();
  project = await lab.copy();
  const words = ['--build-arg', `BASE_IMAGE=${testBase()}`, '--progress', 'plain'];
  const built = await project.dwt(['build', 'pgadmin', ...words]);
  if (built.status !== 0) throw new Error(built.stderr.slice(-4000));
  network = await lab.isolated();
  postgres = await startPostgres(lab, network);
  await postgres.sql(`CREATE ROLE analyst LOGIN PASSWORD '${password.replaceAll("'", "''")}'`);
  await postgres.sql('CREATE DATABASE datasets OWNER analyst');
  await postgres.sql(
    'CREATE TABLE visits AS SELECT i AS month, i * 111 AS visitors FROM generate_series(1, 12) i; GRANT SELECT ON visits TO analyst',
    'datasets',
  );
  await postgres.sql("ALTER SYSTEM SET log_statement = 'all'");
  await postgres.sql('SELECT pg_reload_conf()');
  dsn = `host=${postgres.address} port=5432 dbname=datasets user=analyst password='${password.replace(/['\\]/g, String.raw`\$&`)}'`;
  browser = await openBrowser();
}, buildTimeout);
afterAll(async () => {
  await browser?.close();
  await lab.close();
}, 60_000);

const start = (home: string, environment: Record<string, string> = {}): Promise<Container> =>
  lab.start({
    image: `${project.name}/pgadmin`,
    network,
    // Of the platform's own database, and not what the servers below are asked with.
    environment: { PGPASSWORD: 'of another database', ...environment },
    volumes: { [home]: '/home/dw-user' },
  });

/** Waits until it answers, as it does only when all that its start has to say is said. */
async function answers(tool: Container): Promise<void> {
  expect(await tool.get('http://127.0.0.1:8888/misc/ping')).toMatchObject({ status: 200 });
}

/** Rows of the settings, while or after pgAdmin has them. */
const settings = async (tool: Container, sql: string): Promise<unknown> =>
  JSON.parse(
    await tool.shell(
      `/opt/pgadmin/bin/python -c 'import json, sqlite3, sys; db = sqlite3.connect(sys.argv[1]); print(json.dumps(db.execute(sys.argv[2]).fetchall())); db.commit()' ${database} "${sql}"`,
      'dw-user',
    ),
  );

const serverNames = (tool: Container) => settings(tool, 'SELECT name FROM server ORDER BY name');

/** pgAdmin's own lines; the engine writes a container's log a little later than it is said. */
async function said(tool: Container): Promise<string[]> {
  await sleep(500);
  return (await tool.logs()).split('\n').filter((line) => line.startsWith('pgadmin: '));
}

async function open(tool: Container, path = '/'): Promise<Page> {
  const [address] = Object.values((await lab.engine.containerState(tool.id)).addresses);
  const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
  page.setDefaultTimeout(60_000);
  const tree = entry(page, 'Servers');
  // The browser drops what it is loading whenever a network comes or goes on this machine, as they do beside tests.
  for (let tries = 0; tries < 5; tries++) {
    await page.goto(`http://${address}:8888${path}`);
    const shown = await tree
      .first()
      .waitFor({ timeout: 30_000 })
      .then(
        () => true,
        () => false,
      );
    if (shown) return page;
  }
  throw new Error(`pgAdmin does not show its tree: ${await page.textContent('body')}`);
}

const entry = (page: Page, name: string) => page.locator('.file-entry', { hasText: name });

/** Opens a node of the tree until its child is there: pgAdmin closes one again that it was about to open itself. */
async function expand(page: Page, name: string, child: string): Promise<void> {
  for (let tries = 0; tries < 4; tries++) {
    const shown = entry(page, child).first();
    if (await shown.isVisible()) return;
    await entry(page, name).first().locator('.directory-toggle').click();
    await shown.waitFor({ timeout: 10_000 }).catch(() => undefined);
  }
  throw new Error(`"${name}" does not show "${child}": ${await page.textContent('body')}`);
}

test(
  'keeps the contract of a tool',
  async () => {
    const run = await project.dwt(['smoke-test', 'pgadmin', '--page', '--json', '--progress', 'plain']);
    const checks = run.json<SmokeTestResult>().images.flatMap((image) => image.checks);
    expect(checks.filter(({ verdict }) => verdict === 'fail')).toEqual([]);
    expect(checks.map(({ name }) => name)).toEqual(
      expect.arrayContaining(['http', 'user', 'stop', 'restart', 'isolation', 'page']),
    );
  },
  5 * 60_000,
);

/** A transaction larger than SQLite's cache, so that part of it is in the file when it is killed. */
const halfWay = `import sqlite3, time
db = sqlite3.connect('${database}', isolation_level=None)
db.execute('PRAGMA cache_size = 5')
db.execute('BEGIN')
db.execute('DELETE FROM query_history')
db.execute('CREATE TABLE half AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 9000) SELECT hex(randomblob(100)) FROM n')
open('/tmp/half-way', 'w')
time.sleep(600)`;

test('a query typed in the browser shows its rows, with nothing asked and no role listed', async () => {
  const home = await lab.volume();
  const tool = await start(home, { DATABASE_DSN__datasets: dsn });
  await answers(tool);
  const page = await open(tool);
  await expand(page, 'Servers', 'datasets');
  await expand(page, 'datasets', 'Databases');
  await expand(page, 'Databases', 'postgres');
  await page.locator('.file-entry.depth-4', { hasText: 'datasets' }).click();
  await page.locator('button[data-label="Query Tool"]:enabled').click();
  const query = page.frameLocator('iframe:visible');
  await query.locator('.cm-editor:visible').first().click();
  await page.keyboard.type('SELECT month, visitors FROM visits ORDER BY month DESC LIMIT 2');
  await page.keyboard.press('F5');
  await query.getByRole('gridcell', { name: '1332' }).waitFor();
  await query.getByRole('gridcell', { name: '1221' }).waitFor();
  await page.close();

  const asked = await postgres.container.logs();
  expect(asked).toContain('SELECT month, visitors FROM visits');
  // What pgAdmin lists roles with, as it does when somebody opens them in the tree.
  expect(asked).not.toContain('r.rolname, r.rolcanlogin, r.rolsuper');

  const found = await tool.run(['grep', '-rlaF', '-e', password, '-e', 'of another', '/home/dw-user']);
  expect(found).toMatchObject({ exitCode: 1, stdout: '' });
  expect(await settings(tool, 'SELECT count(*) FROM query_history')).toEqual([[1]]);

  // Killed in the middle of writing, which SQLite takes back: the history is still there.
  await tool.shell(
    `echo "${halfWay}" >/tmp/half-way.py; /opt/pgadmin/bin/python /tmp/half-way.py >/dev/null 2>&1 &
    until [ -e /tmp/half-way ]; do sleep 0.1; done; test -s ${database}-journal`,
    'dw-user',
  );
  await lab.engine.signalContainer(tool.id, 'SIGKILL');
  await lab.engine.waitContainer(tool.id);
  const again = await start(home, { DATABASE_DSN__datasets: dsn });
  await answers(again);
  expect(await settings(again, 'SELECT count(*) FROM query_history')).toEqual([[1]]);
  expect(await said(again)).toEqual([]);
  expect((await again.stop()).seconds).toBeLessThan(10);
}, 180_000);

test('lists the servers of the environment, and says which it cannot', async () => {
  const home = await lab.volume();
  const tool = await start(home, {
    DATABASE_DSN__good: dsn,
    'DATABASE_DSN__über "quoted"':
      "host=db\nport=6543 dbname='a b' user='o\\'brien' password=hidden sslmode=require",
    DATABASE_DSN__uri: 'postgresql://reader:hidden@db2/data',
    DATABASE_DSN__open: "host=db password='hidden",
    DATABASE_DSN__unknown: 'host=db hidden=hidden',
    DATABASE_DSN__nowhere: 'dbname=hidden',
    DATABASE_DSN__port: 'host=db port=hidden password=hidden',
    DATABASE_DSN__spaces: "host=db password=' hidden'",
    DATABASE_DSN__key: 'host=db sslpassword=hidden',
    DATABASE_DSN__: 'host=db',
  });
  await answers(tool);
  expect(
    await settings(
      tool,
      'SELECT name, host, port, maintenance_db, username FROM server ORDER BY port DESC, name',
    ),
  ).toEqual([
    ['über "quoted"', 'db', 6543, 'a b', "o'brien"],
    ['good', postgres.address, 5432, 'datasets', 'analyst'],
    ['uri', 'db2', 5432, 'data', 'reader'],
  ]);
  const lines = await said(tool);
  expect(
    lines.map((line) => /^pgadmin: (DATABASE_DSN__\S*) .*: its server is not in the list$/.exec(line)?.[1]),
  ).toEqual([
    'DATABASE_DSN__',
    'DATABASE_DSN__key',
    'DATABASE_DSN__nowhere',
    'DATABASE_DSN__open',
    'DATABASE_DSN__port',
    'DATABASE_DSN__spaces',
    'DATABASE_DSN__unknown',
  ]);
  expect(await tool.logs()).not.toContain('hidden');

  // A server of the user's own stays, and so does what is still given; the others go.
  await settings(
    tool,
    "INSERT INTO server (user_id, servergroup_id, name, host, port, username, save_password, shared, use_ssh_tunnel, tunnel_authentication, tunnel_prompt_password, kerberos_conn, cloud_status, is_adhoc) SELECT user_id, servergroup_id, 'mine', host, port, username, 0, 0, 0, 0, 0, 0, 0, 0 FROM server WHERE name = 'good'",
  );
  await tool.stop();
  const again = await start(home, { DATABASE_DSN__good: dsn, PGADMIN_BASE_URL: '/some/prefix/' });
  expect(await again.get('http://127.0.0.1:8888/some/prefix/misc/ping')).toMatchObject({ status: 200 });
  expect(await serverNames(again)).toEqual([['good'], ['mine']]);

  // Under the prefix that it was told now.
  expect(await again.get('http://127.0.0.1:8888/elsewhere')).toMatchObject({ status: 302 });
  const page = await open(again, '/some/prefix/');
  expect(new URL(page.url()).pathname).toBe('/some/prefix/browser/');
  expect((await page.context().cookies()).map(({ path }) => path)).toContain('/some/prefix');
  await page.close();
  await again.stop();
}, 180_000);

test('goes on with the home of an older pgAdmin, and puts aside what it cannot read', async () => {
  const home = await lab.volume();
  const make = async (script: string, input = ''): Promise<void> => {
    const python = `import sqlite3, os\nos.makedirs(os.path.dirname('${database}'), exist_ok=True)\ndb = sqlite3.connect('${database}')\n${script}\ndb.commit()`;
    const maker = await lab.start(
      {
        image: `${project.name}/pgadmin`,
        command: ['/opt/pgadmin/bin/python', '-c', python],
        volumes: { [home]: '/home/dw-user' },
      },
      { '/tmp/home.sql': input },
    );
    expect({ exitCode: await lab.engine.waitContainer(maker.id), logs: await maker.logs() }).toMatchObject({
      exitCode: 0,
    });
  };
  const begin = async (): Promise<Container> => {
    const tool = await start(home, { DATABASE_DSN__datasets: dsn });
    await answers(tool);
    return tool;
  };

  await make(
    "db.executescript(open('/tmp/home.sql').read())",
    await readFile(join(import.meta.dirname, 'pgadmin-8.14.sql'), 'utf8'),
  );
  const older = await begin();
  expect(await said(older)).toEqual([]);
  expect(await serverNames(older)).toEqual([['datasets'], ['of the older version']]);
  await older.stop();

  await make('db.execute("UPDATE version SET value = 1000 WHERE name = \'ConfigDB\'")');
  const newer = await begin();
  expect(await said(newer)).toEqual([
    expect.stringMatching(/is of a newer pgAdmin \(schema 1000, .*: it is kept as /),
  ]);
  expect(await serverNames(newer)).toEqual([['datasets']]);
  await newer.stop();

  await make(`open('${database}', 'r+b').write(bytes(5000))`);
  const damaged = await begin();
  expect(await said(damaged)).toEqual([expect.stringMatching(/is damaged: it is kept as /)]);
  expect(await serverNames(damaged)).toEqual([['datasets']]);
  expect(await damaged.shell('ls ~dw-user/.pgadmin | grep -c "pgadmin4.db.2"')).toBe('2\n');
  await damaged.stop();
}, 180_000);
