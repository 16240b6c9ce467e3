/** `dwt run` as a user has it: the real command line, small tools, a real engine. */
import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { connect, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, jest, test } from '@jest/globals';
import type { Engine } from '../../src/engine/engine.ts';
import type { RunResult } from '../../src/workflows/run.ts';
import type { CliResult, RunningCli } from '../support/cli.ts';
import { testEngine } from '../support/engine.ts';
import type { TestProject } from '../support/project.ts';
import { connected, ownName } from './engine-fixture.ts';
import { runProject } from './run-project.ts';

jest.setTimeout(120_000);

let engine: Engine;
let project: TestProject;
let folder: string;
const running = new Set<RunningCli>();
const volumes: string[] = [];

beforeAll(async () => {
  [engine, project, folder] = await Promise.all([
    connected(),
    runProject(),
    mkdtemp(join(tmpdir(), 'dwt-run-')),
  ]);
});

afterEach(async () => {
  for (const { child, result } of running) {
    child.kill('SIGINT');
    await result;
  }
  running.clear();
});

afterAll(async () => {
  for (const volume of volumes) await engine.removeVolume(volume);
  engine.close();
  await project.remove();
  await rm(folder, { recursive: true, force: true });
});

interface Run extends RunResult {
  readonly cli: RunningCli;
  get(path: string): Promise<string>;
  stop(): Promise<CliResult & { seconds: number }>;
  left(): Promise<string[]>;
}

