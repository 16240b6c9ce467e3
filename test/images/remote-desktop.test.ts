/**
 * The remote desktop as an analyst uses it: in a real browser, by clicks and keys, with a real PostGIS, and with no way out
 * for the container or for the page. Its screen is a picture, so what is done there is judged by its colours, and by the
 * files and processes that come of it.
 */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import type { Browser, CDPSession, Page } from 'playwright-core';
import { openBrowser } from './browser.ts';
import { buildTimeout, type Container, Lab } from './images.ts';
import { type Postgres, startPostgres } from './postgres.ts';

const password = `pä'ss "wörd" \\ 1`;
const square = (west: number) =>
  `[[${west}, 50], [${west}, 51], [${west + 1}, 51], [${west + 1}, 50], [${west}, 50]]`;

type Colour = readonly [red: number, green: number, blue: number];
const background: Colour = [41, 69, 97];
const ofPostgis: Colour = [255, 0, 0];
const ofGeopackage: Colour = [0, 0, 255];
/** The variable that it has chosen where it has opened a file. */
const rowOfGretl: Colour = [53, 132, 228];

let lab: Lab;
let image: string;
let network: string;
let postgres: Postgres;
let dsn: string;
let home: string;
let tool: Container;
let browser: Browser;
let page: Page;
let keyboard: CDPSession;

beforeAll(async () => {
  lab = await Lab.open();
  image = (await lab.build('remote-desktop'))('remote-desktop');
  network = await lab.isolated();
  postgres = await startPostgres(lab, network, 'postgresql-17-postgis-3');
  await postgres.sql(`CREATE ROLE analyst LOGIN PASSWORD '${password.replaceAll("'", "''")}'`);
  await postgres.sql('CREATE DATABASE datasets');
  await postgres.sql(
    `CREATE EXTENSION postgis;
     CREATE TABLE districts (id int PRIMARY KEY, shape geometry(Polygon, 4326));
     INSERT INTO districts VALUES (1, ST_SetSRID(ST_GeomFromGeoJSON('{"type": "Polygon", "coordinates": [${square(-2)}]}'), 4326));
     GRANT SELECT ON districts TO analyst`,
    'datasets',
  );
  await postgres.sql("ALTER SYSTEM SET log_statement = 'all'");
  await postgres.sql('SELECT pg_reload_conf()');
  dsn = `host=${postgres.address} port=5432 dbname=datasets user=analyst password='${password.replace(/['\\]/g, String.raw`\$&`)}'`;
  home = await lab.volume();
  tool = await start();
  await open();
}, buildTimeout);
afterEach(async () => {
  const folder = process.env['DWT_TEST_SCREENSHOTS'];
  const name = expect.getState().currentTestName?.replaceAll(/\W+/g, '-');
  if (folder) await page.screenshot({ path: join(folder, `remote-desktop-${name}.png`) });
});
afterAll(async () => {
  await browser?.close();
  await lab.close();
}, 60_000);

const start = (environment: Record<string, string> = {}): Promise<Container> =>
  lab.start(
    {
      image,
      network,
      // Of the platform's own database, and not what the services are asked with.
      environment: {
        PGPASSWORD: 'of another database',
        'DATABASE_DSN__my-data': dsn,
        ...environment,
      },
      volumes: { [home]: '/home/dw-user' },
    },
    {
      '/tmp/square.json': `{"type": "Polygon", "coordinates": [${square(-1)}]}`,
      '/tmp/map.py': mapScript,
      '/tmp/model.inp': modelScript,
    },
  );

/** Run by QGIS in its own window. The connection is the one that was there at the start. */
const mapScript = `
from qgis.core import QgsDataSourceUri, QgsFillSymbol, QgsProject, QgsProviderRegistry, QgsSingleSymbolRenderer, QgsVectorLayer
from qgis.utils import iface
import processing

def shown(layer, colour):
    assert layer.isValid(), layer.error().message()
    symbol = QgsFillSymbol.createSimple({"color": colour, "outline_style": "no"})
    layer.setRenderer(QgsSingleSymbolRenderer(symbol))
    QgsProject.instance().addMapLayer(layer)

connections = QgsProviderRegistry.instance().providerMetadata("postgres").connections()
districts = QgsDataSourceUri(connections["my-data"].uri())
districts.setDataSource("public", "districts", "shape", "", "id")
shown(QgsVectorLayer(districts.uri(), "districts", "postgres"), "255,0,0")
shown(QgsVectorLayer("/home/dw-user/square.gpkg", "square", "ogr"), "0,0,255")
iface.mainWindow().showMaximized()
iface.mapCanvas().zoomToFullExtent()
project = QgsProject.instance()
project.write("/home/dw-user/map.qgz")
centres = processing.run("native:centroids", {"INPUT": project.mapLayersByName("districts")[0], "OUTPUT": "/home/dw-user/centres.geojson"})
`;

/** Run by gretl, on one of its sample files. */
const modelScript = `open data4-1
ols price const sqft
gnuplot price sqft --fit=linear --output="/home/dw-user/plot.png"
store "/home/dw-user/houses.csv"
`;

