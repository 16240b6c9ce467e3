/** The visualisation base as it is, and as users extend it: the example and a server of another make. */
import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { buildTimeout, type Container, Lab } from './images.ts';

const example = resolve(import.meta.dirname, '../../examples/streamlit');
const published = 'data-workspace-tools/python-visualisation';

let lab: Lab;
let base: string;
let network: string;

beforeAll(async () => {
  lab = await Lab.open();
  base = (await lab.build('python-visualisation'))('python-visualisation');
  network = await lab.isolated();
}, buildTimeout);
afterAll(() => lab.close(), 60_000);

const start = (image: string): Promise<Container> => lab.start({ image, network });

/** What Streamlit's page asks for before it shows anything, and who serves it. */
async function servesStreamlit(container: Container): Promise<void> {
  expect(await container.get('http://127.0.0.1:8888/')).toMatchObject({
    status: 200,
    body: expect.stringContaining('Streamlit'),
  });
  expect(await container.get('http://127.0.0.1:8888/_stcore/health')).toEqual({ status: 200, body: 'ok' });
  expect(
    await container.shell(
      'awk \'$4 == "0A" && $2 ~ /:22B8$/ {print $8}\' /proc/net/tcp /proc/net/tcp6 | sort -u',
    ),
  ).toBe('4356\n');
  const settings = await container.shell(
    'cd /app && python -m streamlit config show | grep -E "^(gatherUsageStats|port|headless)"',
    'dw-user',
  );
  expect(settings.split('\n').sort()).toEqual([
    '',
    'gatherUsageStats = false',
    'headless = true',
    'port = 8888',
  ]);
}

test('serves a page that says what to do, before anything is put into it', async () => {
  const container = await start(base);
  await servesStreamlit(container);
  expect((await container.stop()).seconds).toBeLessThan(10);
});

test('serves the example, whose script runs', async () => {
  const [dockerfile, app] = await Promise.all([
    readFile(join(example, 'Dockerfile'), 'utf8'),
    readFile(join(example, 'app.py'), 'utf8'),
  ]);
  expect(dockerfile).toContain(`FROM ${published} `);
  const image = await lab.extend(
    { Dockerfile: dockerfile.replace(published, base), 'app.py': app },
    'streamlit-example',
  );
  const container = await start(image);
  await servesStreamlit(container);
  const script = [
    'from streamlit.testing.v1 import AppTest',
    'run = AppTest.from_file("/app/app.py", default_timeout=60).run()',
    'assert not run.exception, run.exception',
    'print(run.title[0].value, len(run.get("vega_lite_chart") or run.get("arrow_vega_lite_chart")))',
  ].join('\n');
  expect(await container.shell(`python -c '${script}' 2>/dev/null`, 'dw-user')).toBe('Visitors by month 1\n');
  expect((await container.stop()).seconds).toBeLessThan(10);
});

test('serves what is not Streamlit just as well', async () => {
  const image = await lab.extend(
    {
      Dockerfile: `FROM ${base} AS flask\nCOPY app.py ./\nCMD ["gunicorn", "--bind", "[::]:8888", "app:app"]\n`,
      'app.py':
        'import os\nfrom flask import Flask\napp = Flask(__name__)\n@app.get("/")\ndef home():\n    return f"{os.getuid()} {os.getcwd()}"\n',
    },
    'flask',
  );
  const container = await start(image);
  expect(await container.get('http://127.0.0.1:8888/')).toEqual({ status: 200, body: '4356 /app' });
  expect((await container.stop()).seconds).toBeLessThan(10);
});
