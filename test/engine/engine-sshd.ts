/** An ssh server of the test's own on a free loopback port, with a key of its own. */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { delimiter, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

export interface TestSshd {
  /** A host alias of `configuration`. */
  readonly host: string;
  /** A folder for the front of PATH: its `ssh` reads the test's own configuration. */
  readonly bin: string;
  /** Logins since the start. */
  logins(): number;
  stop(): Promise<void>;
}

const daemon = '/usr/sbin/sshd';

/** `engine` is what docker on the far side talks to. */
export async function startSshd(engine: string): Promise<TestSshd> {
  const programs = ['ssh', 'ssh-keygen', 'docker'].filter((name) => !inPath(name));
  if (programs.length > 0 || !existsSync(daemon)) {
    throw new Error(
      `This test needs ssh on both sides and docker's client (not found: ${[...programs, ...(existsSync(daemon) ? [] : ['sshd'])].join(', ')}). ` +
        'Get them with `apt-get install openssh-server openssh-client docker-cli`.',
    );
  }
  const folder = mkdtempSync(join(tmpdir(), 'dwt-sshd-'));
  const file = (name: string): string => join(folder, name);
  for (const key of ['host', 'user'])
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', file(key)]);
  const port = await freePort();
  write(file('sshd_config'), [
    'ListenAddress 127.0.0.1',
    `Port ${port}`,
    `HostKey ${file('host')}`,
    `AuthorizedKeysFile ${file('user.pub')}`,
    `PidFile ${file('pid')}`,
    'StrictModes no',
    'UsePAM no',
    'PasswordAuthentication no',
    'LogLevel VERBOSE',
    'MaxSessions 3',
    `SetEnv DOCKER_HOST=${engine} PATH=${process.env['PATH']}`,
  ]);
  write(file('ssh_config'), [
    'Host far-engine',
    'HostName 127.0.0.1',
    `Port ${port}`,
    `User ${userInfo().username}`,
    `IdentityFile ${file('user')}`,
    'IdentitiesOnly yes',
    'StrictHostKeyChecking accept-new',
    `UserKnownHostsFile ${file('known_hosts')}`,
  ]);
  mkdirSync(file('bin'));
  write(file('bin/ssh'), ['#!/bin/sh', `exec ${inPath('ssh')} -F ${file('ssh_config')} "$@"`]);
  chmodSync(file('bin/ssh'), 0o755);
  // Where sshd drops its privileges; Debian makes it at boot.
  if (process.getuid?.() === 0) mkdirSync('/run/sshd', { recursive: true });
  const child = spawn(daemon, ['-D', '-e', '-f', file('sshd_config')], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let log = '';
  child.stderr.on('data', (chunk) => {
    log += chunk;
  });
  for (let tries = 0; !(await answers(port)); tries += 1) {
    if (child.exitCode !== null || tries > 100) throw new Error(`sshd did not start: ${log}`);
    await pause(50);
  }
  return {
    host: 'far-engine',
    bin: file('bin'),
    logins: () => log.split('Accepted publickey').length - 1,
    async stop() {
      child.kill();
      if (child.exitCode === null) await once(child, 'exit');
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

const write = (file: string, lines: readonly string[]): void => writeFileSync(file, `${lines.join('\n')}\n`);

function inPath(name: string): string | undefined {
  const folders = (process.env['PATH'] ?? '').split(delimiter);
  return folders.map((folder) => join(folder, name)).find((program) => existsSync(program));
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready));
  const { port } = server.address() as AddressInfo;
  await new Promise((closed) => server.close(closed));
  return port;
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port });
    socket.on('error', () => resolve(false));
    socket.on('connect', () => {
      socket.destroy();
      resolve(true);
    });
  });
}
