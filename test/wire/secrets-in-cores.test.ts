/** What is left of a program that crashed while it held a password. */
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { startCli } from '../support/cli.ts';
import { startFaultProxy } from '../support/fault-proxy.ts';
import { startRegistry } from '../support/registry.ts';

test('a core file has no memory in it, and so no password', async () => {
  // Longer than a register, and those are in every core file; as long as bcrypt takes.
  const credentials = { username: 'alice', password: randomBytes(36).toString('hex') };
  const basic = Buffer.from(`${credentials.username}:${credentials.password}`).toString('base64');
  const registry = await startRegistry({ credentials });
  const proxy = await startFaultProxy(registry.host);
  const home = await mkdtemp(join(tmpdir(), 'dwt-core-'));
  try {
    await writeFile(join(home, 'Dockerfile'), 'FROM scratch AS a\nCOPY Dockerfile /\n');
    await writeFile(
      join(home, 'dwt.yaml'),
      `version: 1\nname: demo\nenvironments:\n  dev: {registry: "${proxy.host}", repository: "{suffix}"}\n`,
    );
    await mkdir(join(home, '.docker'));
    await writeFile(
      join(home, '.docker/config.json'),
      JSON.stringify({ auths: { [proxy.host]: { auth: basic } } }),
    );
    const sent = new Promise<void>((resolve) => {
      proxy.fault = ({ authorization }) => {
        if (authorization === undefined) return null;
        resolve();
        return { type: 'hang' };
      };
    });
    const { child } = startCli(['doctor', '--env', 'dev', '--progress', 'plain'], {
      home,
      environment: { MY_TOKEN: credentials.password },
    });
    await sent;
    execFileSync('prlimit', ['--pid', String(child.pid), '--core=unlimited:unlimited']);
    expect((await readFile(`/proc/${child.pid}/coredump_filter`, 'utf8')).trim()).toBe('00000000');
    child.kill('SIGABRT');
    expect(await once(child, 'close')).toEqual([null, 'SIGABRT']);
    // Where this machine's kernel hands cores to a program, there is no file to look into.
    const pattern = (await readFile('/proc/sys/kernel/core_pattern', 'utf8')).trim();
    const cores = (await readdir(home)).filter((file) => file.startsWith('core'));
    expect(cores.length).toBe(/^core(\.%p)?$/.test(pattern) ? 1 : cores.length);
    for (const core of cores) {
      const memory = await readFile(join(home, core));
      expect(memory.includes('ELF')).toBe(true);
      for (const secret of [credentials.password, basic]) expect(memory.includes(secret)).toBe(false);
    }
  } finally {
    await proxy.stop();
    await registry.stop();
    await rm(home, { recursive: true, force: true });
  }
});
