/** How the images are built: what their steps trust leaves no trace, and what they downloaded is not downloaded again. */
import { execFileSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { testBase } from '../support/engine.ts';
import type { TestProject } from '../support/project.ts';
import { buildTimeout, docker, Lab } from './images.ts';

let lab: Lab;
let project: TestProject;
let certificate: string;
let first: string;

/** The real stages with few packages, and one more step that fails where the certificate is not at hand. */
beforeAll(async () => {
  lab = await Lab.open();
  project = await lab.copy();
  const openssl =
    'req -x509 -newkey rsa:2048 -nodes -subj /CN=dwt-marker -days 9 -keyout /dev/null -outform PEM';
  certificate = execFileSync('openssl', openssl.split(' '), { encoding: 'utf8', stdio: 'pipe' });
  await project.write('marker.pem', certificate);
  await appendStage(
    `RUN --mount=type=secret,id=build-ca,target=/etc/ssl/certs/ca-certificates.crt grep -q ${lines()[3]} /etc/ssl/certs/ca-certificates.crt`,
  );
  await requireOnly('et-xmlfile', 'packaging', 'pip', 'six');
  first = await built('--build-ca', join(project.folder, 'marker.pem'));
}, buildTimeout);
afterAll(() => lab.close(), 60_000);

const lines = (): string[] => certificate.trim().split('\n').slice(1, -1);

async function appendStage(step: string): Promise<void> {
  const dockerfile = await readFile(join(project.folder, 'Dockerfile'), 'utf8');
  await project.write('Dockerfile', `${dockerfile}\n\nFROM python AS proof\n${step}\n`);
  const yaml = await readFile(join(project.folder, 'dwt.yaml'), 'utf8');
  await project.write('dwt.yaml', `${yaml}\n  proof: {kind: job}\n`);
}

/** Leaves only these packages of the lock. */
async function requireOnly(...names: string[]): Promise<void> {
  const path = 'python/requirements.txt';
  const lock = await readFile(join(import.meta.dirname, '../../dockerfiles', path), 'utf8');
  const entries = lock
    .split(/^(?=[a-z0-9])/m)
    .filter((entry) => names.includes(/^[\w.-]+/.exec(entry)?.[0] ?? ''));
  expect(entries).toHaveLength(names.length);
  // Unlike those of any other run, so that the engine has no step of it from before.
  await project.write(path, `# ${project.name}\n${entries.join('')}`);
}

async function built(...words: string[]): Promise<string> {
  const run = await project.dwt([
    'build',
    'proof',
    '--build-arg',
    `BASE_IMAGE=${testBase()}`,
    '--progress',
    'plain',
    ...words,
  ]);
  if (run.status !== 0) throw new Error(run.stderr.slice(-4000));
  return run.stderr;
}

/** Which of these byte strings an image holds, in its layers (which an export has as plain tars) or in its settings. */
async function held(image: string, needles: Readonly<Record<string, Buffer>>): Promise<string[]> {
  const longest = Math.max(...Object.values(needles).map((needle) => needle.length));
  const found = new Set<string>();
  let end = Buffer.alloc(0);
  for await (const chunk of await docker().getImage(image).get()) {
    const bytes = Buffer.concat([end, chunk as Buffer]);
    for (const [name, needle] of Object.entries(needles)) if (bytes.includes(needle)) found.add(name);
    end = bytes.subarray(-longest);
  }
  return [...found].sort();
}

test('the certificates that steps trust are in no layer, label, history or key', async () => {
  const der = Buffer.from(lines().join(''), 'base64');
  const [line, name] = [lines().at(-2), 'dwt-marker'];
  expect(
    await held(`${project.name}/proof`, {
      'a line of it': Buffer.from(line ?? ''),
      'its key': der.subarray(-200, -100),
      'its name': Buffer.from(name),
      // What is there is found: in a layer, and in the settings.
      'a file': Buffer.from('# build-python REQUIREMENTS [VENV]: for RUN steps.'),
      'a label': Buffer.from('dwt.inputs'),
    }),
  ).toEqual(['a file', 'a label']);
  const plan = await project.dwt(['build', 'proof', '--build-arg', `BASE_IMAGE=${testBase()}`, '--json']);
  expect(plan.stdout).toContain('"reused"');
  expect(plan.stdout).not.toContain('"built"');
});

test(
  'an edit of the requirements downloads nothing that was downloaded before',
  async () => {
    await requireOnly('packaging', 'pip', 'six');
    const second = await built('--build-ca', join(project.folder, 'marker.pem'));
    expect(first).toContain('+ et-xmlfile==');
    expect(second).toContain('+ six==');
    expect(second).not.toContain('et-xmlfile==');
    // What the installer says of packages that it has to fetch.
    expect(second).not.toMatch(/Prepared \d|Downloading/);
  },
  buildTimeout,
);
