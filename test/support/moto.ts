/** AWS's API by moto's server, from PyPI, in a venv that is made once for this checkout. */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { repository } from './cli.ts';

const requirements = ['moto==5.2.5', 'flask==3.1.3', 'flask-cors==6.0.5'];
const venv = join(repository, 'node_modules/.cache/dwt-test', requirements[0] ?? '');

export interface Moto {
  /** Such as `http://127.0.0.1:40123`. */
  readonly url: string;
  stop(): Promise<void>;
}

export async function startMoto(): Promise<Moto> {
  if (!existsSync(venv)) await makeVenv();
  // Port 0: the server says which one it was given.
  const child = spawn(join(venv, 'bin/python'), ['-m', 'moto.server', '-H', '127.0.0.1', '-p', '0'], {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { PATH: process.env['PATH'], PYTHONUNBUFFERED: '1' },
  });
  return { url: await addressOf(child), stop: () => end(child) };
}

async function makeVenv(): Promise<void> {
  const draft = `${venv}.${process.pid}`;
  const run = promisify(execFile);
  await mkdir(dirname(venv), { recursive: true });
  try {
    await run('python3', ['-m', 'venv', draft]).catch((cause: unknown) => {
      throw new Error('These tests need a Python that makes venvs: apt-get install python3-venv.', { cause });
    });
    const options = ['--quiet', '--disable-pip-version-check', '--no-compile'];
    await run(join(draft, 'bin/python'), ['-m', 'pip', 'install', ...options, ...requirements]);
    // Whoever was quicker made the same.
    if (!existsSync(venv)) await rename(draft, venv);
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
}

function addressOf(child: ChildProcess): Promise<string> {
  let said = '';
  return new Promise((resolve, reject) => {
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      said = `${said}${text}`.slice(-4000);
      const url = /Running on (http:\/\/\S+)/.exec(said)?.[1];
      if (url) resolve(url);
    });
    child.once('error', reject);
    child.once('close', () => reject(new Error(`moto's server ended: ${said}`)));
  });
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGKILL');
  await ended;
}