/** Started with --json, and ready: its one line has come. */
async function run(
  words: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Promise<Run> {
  const cli = project.start(['run', ...words, '--json'], environment);
  running.add(cli);
  const line = await new Promise<string>((resolve, reject) => {
    let text = '';
    cli.child.stdout?.on('data', (piece: string) => {
      text += piece;
      if (!text.endsWith('\n')) return;
      if ('url' in JSON.parse(text)) resolve(text);
      else reject(new Error(text));
    });
    cli.result.then(({ stdout, stderr }) => reject(new Error(`It ended: ${stdout}${stderr}`)), reject);
  });
  const result = JSON.parse(line) as RunResult;
  return {
    ...result,
    cli,
    get: async (path) => (await fetch(new URL(path, result.url))).text(),
    async stop() {
      const begun = performance.now();
      cli.child.kill('SIGINT');
      const ended = await cli.result;
      running.delete(cli);
      return { ...ended, seconds: (performance.now() - begun) / 1000 };
    },
    left: () => leftOf(result),
  };
}

const leftOf = async ({ network }: RunResult): Promise<string[]> =>
  (await engine.resourcesByLabel([`dwt.run=${network.replace(/^dwt-/, '')}`])).map(
    ({ type, name }) => `${type} ${name}`,
  );

const failed = async (words: readonly string[], environment: Readonly<Record<string, string>> = {}) => {
  const ended = await project.dwt(['run', ...words, '--json'], environment);
  return { status: ended.status, stderr: ended.stderr, ...ended.json<{ error: Record<string, string> }>() };
};

/** Asked of docker's own client. */
const hasNoWayOut = (network: string): string =>
  execFileSync(
    'docker',
    ['--host', testEngine(), 'network', 'inspect', '--format', '{{.Internal}}', network],
    {
      encoding: 'utf8',
    },
  ).trim();

const hex = (text: string): string => Buffer.from(text).toString('hex');

describe('a tool that runs', () => {
  test('answers at its address, has no way out, and is gone after Ctrl-C', async () => {
    const tool = await run(['plain']);
    expect(tool).toMatchObject({
      stage: 'plain',
      url: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+\/$/),
    });
    expect(await tool.get('/')).toBe('hello\n');
    expect(hasNoWayOut(tool.network)).toBe('true');
    expect(await tool.get('/connect')).toMatch(/^no/);
    const [before, answer, after] = (await tool.get('/lookup')).split(' ');
    expect(answer).toBe('unknown');
    // An engine's own resolver would take 20 s to say so.
    expect(Number(after) - Number(before)).toBeLessThan(5);
    expect(await tool.get('/env?AWS_DEFAULT_REGION')).toBe(hex('eu-west-2'));
    expect((await engine.containerState(tool.container)).addresses).toEqual({
      [tool.network]: expect.any(String),
    });
    expect(await tool.left()).toEqual(
      expect.arrayContaining([`network ${tool.network}`, `volume ${tool.home}`]),
    );
    const { status, stdout, stderr, seconds } = await tool.stop();
    expect(status).toBe(130);
    expect(stdout.trim().split('\n')).toHaveLength(1);
    expect(Object.keys(JSON.parse(stdout))).toEqual(['stage', 'url', 'container', 'network', 'home']);
    expect(stderr).toMatch(/it ended \d+\.\d s after SIGTERM; its home is removed/);
    expect(stderr).not.toContain('Error');
    expect(seconds).toBeLessThan(8);
    expect(await tool.left()).toEqual([]);
    await expect(engine.containerState(tool.container)).rejects.toMatchObject({ status: 404 });
    await expect(fetch(tool.url)).rejects.toThrow();
  });

  test('has a way out where it is wanted', async () => {
    const tool = await run(['plain', '--internet', '--env', 'COMPLAINT=no home']);
    await tool.cli.said('warning: plain says: start: no home\n');
    expect(hasNoWayOut(tool.network)).toBe('false');
    expect(await tool.get('/')).toBe('hello\n');
    expect((await tool.stop()).status).toBe(130);
    expect(await tool.left()).toEqual([]);
  });

  test('says for people where it is and how it ends, in one line of stdout', async () => {
    const cli = project.start(['run', 'plain', '--progress', 'plain']);
    running.add(cli);
    await new Promise((told) => cli.child.stdout?.once('data', told));
    cli.child.kill('SIGINT');
    const { stdout, status } = await cli.result;
    expect(stdout).toMatch(
      /^plain runs at http:\/\/127\.0\.0\.1:\d+\/ {2}\(Ctrl-C stops it and removes its home\)\n$/,
    );
    expect(status).toBe(130);
  });

  test('several at once, each with a port and a network of its own, and what they say is told', async () => {
    const [one, other] = await Promise.all([run(['plain'], { WORD: 'x' }), run(['plain'])]);
    expect(one.url).not.toBe(other.url);
    expect(one.network).not.toBe(other.network);
    await one.get('/save?mine');
    expect(await one.get('/read?mine')).toBe('saved');
    expect(await other.get('/read?mine')).toBe('');
    await Promise.all([one.stop(), other.get('/say?PATH')]);
    await other.cli.said('plain |   said: /usr/');
    expect(await other.get('/')).toBe('hello\n');
    await other.stop();
    expect([...(await one.left()), ...(await other.left())]).toEqual([]);
  });

  test('is an image of nobody’s project as well', async () => {
    const tool = await run(['--image', `${project.name}/plain:latest`]);
    expect(tool.stage).toBeNull();
    expect(await tool.get('/')).toBe('hello\n');
    await tool.stop();
  });
});

