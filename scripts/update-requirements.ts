/**
 * Locks the Python requirements of the images: each `requirements.in` gives the `requirements.txt` beside it, newest versions
 * with the hashes of their files, and what changed is said. What stands in a `requirements-overrides.in` takes the place of what packages ask for
 * themselves. `--check` only says which are older than their source, without a network.
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { requirementsChanges } from './requirements-changes.ts';

const dockerfiles = resolve(import.meta.dirname, '../dockerfiles');
/** In the order in which they hold each other's versions. */
const locks = [
  'python/uv',
  'python/requirements',
  'python-jupyterlab/requirements',
  'python-editor/requirements',
  'pgadmin/requirements',
  's3sync/requirements',
  'rv4-cran-binary-mirror/requirements',
];

const overrides = (lock: string): string[] =>
  [`${lock}-overrides.in`].filter((file) => existsSync(join(dockerfiles, file)));

const header = (lock: string): string => {
  const sum = createHash('sha256');
  for (const file of [`${lock}.in`, ...overrides(lock)]) sum.update(readFileSync(join(dockerfiles, file)));
  return `# Made by \`npm run update:requirements\` from ${lock}.in, sha256 ${sum.digest('hex')}.\n`;
};

function check(): void {
  const stale = locks.filter(
    (lock) => !readFileSync(join(dockerfiles, `${lock}.txt`), 'utf8').startsWith(header(lock)),
  );
  for (const lock of stale) {
    process.stderr.write(
      `dockerfiles/${lock}.txt is not made from its .in file as it is now: run npm run update:requirements.\n`,
    );
  }
  if (stale.length > 0) process.exitCode = 1;
}

function update(): void {
  const work = mkdtempSync(join(tmpdir(), 'requirements-'));
  const run = (program: string, ...words: string[]) =>
    execFileSync(program, words, { cwd: dockerfiles, stdio: 'inherit' });
  try {
    run('python3', '-m', 'venv', work);
    run(
      join(work, 'bin/pip'),
      'install',
      '--quiet',
      '--disable-pip-version-check',
      '--require-hashes',
      '-r',
      'python/uv.txt',
    );
    for (const lock of locks) {
      const made = join(work, 'made.txt');
      const target = ['--python-version', '3.13', '--python-platform', 'x86_64-unknown-linux-gnu'];
      const output = ['--generate-hashes', '--no-header', '--quiet', '--output-file', made];
      const instead = overrides(lock).flatMap((file) => ['--override', file]);
      run(join(work, 'bin/uv'), 'pip', 'compile', ...target, ...instead, ...output, `${lock}.in`);
      const file = join(dockerfiles, `${lock}.txt`);
      const before = existsSync(file) ? readFileSync(file, 'utf8') : '';
      const after = header(lock) + readFileSync(made, 'utf8');
      writeFileSync(file, after);
      const changes = requirementsChanges(before, after);
      const said = changes.length > 0 ? changes : ['  nothing changed'];
      process.stdout.write(`dockerfiles/${lock}.txt\n${said.map((line) => `  ${line}\n`).join('')}`);
    }
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

if (process.argv.includes('--check')) check();
else update();