/** Looks at the desktop with a browser inside the container's network, as localhost: browsers give the clipboard there. */
async function open(): Promise<void> {
  await browser?.close();
  browser = await openBrowser((await lab.engine.containerState(tool.id)).pid);
  const context = await browser.newContext({
    viewport: { width: 1280, height: 800 },
    permissions: ['clipboard-read', 'clipboard-write'],
  });
  page = await context.newPage();
  keyboard = await context.newCDPSession(page);
  await tool.get('http://localhost:8888/');
  await page.goto('http://localhost:8888/');
  await connected();
  await shows(background, 500_000);
}

const connected = () => page.locator('.noVNC_connected #noVNC_container canvas').waitFor({ timeout: 60_000 });

/** How much of the desktop has a colour; pictures reach the browser with a little loss. */
const pixels = (colour: Colour): Promise<number> =>
  page.evaluate(`(() => {
    const canvas = document.querySelector('#noVNC_container canvas');
    const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
    let count = 0;
    for (let i = 0; i < data.length; i += 4)
      if (${JSON.stringify(colour)}.every((value, part) => Math.abs(data[i + part] - value) < 12)) count++;
    return count;
  })()`);

const shows = (colour: Colour, least: number): Promise<void> =>
  until(`${least} pixels of ${colour}`, async () => (await pixels(colour)) >= least);

async function until(what: string, holds: () => Promise<boolean>, seconds = 100): Promise<void> {
  const end = performance.now() + seconds * 1000;
  while (!(await holds())) {
    if (performance.now() > end) throw new Error(`Not within ${seconds} s: ${what}\n${await tool.logs()}`);
    await sleep(300);
  }
}

/** Opens a terminal by the desktop's own icon for it, and waits until its shell is there. */
async function openTerminal(): Promise<void> {
  const shells = () => tool.shell('pgrep -u dw-user -x bash -c -t pts/0 || true');
  expect(await shells()).toBe('0\n');
  await page.mouse.dblclick(60, 150);
  await until('a shell in a terminal', async () => (await shells()) !== '0\n');
  await sleep(500);
}

/** Every character by a key, as a keyboard that has it would: what Playwright has no key for it would insert. */
async function press(text: string): Promise<void> {
  for (const character of text) {
    if (character <= '~') await page.keyboard.type(character, { delay: 10 });
    else {
      const key = { key: character, code: 'KeyX', text: character };
      await keyboard.send('Input.dispatchKeyEvent', { type: 'keyDown', ...key });
      await keyboard.send('Input.dispatchKeyEvent', { type: 'keyUp', ...key });
    }
  }
}

async function type(line: string): Promise<void> {
  await press(line);
  await page.keyboard.press('Enter');
}

const exists = async (path: string): Promise<boolean> =>
  (await tool.run(['test', '-s', path])).exitCode === 0;

async function content(path: string): Promise<string> {
  await until(path, () => exists(path));
  return tool.shell(`cat '${path}'`);
}

test('a terminal takes any character, and has the variables and the databases of the container', async () => {
  await openTerminal();
  await type('echo "Zażółć £€ ñ жук 漢" >~/typed.txt');
  expect(await content('/home/dw-user/typed.txt')).toBe('Zażółć £€ ñ жук 漢\n');
  await type('printenv DATABASE_DSN__my-data >~/dsn.txt');
  expect(await content('/home/dw-user/dsn.txt')).toBe(`${dsn}\n`);
  await tool.shell('rm ~dw-user/dsn.txt');
  await type('psql -Atc "SELECT id, current_user FROM districts" service=my-data >~/rows.txt');
  expect(await content('/home/dw-user/rows.txt')).toBe('1|analyst\n');
  // What is set in a program that is run there is the user's own, and kept.
  await type('echo "[$XDG_CONFIG_HOME]" >~/config.txt');
  expect(await content('/home/dw-user/config.txt')).toBe('[]\n');
}, 120_000);

test('the clipboards of the desktop and of the browser are one', async () => {
  await page.evaluate("navigator.clipboard.writeText('from the browser: ü€漢')");
  await page.mouse.click(400, 300);
  // It takes so many characters, and no Enter that might overtake them.
  await type('echo >/tmp/reading; read -rN 21 pasted && echo "$pasted" >~/pasted.txt');
  await content('/tmp/reading');
  await page.keyboard.press('Control+Shift+V');
  expect(await content('/home/dw-user/pasted.txt')).toBe('from the browser: ü€漢\n');

  await tool.shell(
    `echo 'import signal, sys
signal.signal(signal.SIGINT, signal.SIG_DFL)
from PyQt5.QtWidgets import QApplication
application = QApplication(sys.argv)
application.clipboard().setText("from the desktop: ü€漢")
application.exec()' >/tmp/copy.py`,
  );
  await type('python3 /tmp/copy.py');
  await until(
    "the desktop's text in the browser's clipboard",
    async () => (await page.evaluate('navigator.clipboard.readText()')) === 'from the desktop: ü€漢',
  );
  await page.keyboard.press('Control+c');
}, 120_000);