describe('variables', () => {
  test('arrive byte for byte, and their values are told nowhere', async () => {
    const value = `line 1\nline "2" 'x' $HOME \\n  ünïcödé 🙂 = \t end of it `;
    const dsn = `host=db user=u password='p\\'w of mine'`;
    const file = join(folder, 'variables');
    await writeFile(file, `# a comment\n\n  FROM_FILE="quoted" # kept\r\nBOTH=of-the-file\nHERE_TOO\n`);
    const log = join(folder, 'log');
    const tool = await run(
      [
        'plain',
        '--env',
        'THROUGH',
        '-e',
        'GIVEN=a=b c-of-the-given',
        '--env=BOTH=of-the-flag',
        '--env',
        'DATABASE_DSN__mine',
        '--env-file',
        file,
        '--env',
        'S3_REGION=eu-north-9',
        '--env',
        'EMPTY=',
        '--log-file',
        log,
        '--log-level',
        'debug',
      ],
      { THROUGH: value, DATABASE_DSN__mine: dsn, HERE_TOO: 'from-here' },
    );
    const expected = {
      THROUGH: value,
      GIVEN: 'a=b c-of-the-given',
      BOTH: 'of-the-flag',
      DATABASE_DSN__mine: dsn,
      FROM_FILE: '"quoted" # kept',
      HERE_TOO: 'from-here',
      S3_REGION: 'eu-north-9',
      EMPTY: '',
    };
    for (const [name, bytes] of Object.entries(expected))
      expect([name, await tool.get(`/env?${name}`)]).toEqual([name, hex(bytes)]);
    for (const name of Object.keys(expected)) await tool.get(`/say?${name}`);
    await tool.cli.said('said:\n');
    const { stderr, stdout } = await tool.stop();
    const told = `${stdout}${stderr}${await readFile(log, 'utf8')}`;
    expect(told).toContain('said: [redacted]');
    for (const part of [
      'ünïcödé',
      'c-of-the-given',
      'of-the-flag',
      'of mine',
      'from-here',
      'eu-north-9',
      'quoted',
    ])
      expect(told).not.toContain(part);
  });

  test('that are none are refused without a word of them', async () => {
    const file = join(folder, 'broken');
    await writeFile(file, 'GOOD=1\na secret without a name\n');
    const refusals = await Promise.all([
      failed(['plain', '--env-file', file]),
      failed(['plain', '--env', 'NOT_SET_ANYWHERE']),
      failed(['plain', '--env-file', join(folder, 'missing')]),
    ]);
    for (const { status, error } of refusals) expect([status, error['code']]).toEqual([2, 'USAGE']);
    expect(refusals[0]?.error['message']).toContain(`${file}:2`);
    expect(JSON.stringify(refusals[0])).not.toContain('secret without');
    expect(refusals[1]?.error['hint']).toContain('NOT_SET_ANYWHERE');
  });
});

describe('a home', () => {
  test('in a volume is kept, with what was written at the very end', async () => {
    const volume = ownName();
    volumes.push(volume);
    const first = await run(['plain', '--home', volume]);
    expect(first.home).toBe(volume);
    await first.get('/save?notebook');
    const { stderr } = await first.stop();
    expect(stderr).toContain(`its home stays: ${volume}`);
    expect(await first.left()).toEqual([]);
    const second = await run(['plain', '--home', volume]);
    expect(await second.get('/read?notebook')).toBe('saved');
    await second.get('/save?stopped');
    expect(await second.get('/owner')).toBe('4356:4357');
    await second.stop();
  });

  test('in a folder is made, and kept', async () => {
    const home = join(folder, 'new/home');
    const first = await run(['plain', '--home', home]);
    expect(first.home).toBe(home);
    await first.get('/save?notebook');
    await first.stop();
    expect(await readFile(join(home, 'notebook'), 'utf8')).toBe('saved');
    const second = await run(['plain', '--home', home]);
    expect(await second.get('/read?notebook')).toBe('saved');
    await second.stop();
  });

  test('that is somebody else’s is not taken over', async () => {
    const home = join(folder, 'theirs');
    await mkdir(home);
    await writeFile(join(home, 'letter'), 'dear');
    const { status, error } = await failed(['plain', '--home', home]);
    expect(status).toBe(2);
    expect(error).toMatchObject({
      code: 'USAGE',
      message: expect.stringContaining(`${home} belongs to uid ${process.getuid?.()}`),
      hint: expect.stringContaining(`sudo chown -R 4356:4357 ${home}`),
    });
    expect((await stat(join(home, 'letter'))).uid).toBe(process.getuid?.());
    const file = await failed(['plain', '--home', join(home, 'letter')]);
    expect(file.error).toMatchObject({
      code: 'USAGE',
      message: expect.stringContaining('cannot be the home'),
    });
    const name = await failed(['plain', '--home', 'a b']);
    expect(name.error).toMatchObject({ code: 'USAGE', message: expect.stringContaining('neither') });
  });
});

