import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { type CliResult, repository, runCli, startCli } from '../support/cli.ts';

jest.setTimeout(30_000);

let home: string;
beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'dwt-cli-'));
  await mkdir(join(home, 'project'));
  await writeFile(
    join(home, 'project', 'Dockerfile'),
    'FROM scratch AS base\nFROM base AS tool\nCOPY Dockerfile /\n',
  );
});
afterAll(() => rm(home, { recursive: true }));

const dwt = (...words: string[]): Promise<CliResult> => runCli(words, { home });
const nowhere = 'unix:///nowhere/docker.sock';

describe('usage', () => {
  const cases: [string, string[], string][] = [
    ['a command that is nearly right', ['biuld'], 'Did you mean dwt build?'],
    ['a command that is like no other', ['frobnicate'], 'Run dwt --help'],
    ['a flag before the command', ['--jobs', '2', 'build'], 'A command comes first, and --jobs was given'],
    ['a flag that is nearly right', ['build', '--keepgoing'], 'Did you mean --keep-going?'],
    ['help about what is no command', ['help', 'buidl'], 'Did you mean dwt build?'],
    ['half a command', ['engine', 'stat'], 'Did you mean dwt engine status?'],
    ['a flag that does not exist', ['build', '--nope'], 'Nonexistent flag: --nope'],
    ['a value that is not allowed', ['build', '--progress', 'loud'], 'Expected --progress=loud to be one of'],
    ['a number that is none', ['build', '--jobs', 'many'], 'USAGE: --jobs: Expected an integer'],
    ['a platform that is none', ['plan', '--platform', 'nonsense'], '--platform nonsense is no platform'],
    [
      'a report that cannot be written, before anything is judged',
      ['smoke-test', '--image', 'debian', '--engine', nowhere, '--junit', '/proc/nope/junit.xml'],
      'The JUnit report /proc/nope/junit.xml cannot be written',
    ],
    ['no jobs at all', ['build', '--jobs', '0'], 'greater than or equal to 1'],
    ['a duration that is none', ['build', '--cache-ttl', 'soon'], '--cache-ttl soon is not a duration'],
    ['a build argument without a value', ['build', '--build-arg', 'MISSING'], 'no variable MISSING is set'],
    ['a push to nowhere', ['push'], '--env, --registry'],
    [
      'a push to two places',
      ['push', '--env', 'dev', '--registry', 'localhost:5000'],
      'cannot also be provided',
    ],
    ['an argument too many', ['stages', 'extra'], 'takes no arguments, and extra was given'],
    ['a log that cannot be written', ['stages', '--log-file', '/proc/nope/dwt.log'], 'cannot be written'],
  ];
  test.each(cases)('%s: 2, with what to do about it', async (_, words, said) => {
    const { status, stdout, stderr } = await dwt(...words);
    expect(stderr).toContain(said);
    expect(stderr).toMatch(/Error USAGE: .*\.\n(.*\n)*? {2}Hint: /);
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
  });

  test('with --json the error is the result', async () => {
    const { status, stdout } = await dwt('build', '--json', '--nope');
    expect(JSON.parse(stdout)).toEqual({
      error: {
        code: 'USAGE',
        message: 'Nonexistent flag: --nope.',
        hint: 'Run dwt build --help for what it takes.',
      },
    });
    expect(status).toBe(2);
  });

  test('an image whose name is not legal', async () => {
    const { status, stdout } = await dwt('smoke-test', '--image', 'Not Legal', '--json');
    expect(JSON.parse(stdout)).toMatchObject({ error: { code: 'REFERENCE_INVALID' } });
    expect(status).toBe(2);
  });

  test('a stage that does not exist: the nearest one is named', async () => {
    const { status, stderr } = await dwt('plan', 'tol', '--project', 'project');
    expect(stderr).toContain('Did you mean tool?');
    expect(status).toBe(2);
  });
});

describe('help', () => {
  const commands = [
    'base',
    'build',
    'doctor',
    'engine down',
    'engine status',
    'engine up',
    'plan',
    'push',
    'smoke-test',
    'stages',
  ];

  test('names every command', async () => {
    const { status, stdout } = await dwt('--help');
    expect(status).toBe(0);
    for (const command of commands) expect(stdout).toContain(`\n  ${command.split(' ')[0]} `);
  });

  test.each(commands)('of %s has an example', async (command) => {
    const { status, stdout } = await dwt(...command.split(' '), '--help');
    expect(status).toBe(0);
    expect(stdout).toContain(`$ dwt ${command}`);
  });

  test('the version is told in one line', async () => {
    const { version } = JSON.parse(await readFile(join(repository, 'package.json'), 'utf8'));
    const { stdout } = await dwt('--version');
    expect(stdout).toMatch(new RegExp(`^data-workspace-tools/${version} \\S+ node-\\S+\n$`));
  });
});

