/** JupyterLab as the platform runs it: empty home, no way out, credentials in variables, stopped and started again. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { buildTimeout, type Container, Lab } from './images.ts';

let lab: Lab;
let image: string;
let network: string;
let home: string;
let tool: Container;

const environment = {
  DATABASE_DSN__datasets: "host=db port=5432 dbname=d user=u password='p w'",
  PGHOST: 'db',
  PGPASSWORD: 'p "w" $x',
  AWS_DEFAULT_REGION: 'eu-west-2',
  AWS_CONTAINER_CREDENTIALS_RELATIVE_URI: '/v2/credentials/x',
  S3_BUCKET: 'bucket',
  S3_PREFIX: 'user/',
  APP_SCHEMA: 'schema',
};

const start = (more = {}) =>
  lab.start({
    image,
    network,
    environment: { ...environment, ...more },
    volumes: { [home]: '/home/dw-user' },
  });

beforeAll(async () => {
  lab = await Lab.open();
  image = (await lab.build('python-jupyterlab'))('python-jupyterlab');
  network = await lab.isolated();
  home = await lab.volume();
  tool = await start();
}, buildTimeout);
afterAll(() => lab.close(), 60_000);

test('serves its page to whoever reaches it, over IPv4 and IPv6, and asks nobody for news', async () => {
  const page = await tool.get('http://127.0.0.1:8888/lab');
  expect(page.status).toBe(200);
  const settings = JSON.parse(
    /id="jupyter-config-data" type="application\/json">\s*(\{.*?\})\s*<\/script>/s.exec(page.body)?.[1] ??
      '{}',
  );
  expect(settings).toMatchObject({ token: '', news: { disabled: true } });
  expect(
    Object.keys(settings.disabledExtensions ?? {}).length +
      JSON.stringify(settings.disabledExtensions).length,
  ).toBeGreaterThan(0);
  expect(JSON.stringify(settings.disabledExtensions)).toContain('announcements');
  const listening = await tool.shell(
    'cat /proc/net/tcp /proc/net/tcp6 2>/dev/null | awk \'$4 == "0A" && $2 ~ /:22B8$/ {print $2, $8}\'',
  );
  expect(listening).toContain('00000000:22B8 4356');
  expect(listening).toContain('00000000000000000000000000000000:22B8 4356');
}, 90_000);

test('runs cells and terminals as the user, with bash, the venv and the credentials', async () => {
  await tool.get('http://127.0.0.1:8888/api');
  const program = await readFile(join(import.meta.dirname, 'kernel.py'), 'utf8');
  const cell = [
    'import os, sys, pandas, psycopg, sqlalchemy, boto3, matplotlib, sklearn',
    'print(os.environ["DATABASE_DSN__datasets"], os.getuid(), os.getgid(), sys.prefix, pandas.DataFrame({"a": [1, 2]}).a.sum())',
  ].join('\n');
  const command =
    'echo "$0 $DATABASE_DSN__datasets $(id -u) $(type -P python3 pip | xargs) $HOME $SHELL $PGHOST"';
  const run = await tool.run(['/opt/venv/bin/python', '-c', program, 'http://127.0.0.1:8888', cell, command]);
  expect(run.stderr).toBe('');
  const said = JSON.parse(run.stdout);
  expect(said.cell).toBe("host=db port=5432 dbname=d user=u password='p w' 4356 4357 /opt/venv 3\n");
  expect(said.terminal).toContain(
    "/bin/bash host=db port=5432 dbname=d user=u password='p w' 4356 /opt/venv/bin/python3 /opt/venv/bin/pip /home/dw-user /bin/bash db",
  );
}, 90_000);

test('hands every variable to cells, terminals and the login shells in them, with the locale', async () => {
  const program = await readFile(join(import.meta.dirname, 'kernel.py'), 'utf8');
  const names = [...Object.keys(environment), 'LANG', 'HOME', 'USER'];
  const show = `import json, os; print("SHOWN", json.dumps([os.environ.get(name) for name in ${JSON.stringify(names)}]))`;
  const command = `echo '${show}' >/tmp/show.py; stty cols 1000; python3 /tmp/show.py; bash -lc 'python3 /tmp/show.py'`;
  const run = await tool.run(['/opt/venv/bin/python', '-c', program, 'http://127.0.0.1:8888', show, command]);
  const said = JSON.parse(run.stdout);
  const values = (text: string) =>
    [...text.matchAll(/SHOWN (\[".*\])/g)].map((match) => JSON.parse(match[1] ?? ''));
  const expected = [...Object.values(environment), 'en_GB.UTF-8', '/home/dw-user', 'dw-user'];
  expect(values(said.cell)).toEqual([expected]);
  expect(values(said.terminal)).toEqual([expected, expected]);
}, 90_000);

test('keeps checkpoints out of what is synchronised, and nothing of a running server in the home', async () => {
  const put = `printf '{"type":"file","format":"text","content":"x"}' | curl -sf -c /tmp/c http://127.0.0.1:8888/lab >/dev/null
    xsrf=$(awk '$6 == "_xsrf" {print $7}' /tmp/c)
    curl -sf -b /tmp/c -H "X-XSRFToken: $xsrf" -X PUT -d '{"type":"file","format":"text","content":"x"}' http://127.0.0.1:8888/api/contents/note.txt >/dev/null
    curl -sf -b /tmp/c -H "X-XSRFToken: $xsrf" -X POST http://127.0.0.1:8888/api/contents/note.txt/checkpoints >/dev/null`;
  await tool.shell(put);
  expect(
    await tool.shell(
      'cd /home/dw-user && stat -c "%U %n" note.txt .checkpoints/*; find . -name "jpserver*" -o -name "kernel-*.json"',
    ),
  ).toBe('dw-user note.txt\ndw-user .checkpoints/note-checkpoint.txt\n');
}, 60_000);

test('stops when it is told to, kernels and all, and starts again on what it left, under a prefix if told', async () => {
  // A kernel in the middle of something, besides those of the tests before.
  const busy = 'import time; print("busy", flush=True); time.sleep(300)';
  const program = (await readFile(join(import.meta.dirname, 'kernel.py'), 'utf8')).replace(
    /^said = ""$[\s\S]*/m,
    'print(kernel.recv())',
  );
  await tool.run(['/opt/venv/bin/python', '-c', program, 'http://127.0.0.1:8888', busy, '']);
  expect(await tool.shell('pgrep -fc "^/opt/venv/bin/python.*ipykernel"')).not.toBe('0\n');
  const { seconds, exitCode } = await tool.stop();
  expect(seconds).toBeLessThan(10);
  expect(exitCode).toBe(0);
  const again = await start({ JUPYTER_BASE_URL: '/some/prefix/' });
  expect(await again.get('http://127.0.0.1:8888/some/prefix/api/contents/note.txt')).toMatchObject({
    status: 200,
  });
  const page = await again.get('http://127.0.0.1:8888/some/prefix/lab');
  expect(page.body).toContain('"baseUrl": "/some/prefix/"');
  await again.stop();
}, 90_000);

test('starts whatever the user has installed, and its terminals mend it', async () => {
  const broken =
    'd=~/.local/lib/python3.13/site-packages; mkdir -p $d; for m in tornado traitlets jupyter_server; do echo "raise SystemError" >$d/$m.py; done';
  const once = await start();
  await once.shell(broken, 'dw-user');
  await once.stop();
  const again = await start();
  expect(await again.get('http://127.0.0.1:8888/lab')).toMatchObject({ status: 200 });
  const imports = ['python3', '-c', 'import tornado'];
  expect(await again.run(imports)).toMatchObject({ exitCode: 1 });
  // As the guide says.
  await again.shell('rm -r ~/.local/lib/python3.*', 'dw-user');
  expect(await again.run(imports)).toMatchObject({ exitCode: 0 });
}, 90_000);