describe('a port', () => {
  let holder: Server;
  let port: number;
  beforeAll(async () => {
    holder = createServer((socket) => socket.destroy());
    await new Promise<void>((ready) => holder.listen(0, '127.0.0.1', ready));
    port = (holder.address() as { port: number }).port;
  });
  afterAll(async () => {
    await new Promise((closed) => holder.close(closed));
  });

  test('that is taken is refused before anything is started', async () => {
    const { status, error, stderr } = await failed(['plain', '--port', `${port}`, '--progress', 'plain']);
    expect([status, error['code']]).toEqual([1, 'PORT_TAKEN']);
    expect(error['message']).toContain(`Port ${port} `);
    expect(stderr).not.toContain('make a network');
  });

  test('that is given is the one; without, 8888 or, where that is taken, another that is named', async () => {
    await new Promise((closed) => holder.close(closed));
    const fixed = await run(['plain', '--port', `${port}`]);
    expect(fixed.url).toBe(`http://127.0.0.1:${port}/`);
    // Whoever has it, this test or another run of this machine.
    const usual = createServer();
    await new Promise<void>((done) => usual.once('error', () => done()).listen(8888, '127.0.0.1', done));
    const other = await run(['plain']);
    expect(other.url).not.toContain(':8888/');
    await other.cli.said(`Port 8888 is taken; it is ${new URL(other.url).port} instead.`);
    await Promise.all([fixed.stop(), other.stop(), new Promise((closed) => usual.close(closed))]);
  });
});

describe('what does not run', () => {
  test('a tool that ends before it answers, with its last lines and without the values it was given', async () => {
    const { status, error } = await failed(['ends', '--env', 'SCHEMA_OF_MINE=not-to-be-told']);
    expect(status).toBe(1);
    expect(error).toMatchObject({ code: 'TOOL_ENDED', message: expect.stringMatching(/with exit code 3/) });
    expect(error['detail']?.split('\n').slice(-2)).toEqual(['no schema [redacted]', 'last words']);
  });

  test('one that never answers, and one that only the container itself can reach', async () => {
    const [silent, loopback] = await Promise.all([failed(['silent']), failed(['loopback'])]);
    expect([silent.status, loopback.status]).toEqual([1, 1]);
    expect(silent.error).toMatchObject({
      code: 'NOT_READY',
      message: 'silent is not ready: nothing listens on 8888 in 4.0 s.',
      detail: 'manner: silent',
    });
    expect(loopback.error).toMatchObject({
      code: 'NOT_READY',
      message: expect.stringContaining('8888 listens on 127.0.0.1 only'),
      hint: 'Listen on 0.0.0.0:8888.',
    });
  });

  test('a stage that is not built, not there, not to be opened, or several', async () => {
    const unbuilt = await failed(['unbuilt']);
    expect(unbuilt).toMatchObject({
      status: 1,
      error: { code: 'IMAGE_NOT_FOUND', hint: 'Build it first: dwt build unbuilt' },
    });
    const wrong = await Promise.all(
      [['plian'], ['sidecar'], ['job'], ['ground'], ['s*'], [], ['plain', '--image', 'x']].map((words) =>
        failed(words),
      ),
    );
    expect(wrong.map(({ status }) => status)).toEqual(wrong.map(() => 2));
    expect(wrong.map(({ error }) => error['message'])).toEqual([
      'No stage is called "plian".',
      'The stage "sidecar" is a sidecar; what runs is a tool or a visualisation.',
      'The stage "job" is a job; what runs is a tool or a visualisation.',
      'The stage "ground" is what others are built on; what runs is a tool or a visualisation.',
      '"s*" is 3 stages, and one tool is run at a time.',
      'dwt run takes either a stage or --image.',
      'dwt run takes either a stage or --image.',
    ]);
    expect(wrong[0]?.error['hint']).toBe('Did you mean plain?');
    expect(wrong[1]?.error['hint']).toMatch(/^Those of this project are plain, /);
  });
});

