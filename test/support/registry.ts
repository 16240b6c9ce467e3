/** A real registry for tests: Debian's docker-registry on a free loopback port, its storage in a folder of its own. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { access, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { hash } from 'bcryptjs';

export interface TestRegistry {
  /** Such as `127.0.0.1:40123`. */
  readonly host: string;
  readonly pid: number;
  /** Where it keeps what was pushed. */
  readonly storage: string;
  stop(): Promise<void>;
}

interface Credentials {
  readonly username: string;
  readonly password: string;
}

export interface TestRegistryOptions {
  /** Asked for by the registry, which takes any of them; without, everybody may push. */
  readonly credentials?: Credentials | readonly Credentials[];
  /** A folder that is there already, such as a small tmpfs; it is left there. */
  readonly storage?: string;
}

export async function startRegistry(options: TestRegistryOptions = {}): Promise<TestRegistry> {
  const program = await findProgram();
  const folder = await mkdtemp(join(tmpdir(), 'dwt-registry-'));
  const storage = options.storage ?? join(folder, 'storage');
  const { credentials } = options;
  if (credentials) {
    const lines = [credentials]
      .flat()
      .map(async ({ username, password }) => `${username}:${await hash(password, 4)}\n`);
    await writeFile(join(folder, 'htpasswd'), await Promise.all(lines));
  }
  // The port can be taken between its choice and the start; then the registry ends and another port is tried.
  for (let attempt = 1; ; attempt++) {
    const host = `127.0.0.1:${await freePort()}`;
    await writeFile(
      join(folder, 'config.yml'),
      configuration(host, storage, credentials && join(folder, 'htpasswd')),
    );
    const child = spawn(program, ['serve', join(folder, 'config.yml')], {
      stdio: ['ignore', 'ignore', 'pipe'],
      env: {},
    });
    const stop = async () => {
      await end(child);
      await rm(folder, { recursive: true, force: true });
    };
    try {
      await answers(host, child);
      return { host, pid: child.pid ?? 0, storage, stop };
    } catch (error) {
      await end(child);
      if (attempt < 3) continue;
      await stop();
      throw error;
    }
  }
}

async function findProgram(): Promise<string> {
  for (const folder of (process.env['PATH'] ?? '').split(delimiter)) {
    const path = join(folder, 'docker-registry');
    if (
      await access(path).then(
        () => true,
        () => false,
      )
    )
      return path;
  }
  throw new Error(
    "These tests need a registry: install Debian's package with `apt-get install docker-registry`.",
  );
}

const configuration = (host: string, storage: string, htpasswd?: string): string =>
  JSON.stringify({
    version: '0.1',
    log: { level: 'error' },
    storage: { filesystem: { rootdirectory: storage }, delete: { enabled: true } },
    http: { addr: host, headers: { 'X-Content-Type-Options': ['nosniff'] } },
    ...(htpasswd && { auth: { htpasswd: { realm: 'test', path: htpasswd } } }),
  });

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  if (address === null || typeof address === 'string') throw new Error('No port was given.');
  return address.port;
}

async function answers(host: string, child: ChildProcess): Promise<void> {
  let said = '';
  child.stderr?.on('data', (chunk) => {
    said = `${said}${chunk}`.slice(-2000);
  });
  for (const deadline = Date.now() + 20_000; Date.now() < deadline; await sleep(20)) {
    if (child.exitCode !== null) break;
    const status = await fetch(`http://${host}/v2/`).then(
      (response) => response.status,
      () => 0,
    );
    if (status === 200 || status === 401) return;
  }
  throw new Error(`docker-registry did not answer at ${host}. It said: ${said}`);
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  const patience = setTimeout(() => child.kill('SIGKILL'), 5000);
  await ended;
  clearTimeout(patience);
}