describe('streams', () => {
  test('stages of a Dockerfile without dwt.yaml, with no engine within reach', async () => {
    const { status, stdout } = await runCli(['stages', '--json'], {
      home,
      cwd: join(home, 'project'),
      environment: { DOCKER_HOST: '' },
    });
    const { stages } = JSON.parse(stdout);
    expect(stages).toMatchObject([
      { name: 'base', kind: 'shared', parent: null, children: ['tool'], publish: null },
      {
        name: 'tool',
        kind: 'tool',
        parent: 'base',
        children: [],
        publish: { suffix: 'tool', tag: 'latest' },
      },
    ]);
    expect(status).toBe(0);
  });

  test('an engine that was named and does not answer: 3, and the JSON says so', async () => {
    const { status, stdout } = await dwt('build', '--project', 'project', '--engine', nowhere, '--json');
    expect(JSON.parse(stdout).error).toMatchObject({ code: 'ENGINE_UNREACHABLE', hint: expect.any(String) });
    expect(status).toBe(3);
  });

  test('a live display that is asked for in a pipe has 80 columns', async () => {
    const words = ['doctor', '--project', 'project', '--engine', nowhere, '--progress', 'tty', '--json'];
    const { status, stdout, stderr } = await dwt(...words);
    expect(JSON.parse(stdout)).toHaveProperty('checks');
    expect(stderr).toContain('1 of 1 done');
    expect(status).toBe(3);
  });

  test('a reader that closes the pipe is no failure', async () => {
    const { child, result } = startCli(['plan', '--help'], { home });
    child.stdout?.destroy();
    const { status, stderr } = await result;
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  });

  test('a disk that is full: the result that is lost is an error, a log that is lost a warning', async () => {
    const toFullDisk = `"$0" "$1" stages --project project > /dev/full`;
    const lost = await new Promise<{ status: unknown; stderr: string }>((resolve) => {
      execFile(
        'sh',
        ['-c', toFullDisk, process.execPath, join(repository, 'bin/dev.js')],
        { cwd: home, env: { HOME: home } },
        (error, _, stderr) => resolve({ status: error?.code, stderr }),
      );
    });
    expect(lost.stderr).toContain('Error DISK_FULL: The result cannot be written to stdout');
    expect(lost.status).toBe(1);
    const logged = await dwt('stages', '--project', 'project', '--log-file', '/dev/full');
    expect(logged.stderr).toContain('Warning: The log file /dev/full is not whole');
    expect(logged.status).toBe(0);
  });

  test('no colour where nobody looks, and none with NO_COLOR though it is forced', async () => {
    const plain = await dwt('nope');
    const forced = await runCli(['nope'], { home, environment: { FORCE_COLOR: '1' } });
    const never = await runCli(['nope'], { home, environment: { FORCE_COLOR: '1', NO_COLOR: '1' } });
    expect(plain.stderr).not.toContain('\u001b');
    expect(forced.stderr).toContain('\u001b[31m');
    expect(never.stderr).not.toContain('\u001b');
  });

  test('the log has the run and its failure, and no secret of the command line', async () => {
    const log = join(home, 'dwt.log');
    const value = 'correct-horse-battery';
    await dwt(
      'build',
      '--project',
      'project',
      '--engine',
      nowhere,
      '--build-arg',
      `API_TOKEN=${value}`,
      '--log-file',
      log,
      '--log-level',
      'debug',
    );
    const text = await readFile(log, 'utf8');
    const entries = text
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(entries.map(({ msg }) => msg)).toEqual(expect.arrayContaining(['start', 'failed']));
    expect(text).not.toContain(value);
  });
});

describe('interruption', () => {
  let server: Server;
  const sockets = new Set<Socket>();
  let engine: string;
  beforeAll(async () => {
    // An engine that takes connections and never answers.
    server = createServer((socket) => sockets.add(socket));
    await new Promise<void>((resolve) => server.listen(join(home, 'silent.sock'), resolve));
    engine = `unix://${join(home, 'silent.sock')}`;
  });
  afterAll(async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  });
  const children: ReturnType<typeof startCli>[] = [];
  afterEach(() => {
    for (const { child } of children.splice(0)) child.kill('SIGKILL');
  });

  const start = async () => {
    const running = startCli(
      ['build', '--project', 'project', '--engine', engine, '--progress', 'plain', '--json'],
      { home },
    );
    children.push(running);
    await new Promise<void>((resolve) => server.once('connection', () => resolve()));
    return running;
  };

  test.each(['SIGINT', 'SIGTERM'] as const)(
    '%s ends the work in order, with 130 and JSON',
    async (signal) => {
      const { child, result } = await start();
      const sent = performance.now();
      child.kill(signal);
      const { status, stdout, stderr } = await result;
      expect(performance.now() - sent).toBeLessThan(2000);
      expect(stderr).toContain('Press Ctrl-C again');
      expect(JSON.parse(stdout).error.code).toBe('INTERRUPTED');
      expect(status).toBe(130);
    },
  );

  test('the second Ctrl-C ends at once, though the work does not end', async () => {
    const program = join(home, 'stubborn.ts');
    await writeFile(
      program,
      `import { listenForInterruption } from ${JSON.stringify(join(repository, 'src/cli/interruption.ts'))};
      listenForInterruption((text) => process.stderr.write(text));
      setInterval(() => {}, 1000);
      process.stderr.write('ready');`,
    );
    const { child, result, said } = startCli([], { home, program });
    await said('ready');
    child.kill('SIGINT');
    await said('Press Ctrl-C again');
    child.kill('SIGINT');
    expect((await result).status).toBe(130);
  });
});
