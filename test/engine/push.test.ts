import { randomBytes } from 'node:crypto';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { connectEngine } from '../../src/engine/connect.ts';
import type { Engine } from '../../src/engine/engine.ts';
import { type CliResult, runCli, startCli } from '../support/cli.ts';
import { testEngine } from '../support/engine.ts';
import { type FaultProxy, startFaultProxy } from '../support/fault-proxy.ts';
import { startRegistry, type TestRegistry } from '../support/registry.ts';

const name = `dwt-push-${randomBytes(4).toString('hex')}`;
const credentials = { username: 'alice', password: `pw-${randomBytes(8).toString('hex')}` };
const basic = Buffer.from(`${credentials.username}:${credentials.password}`).toString('base64');

interface Entry {
  readonly stage: string;
  readonly reference: string;
  readonly digest: string | null;
  readonly action: string | null;
  readonly error?: { readonly code: string; readonly message: string; readonly hint: string };
}

let engine: Engine;
let open: TestRegistry;
let locked: TestRegistry;
let proxy: FaultProxy;
let home: string;
let project: string;

beforeAll(async () => {
  engine = await connectEngine({ engine: testEngine(), environment: {} });
  [open, locked] = await Promise.all([startRegistry(), startRegistry({ credentials })]);
  home = await mkdtemp(join(tmpdir(), 'dwt-push-home-'));
  project = await mkdtemp(join(tmpdir(), 'dwt-push-project-'));
  await writeFile(
    join(project, 'Dockerfile'),
    'FROM scratch AS base\nCOPY base /base\nFROM base AS a\nCOPY a /a\nFROM base AS b\nCOPY b /b\n',
  );
  await writeFile(
    join(project, 'dwt.yaml'),
    `version: 1\nname: ${name}\nenvironments:\n  dev: {registry: "\${REGISTRY}", repository: "tools-dev-{suffix}"}\nstages:\n  base: {kind: shared}\n  a: {kind: tool, publish: {suffix: tool-a, tag: master}}\n  b: {kind: tool, publish: {suffix: tool-b, tag: v1}}\n`,
  );
  for (const file of ['base', 'a', 'b']) await writeFile(join(project, file), randomBytes(50_000));
  await build();
}, 120_000);

afterAll(async () => {
  const images = await engine.imagesByLabel([`dwt.project=${name}`]);
  for (const image of images)
    for (const reference of [...image.references, image.id]) await engine.removeImage(reference);
  engine.close();
  await Promise.all([open.stop(), locked.stop()]);
  await Promise.all([home, project].map((folder) => rm(folder, { recursive: true, force: true })));
}, 60_000);

beforeEach(async () => {
  proxy = await startFaultProxy(open.host);
  await rm(join(home, '.docker'), { recursive: true, force: true });
});
afterEach(async () => {
  await proxy.stop();
  const images = await engine.imagesByLabel([`dwt.project=${name}`]);
  // Whatever happened, the engine has the names that the build gave, and no others.
  expect(
    images.flatMap(({ references }) => references).filter((reference) => !reference.startsWith(`${name}/`)),
  ).toEqual([]);
});

const options = (environment: Record<string, string> = {}) => ({
  cwd: project,
  home,
  environment: { DOCKER_HOST: testEngine(), ...environment },
});

async function build(): Promise<void> {
  const { status, stderr } = await runCli(['build', '--progress', 'quiet'], options());
  if (status !== 0) throw new Error(`The build failed: ${stderr}`);
}

async function push(
  words: readonly string[],
  environment?: Record<string, string>,
): Promise<CliResult & { images: Entry[] }> {
  const result = await runCli(['push', '--json', ...words], options(environment));
  return { ...result, images: (JSON.parse(result.stdout) as { images: Entry[] }).images };
}

async function configure(config: unknown): Promise<void> {
  await mkdir(join(home, '.docker'), { recursive: true });
  await writeFile(join(home, '.docker', 'config.json'), JSON.stringify(config));
}

