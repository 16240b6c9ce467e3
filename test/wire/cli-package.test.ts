/** What `npm pack` makes, installed into an empty prefix as a user would. */
import { execFile } from 'node:child_process';
import { access, mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { type CliResult, repository, runCli } from '../support/cli.ts';

jest.setTimeout(180_000);

const execute = promisify(execFile);
let home: string;
let installed: string;
let packed: string[];

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'dwt-package-'));
  const npm = (...words: string[]) => execute('npm', words, { cwd: repository, maxBuffer: 1 << 26 });
  const { stdout } = await npm('pack', '--json', '--pack-destination', home);
  // What the build prints comes first; older npm answers a list, newer an object by name.
  const answer: unknown = JSON.parse(stdout.slice(stdout.search(/^[[{]$/m)));
  const [pack] = Object.values(answer as Record<string, { filename: string; files: { path: string }[] }>);
  if (!pack) throw new Error(`npm pack told of no package: ${stdout}`);
  packed = pack.files.map(({ path }) => path);
  const prefix = join(home, 'prefix');
  await mkdir(prefix);
  await npm(
    'install',
    '--global',
    '--prefix',
    prefix,
    '--prefer-offline',
    // A registry that stalls is asked again: npm's own five minutes are more than this test has.
    '--fetch-timeout=15000',
    '--fetch-retries=6',
    '--fetch-retry-mintimeout=1000',
    '--fetch-retry-maxtimeout=3000',
    '--no-audit',
    '--no-fund',
    join(home, pack.filename),
  );
  installed = join(prefix, 'lib/node_modules/data-workspace-tools');
});
afterAll(() => rm(home, { recursive: true, force: true }));

/** The hierarchy as a clone has it: without the empty folders and ignored files that a working tree may have. */
async function cleanCheckout(): Promise<string> {
  const folder = join(home, 'checkout');
  await mkdir(folder);
  const copy = `git ls-files -z --cached --others --exclude-standard dockerfiles | tar --create --null --files-from - | tar --extract --directory "$0"`;
  await execute('sh', ['-c', copy, folder], { cwd: repository });
  return join(folder, 'dockerfiles');
}

const dwt = (...words: string[]): Promise<CliResult> =>
  runCli(words, { home, program: join(installed, 'bin/run.js'), environment: { DOCKER_HOST: '' } });

test('it holds the program, the whole hierarchy and nothing else', async () => {
  const { stdout } = await execute('git', ['ls-files', 'dockerfiles', 'schema'], { cwd: repository });
  const tracked = stdout.trim().split('\n');
  expect(packed).toEqual(
    expect.arrayContaining([...tracked, 'bin/run.js', '.oclif.manifest.json', 'LICENSE', 'README.md']),
  );
  const outside = packed.filter(
    (path) =>
      !/^(dist|dockerfiles|schema)\/|^(bin\/run\.js|\.oclif\.manifest\.json|package\.json|LICENSE|README\.md|CHANGELOG\.md)$/.test(
        path,
      ),
  );
  expect(outside).toEqual([]);
});

test('help, with every command', async () => {
  const { status, stdout } = await dwt('--help');
  expect(status).toBe(0);
  for (const command of [
    'autocomplete',
    'build',
    'doctor',
    'engine',
    'plan',
    'push',
    'smoke-test',
    'stages',
  ]) {
    expect(stdout).toContain(`\n  ${command} `);
  }
});

test('outside any project it works on the hierarchy that came with it, with the same keys as a checkout', async () => {
  const plan = ['plan', '--json', '--progress', 'quiet'];
  const checkout = await cleanCheckout();
  const [there, here] = await Promise.all([dwt(...plan), runCli([...plan, '--project', checkout], { home })]);
  const keys = ({ stdout, stderr }: CliResult) => {
    expect(stderr).toBe('');
    return JSON.parse(stdout).stages.map(({ name, key }: { name: string; key: string }) => [name, key]);
  };
  expect(keys(there).length).toBeGreaterThan(3);
  expect(keys(there)).toEqual(keys(here));
});

test('the shell completes commands and flags', async () => {
  const set = await dwt('autocomplete', 'script', 'bash');
  expect(set.status).toBe(0);
  await dwt('autocomplete', '--refresh-cache');
  const complete = `${set.stdout}
    complete_words() { COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMP_LINE="$*"; _dwt_autocomplete; printf '%s ' "\${COMPREPLY[@]}"; echo; }
    complete_words dwt sta
    complete_words dwt build --keep`;
  const { stdout } = await execute('bash', ['--norc', '-c', complete], {
    env: { PATH: process.env['PATH'] ?? '', HOME: home },
  });
  expect(stdout).toContain('stages');
  expect(stdout).toContain('--keep-going');
});

test('what a plugin refuses is wrong usage as well', async () => {
  const { status, stderr } = await dwt('autocomplete', 'fish');
  expect(stderr).toContain('Error USAGE: Expected fish to be one of');
  expect(status).toBe(2);
});

test('the log is written by the bundle as by the sources', async () => {
  const log = join(home, 'dwt.log');
  expect((await dwt('stages', '--log-file', log)).status).toBe(0);
  expect(JSON.parse((await readFile(log, 'utf8')).split('\n')[0] ?? '')).toMatchObject({
    msg: 'start',
    command: 'stages',
  });
});

test('what is in the bundle is not installed a second time', async () => {
  await expect(access(join(installed, 'node_modules/dockerode'))).rejects.toThrow('ENOENT');
});

test('a Node that is too old is told so in a sentence', async () => {
  const older = `data:text/javascript,${encodeURIComponent('Object.defineProperty(process.versions, "node", { value: "22.11.0" });')}`;
  const failure = await execute(process.execPath, [
    '--import',
    older,
    join(installed, 'bin/run.js'),
    'stages',
  ]).catch((error: unknown) => error);
  expect(failure).toMatchObject({
    code: 2,
    stderr: 'Error USAGE: dwt needs Node 22.12 or newer, and this is Node 22.11.0.\n',
  });
});
