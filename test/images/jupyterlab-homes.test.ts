/** JupyterLab on homes and with variables that are not as they should be: it starts, works, and says in a line what is wrong. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { buildTimeout, type Container, Lab } from './images.ts';

const server = 'http://127.0.0.1:8888';
const home = '/home/dw-user';

let lab: Lab;
let image: string;
let network: string;
let kernel: string;

beforeAll(async () => {
  lab = await Lab.open();
  image = (await lab.build('python-jupyterlab'))('python-jupyterlab');
  network = await lab.isolated();
  kernel = await readFile(join(import.meta.dirname, 'kernel.py'), 'utf8');
}, buildTimeout);
afterAll(() => lab.close(), 60_000);

/** What a cell and a command in a terminal say, once the tool serves its page. */
async function work(
  tool: Container,
  cell: string,
  command: string,
): Promise<{ cell: string; terminal: string }> {
  expect(await tool.get(`${server}/lab`)).toMatchObject({ status: 200 });
  const run = await tool.run(['/opt/venv/bin/python', '-c', kernel, server, cell, command]);
  expect(run.stderr).toBe('');
  return JSON.parse(run.stdout);
}

const works = async (tool: Container): Promise<void> => {
  const said = await work(tool, 'import pandas; print(pandas.Series([40, 2]).sum())', 'echo $((40+2))');
  expect(said.cell).toBe('42\n');
  expect(said.terminal).toMatch(/\r42\r\n/);
};

const start = (more: Partial<Parameters<Lab['start']>[0]>): Promise<Container> =>
  lab.start({ image, network, ...more });

/** Runs a script as root on a home before the tool has it; what goes on in the background stays until the end. */
const prepare = async (volume: string, script: string): Promise<void> => {
  const hand = await start({ entrypoint: ['sleep', 'infinity'], volumes: { [volume]: home } });
  await hand.shell(script);
};

const unwritable = `start: ${home} cannot be written: it is read-only or full`;

test('works on a home that is full, and loses nothing that was saved when it cannot save', async () => {
  const volume = await lab.volume(1024 * 1024);
  await prepare(volume, `echo 'my work' >${home}/note.txt; dd if=/dev/zero of=${home}/large bs=4k || true`);
  const tool = await start({ volumes: { [volume]: home } });
  await works(tool);
  expect(await tool.logs()).toContain(unwritable);
  const body = JSON.stringify({ type: 'file', format: 'text', content: 'x'.repeat(100_000) });
  const save = `curl -s -c /tmp/c ${server}/lab >/dev/null; xsrf=$(awk '$6 == "_xsrf" {print $7}' /tmp/c)
    curl -s -o /dev/null -w '%{http_code}' -b /tmp/c -H "X-XSRFToken: $xsrf" -X PUT -d @- ${server}/api/contents/note.txt`;
  expect(await tool.shell(`${save} <<'END'\n${body}\nEND`)).toBe('500');
  expect(await tool.shell(`cat ${home}/note.txt`)).toBe('my work\n');
}, 120_000);

test('works on a home that is read-only, with no more than a line about it', async () => {
  const tool = await start({ host: { Tmpfs: { [home]: 'ro' } } });
  await works(tool);
  const logs = await tool.logs();
  expect(logs).toContain(unwritable);
  expect(logs).not.toContain('Traceback');
}, 120_000);

test("works on a home that is somebody else's and was left by a crash: stale, broken and locked files", async () => {
  const volume = await lab.volume();
  await prepare(
    volume,
    `cd ${home} && mkdir -p .local/share/jupyter/runtime .jupyter/lab/workspaces .ipython/profile_default .ipynb_checkpoints
     echo '{"pid": 1, "port": 8888, "url": "http://127.0.0.1:8888/"}' >.local/share/jupyter/runtime/jpserver-1.json
     echo '{"shell_port": 1}' >.local/share/jupyter/runtime/kernel-1.json
     echo broken | tee .ipython/profile_default/history.sqlite .jupyter/jupyter_server_config.json >.jupyter/lab/workspaces/default-37a8.jupyterlab-workspace
     touch .ipynb_checkpoints/note-checkpoint.txt
     chown -hR 1234:1234 .`,
  );
  // Locked by another program, for as long as the tool runs.
  const lock =
    'import sqlite3, time; db = sqlite3.connect("/home/dw-user/.local/share/jupyter/nbsignatures.db"); db.execute("BEGIN EXCLUSIVE"); time.sleep(600)';
  const command = ['bash', '-c', 'python3 -c "$0" & sleep 1; exec /usr/local/bin/tool', lock];
  const locked = await start({ volumes: { [volume]: home }, command });
  await works(locked);
  await locked.stop();
  // And once more, with what that left, and with signatures that are none.
  await prepare(volume, `echo broken >${home}/.local/share/jupyter/nbsignatures.db`);
  await works(await start({ volumes: { [volume]: home } }));
}, 180_000);

test('hands on variables of any content, and needs none of them', async () => {
  const environment = {
    DATABASE_DSN__lines: "host=h\npassword='a\nb'",
    DATABASE_DSN__quotes: `a'b"c\`d\\e $HOME %s`,
    'DATABASE_DSN__not-a name': 'there',
    DATABASE_DSN__broken: '=====',
    PGPASSWORD: 'pâss wörd 🔑',
  };
  const show = `import json, os; print("SHOWN", json.dumps({name: value for name, value in os.environ.items() if name.startswith(("DATABASE", "PG"))}))`;
  const tool = await start({ environment: { ...environment, MIRROR_ROOT: 'ftp://nowhere' } });
  await tool.shell(`echo '${show}' >/tmp/show.py`);
  const said = await work(
    tool,
    show,
    'stty cols 2000; python3 /tmp/show.py; bash -lc "python3 /tmp/show.py"',
  );
  const shown = (text: string) =>
    [...text.matchAll(/SHOWN (\{.*\})/g)].map((match) => JSON.parse(match[1] ?? ''));
  expect(shown(said.cell)).toEqual([environment]);
  expect(shown(said.terminal)).toEqual([environment, environment]);
  expect(await tool.logs()).toMatch(/^start: MIRROR_ROOT is not an http or https URL.*$/m);
}, 120_000);