describe('the end', () => {
  test('by itself with a status other than 0 is a failure, told after the result', async () => {
    const tool = await run(['plain']);
    await tool.get('/end?7').catch(() => '');
    const { status, stdout, stderr } = await tool.cli.result;
    expect(status).toBe(1);
    expect(stdout.trim().split('\n')).toHaveLength(1);
    expect(stderr).toMatch(/Error TOOL_ENDED: plain ended by itself .* with exit code 7\./);
    expect(stderr).toMatch(/^ {4}asked to end$/m);
    expect(await tool.left()).toEqual([]);
  });

  test('by itself with status 0 is none', async () => {
    const tool = await run(['plain']);
    await tool.get('/end?0').catch(() => '');
    expect((await tool.cli.result).status).toBe(0);
    expect(await tool.left()).toEqual([]);
  });

  test('of one that does not listen to SIGTERM comes after 10 s', async () => {
    const tool = await run(['stubborn']);
    const { status, stderr, seconds } = await tool.stop();
    expect(status).toBe(130);
    expect(stderr).toContain('it did not end 10 s after SIGTERM and was killed');
    expect(seconds).toBeGreaterThan(10);
    expect(seconds).toBeLessThan(18);
    expect(await tool.left()).toEqual([]);
  });

  test('comes at once with a second Ctrl-C, and leaves nothing either', async () => {
    const tool = await run(['stubborn']);
    tool.cli.child.kill('SIGINT');
    await tool.cli.said('stop it');
    const { status, seconds } = await tool.stop();
    expect(status).toBe(130);
    expect(seconds).toBeLessThan(8);
    expect(await tool.left()).toEqual([]);
  });

  test('while it is waited for leaves nothing', async () => {
    const volume = ownName();
    volumes.push(volume);
    const cli = project.start(['run', 'silent', '--json', '--progress', 'plain', '--home', volume]);
    await cli.said('> wait for an answer');
    // Where the home stays it is asked to end, and has to listen for that.
    await pause(1000);
    const [found] = await engine.resourcesByLabel([`dwt.owner=${await ownerOf(cli.child.pid)}`]);
    cli.child.kill('SIGINT');
    const { status, stdout } = await cli.result;
    expect(status).toBe(130);
    expect(JSON.parse(stdout)).toMatchObject({ error: { code: 'INTERRUPTED' } });
    expect(found).toBeDefined();
    expect(await engine.resourcesByLabel([`dwt.run=${found?.labels['dwt.run']}`])).toEqual([]);
  });

  test('of a run that was killed is the next one’s work', async () => {
    const dead = await run(['plain']);
    dead.cli.child.kill('SIGKILL');
    await dead.cli.result;
    running.delete(dead.cli);
    expect(await dead.left()).not.toEqual([]);
    const next = await run(['plain']);
    expect(await dead.left()).toEqual([]);
    await next.stop();
  });

  test('of the connection to the engine ends the run with 3, and what stays is said', async () => {
    const { proxy, cut } = await engineProxy();
    const cli = project.start(['run', 'plain', '--engine', proxy, '--progress', 'plain']);
    running.add(cli);
    await cli.said('= done');
    await pause(300);
    cut();
    const { status, stderr } = await cli.result;
    expect(status).toBe(3);
    expect(stderr).toContain('Error ENGINE_LOST');
    const left = /dwt\.run=[0-9a-f]+/.exec(stderr)?.[0] ?? '';
    expect(await engine.resourcesByLabel([left])).not.toEqual([]);
    await (await run(['plain'])).stop();
    expect(await engine.resourcesByLabel([left])).toEqual([]);
  });
});

/** The label of what a process made. */
async function ownerOf(pid: number | undefined): Promise<string> {
  const found = await engine.resourcesByLabel(['dwt.owner']);
  return (
    found.find(({ labels }) => labels['dwt.owner']?.split('/')[2] === `${pid}`)?.labels['dwt.owner'] ??
    'nobody'
  );
}

/** A socket that leads to the test's engine until it is cut. */
async function engineProxy(): Promise<{ proxy: string; cut: () => void }> {
  const path = join(folder, 'engine.sock');
  const sockets = new Set<{ destroy(): void }>();
  const server = createServer((near) => {
    const far = connect({ path: engine.url.replace('unix://', '') });
    for (const [from, to] of [[near, far] as const, [far, near] as const]) {
      sockets.add(from);
      from.on('error', () => to.destroy());
      from.pipe(to);
    }
  });
  await new Promise<void>((ready) => server.listen(path, ready));
  const cut = () => {
    server.close();
    for (const socket of sockets) socket.destroy();
  };
  return { proxy: `unix://${path}`, cut };
}