const writes = () => proxy.requests.filter(({ method }) => method !== 'GET' && method !== 'HEAD');
const digestAt = async (reference: string): Promise<string | null> => {
  const [, host, path, tag] = /^([^/]+)\/(.+):([^:]+)$/.exec(reference) ?? [];
  const types =
    'application/vnd.docker.distribution.manifest.v2+json, application/vnd.oci.image.manifest.v1+json, application/vnd.oci.image.index.v1+json';
  const response = await fetch(`http://${host}/v2/${path}/manifests/${tag}`, { headers: { accept: types } });
  return response.headers.get('docker-content-digest');
};

describe('dwt push', () => {
  test('sends what is not there, and nothing twice', async () => {
    const dry = await push(['--registry', `${proxy.host}/team`, '--dry-run']);
    expect(dry.images.map(({ action, digest }) => [action, digest])).toEqual([
      ['push', null],
      ['push', null],
    ]);
    expect(writes()).toEqual([]);

    const first = await push(['--registry', `${proxy.host}/team`]);
    expect([
      first.status,
      first.images.map(({ stage, reference, action }) => [stage, reference, action]),
    ]).toEqual([
      0,
      [
        ['a', `${proxy.host}/team/tool-a:master`, 'pushed'],
        ['b', `${proxy.host}/team/tool-b:v1`, 'pushed'],
      ],
    ]);
    for (const { reference, digest } of first.images) expect(digest).toBe(await digestAt(reference));
    // Three layers and two configurations: what base has is sent for one of the two images alone.
    expect(
      writes().filter(({ method, path }) => method === 'PUT' && path.includes('/blobs/uploads/')).length,
    ).toBe(5);

    proxy.forget();
    const second = await push(['--registry', `${proxy.host}/team`]);
    expect(second.images.map(({ action }) => action)).toEqual(['present', 'present']);
    expect(second.images.map(({ digest }) => digest)).toEqual(first.images.map(({ digest }) => digest));
    expect(writes()).toEqual([]);
  }, 60_000);

  test('sends the image that has changed, and warns of one that should have', async () => {
    await push(['--env', 'dev'], { REGISTRY: open.host });
    await writeFile(join(project, 'a'), randomBytes(50_000));
    const stale = await push(['--env', 'dev'], { REGISTRY: open.host });
    expect(stale.images.map(({ action }) => action)).toEqual(['present', 'present']);
    expect(stale.stderr).toContain('built before its sources changed: a (a: a changed)');
    await build();
    const { images, stderr } = await push(['--env', 'dev'], { REGISTRY: open.host });
    expect(images.map(({ stage, reference, action }) => [stage, reference, action])).toEqual([
      ['a', `${open.host}/tools-dev-tool-a:master`, 'pushed'],
      ['b', `${open.host}/tools-dev-tool-b:v1`, 'present'],
    ]);
    expect(stderr).not.toContain('sources changed');
  }, 90_000);

  test('uses a password, which is shown nowhere', async () => {
    await configure({ auths: { [locked.host]: { auth: basic } } });
    const log = join(home, 'log');
    const words = [
      'push',
      '--registry',
      locked.host,
      '--log-file',
      log,
      '--log-level',
      'debug',
      '--progress',
      'plain',
    ];
    const { child, result } = startCli(words, options());
    let ended = false;
    child.once('close', () => {
      ended = true;
    });
    const seen: string[] = [];
    while (!ended) {
      seen.push(await commandLines());
      await sleep(5);
    }
    const { status, stdout, stderr } = await result;
    expect(status).toBe(0);
    expect(stdout).toContain(`${locked.host}/tool-a:master`);
    const written = [stdout, stderr, await readFile(log, 'utf8'), ...seen].join('\n');
    expect(written).not.toContain(credentials.password);
    expect(written).not.toContain(basic);
    expect(seen.join('\n')).toContain(locked.host);
  }, 60_000);

  test('asks a credential helper', async () => {
    const bin = join(home, 'bin');
    await mkdir(bin, { recursive: true });
    await writeFile(
      join(bin, 'docker-credential-demo'),
      `#!/bin/sh\necho '{"Username":"${credentials.username}","Secret":"${credentials.password}"}'\n`,
    );
    await chmod(join(bin, 'docker-credential-demo'), 0o755);
    await configure({ credHelpers: { [locked.host]: 'demo' } });
    const { status, images } = await push(['a', '--registry', `${locked.host}/helped`], {
      PATH: `${bin}${delimiter}${process.env['PATH']}`,
    });
    expect([status, images[0]?.action]).toEqual([0, 'pushed']);
  }, 60_000);

  test('says that a password is wrong', async () => {
    await configure({
      auths: { [locked.host]: { auth: Buffer.from('alice:wrong-one').toString('base64') } },
    });
    const { status, images, stderr } = await push(['a', '--registry', `${locked.host}/wrong`]);
    expect(status).toBe(1);
    expect(images[0]?.error).toMatchObject({
      code: 'PUSH_DENIED',
      hint: expect.stringContaining(`docker login ${locked.host}`),
    });
    expect(stderr).not.toContain('wrong-one');
  }, 60_000);

  test('says that a registry is down, with exit status 3', async () => {
    const { host } = proxy;
    await proxy.stop();
    const { status, images } = await push(['--registry', host]);
    expect(images.map(({ error }) => error?.code)).toEqual(['REGISTRY_UNREACHABLE', 'REGISTRY_UNREACHABLE']);
    expect(status).toBe(3);
    proxy = await startFaultProxy(open.host);
  }, 60_000);

  test('goes on with the others when one is refused', async () => {
    proxy.fault = ({ method, path }) =>
      method === 'POST' && path.includes('/some/tool-a/')
        ? { type: 'answer', status: 403, body: { errors: [{ code: 'DENIED', message: 'not yours' }] } }
        : null;
    const { status, images } = await push(['--registry', `${proxy.host}/some`]);
    expect(status).toBe(1);
    expect(images[0]?.error).toMatchObject({ code: 'PUSH_DENIED' });
    expect(images[1]?.action).toBe('pushed');
  }, 60_000);

  test('survives a cut connection', async () => {
    let cuts = 1;
    proxy.fault = ({ method }) => (method === 'POST' && cuts-- > 0 ? { type: 'cut' } : null);
    const { status, images } = await push(['a', '--registry', `${proxy.host}/cut`]);
    expect([status, images[0]?.action]).toEqual([0, 'pushed']);
  }, 90_000);

  test('ends at once on an interruption', async () => {
    proxy.fault = ({ method }) => (method === 'POST' ? { type: 'hang' } : null);
    const { child, result, said } = startCli(
      ['push', '--json', '--progress', 'plain', '--registry', `${proxy.host}/slow`],
      options(),
    );
    await said('pushing to');
    while (writes().length === 0) await sleep(20);
    const start = Date.now();
    child.kill('SIGINT');
    const { status, stdout } = await result;
    expect(status).toBe(130);
    expect(Date.now() - start).toBeLessThan(4000);
    expect((JSON.parse(stdout) as { images: Entry[] }).images.map(({ error }) => error?.code)).toEqual([
      'INTERRUPTED',
      'INTERRUPTED',
    ]);
  }, 60_000);

  test('refuses what cannot be published before anything is sent', async () => {
    const shared = await runCli(['push', 'base', '--registry', proxy.host, '--json'], options());
    expect(shared.status).toBe(2);
    expect(shared.stdout).toContain('Stage base is not published.');
    const scheme = await runCli(['push', '--registry', `http://${proxy.host}`, '--json'], options());
    expect([scheme.status, JSON.parse(scheme.stdout)]).toMatchObject([
      2,
      { error: { code: 'REFERENCE_INVALID' } },
    ]);
    expect(proxy.requests).toEqual([]);
  }, 60_000);
});

/** Every command line on this machine, as any user's ps would show it. */
async function commandLines(): Promise<string> {
  const processes = (await readdir('/proc')).filter((entry) => /^\d+$/.test(entry));
  const lines = await Promise.all(
    processes.map((pid) => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')),
  );
  return lines.join('\n');
}