test('the desktop is as large as the browser lets it be', async () => {
  await page.setViewportSize({ width: 1111, height: 777 });
  const size = () =>
    page.evaluate(
      "(({ width, height }) => `${width}x${height}`)(document.querySelector('#noVNC_container canvas'))",
    );
  await until('1111x777', async () => (await size()) === '1111x777');
  await page.setViewportSize({ width: 1280, height: 800 });
  await until('1280x800', async () => (await size()) === '1280x800');
}, 60_000);

test('whoever comes back finds the session, and a cut connection mends itself', async () => {
  await type('kept=before');
  await tool.shell('echo kept >/tmp/seen; pkill -P "$(pgrep -o -f websockify)"');
  await page.locator('html:not(.noVNC_connected)').waitFor();
  await connected();
  await type('echo $kept >~/kept.txt');
  expect(await content('/home/dw-user/kept.txt')).toBe('before\n');

  await open();
  await type('echo $kept again >~/again.txt');
  expect(await content('/home/dw-user/again.txt')).toBe('before again\n');
}, 120_000);

test('QGIS shows a layer of PostGIS and one of a GeoPackage', async () => {
  await type('ogr2ogr ~/square.gpkg /tmp/square.json -a_srs EPSG:4326');
  await content('/home/dw-user/square.gpkg');
  await type('qgis --code /tmp/map.py >/tmp/qgis.log 2>&1 &');
  await shows(ofPostgis, 10_000);
  await shows(ofGeopackage, 10_000);
  expect(await postgres.container.logs()).toMatch(/FETCH FORWARD|FROM "public"."districts"/);
  expect(await content('/home/dw-user/centres.geojson')).toContain('[ -1.5, 50.5 ]');
  expect(await tool.shell('unzip -p ~dw-user/map.qgz map.qgs')).toContain('service=');
}, 240_000);

test('gretl estimates, plots, and opens a sample file', async () => {
  await tool.shell('pkill -x qgis.bin; while pgrep -x qgis.bin; do sleep 0.2; done');
  await shows(background, 500_000);
  await page.mouse.click(400, 450);
  await type('gretlcli -b /tmp/model.inp >~/model.txt');
  expect(await content('/home/dw-user/houses.csv')).toMatch(/price,sqft/);
  expect(await tool.shell('head -c 8 ~dw-user/plot.png | od -An -tx1')).toBe(' 89 50 4e 47 0d 0a 1a 0a\n');
  expect(await content('/home/dw-user/model.txt')).toMatch(/sqft +0\.138750 /);
  await type('gretl /usr/share/gretl/data/ramanathan/data4-1.gdt >/tmp/gretl.log 2>&1 &');
  await shows(rowOfGretl, 5000);
}, 120_000);

test('nothing of the desktop is in the home, and no password; nothing but its page listens', async () => {
  const entries = (await tool.shell('cd ~dw-user && find . -mindepth 1 -printf "%y %P\\n"')).split('\n');
  expect(
    entries.filter((entry) =>
      /\/?\.(vnc|dbus|cache|config|Xauthority|ICEauthority|xsession)|xfce|Thunar|Desktop|^[sp] /i.test(entry),
    ),
  ).toEqual([]);
  const found = await tool.run(['grep', '-rlaF', '-e', password, '-e', 'of another', '/home/dw-user']);
  expect(found).toMatchObject({ exitCode: 1, stdout: '' });
  // Beside the engine's own name server, which is in every container.
  const ports = await tool.shell(
    `awk '$4 == "0A" && $2 !~ /^0B00007F/ { sub(/.*:/, "", $2); print $2 }' /proc/net/tcp /proc/net/tcp6 | sort -u`,
  );
  expect(ports).toBe('22B8\n');
}, 60_000);

test('starts again where it was killed, and on its home, and ends in time', async () => {
  await lab.engine.signalContainer(tool.id, 'SIGKILL');
  await lab.engine.waitContainer(tool.id);
  // The same container, with the locks of the X server that is no more.
  await lab.engine.startContainer(tool.id);
  await open();
  expect(await tool.stop()).toMatchObject({ exitCode: 0 });

  tool = await start({
    DATABASE_DSN__nowhere: 'dbname=hidden',
    DATABASE_DSN__open: "host=db password='hidden",
    DATABASE_DSN__spaces: "host=db password='hidden '",
    'DATABASE_DSN__a/b': 'host=db password=hidden',
  });
  await open();
  const lines = (await tool.logs()).split('\n').filter((line) => line.startsWith('remote-desktop: '));
  expect(
    lines.map((line) => /^remote-desktop: (\S+) .*: QGIS has no connection to it$/.exec(line)?.[1]),
  ).toEqual(['DATABASE_DSN__a/b', 'DATABASE_DSN__nowhere', 'DATABASE_DSN__open', 'DATABASE_DSN__spaces']);
  expect(await tool.logs()).not.toContain('hidden');
  await openTerminal();
  await type('qgis ~/map.qgz &');
  // In its list of layers.
  await shows(ofPostgis, 100);
  await page.keyboard.press('Control+Shift+F');
  await shows(ofPostgis, 10_000);
  await shows(ofGeopackage, 10_000);
  expect((await tool.stop()).seconds).toBeLessThan(10);
}, 300_000);
