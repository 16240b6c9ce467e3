/** The private engine, really started. It needs root; elsewhere it must say so. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { connectEngine } from '../../src/engine/connect.ts';
import type { DwtEvent } from '../../src/events.ts';
import { systemEnvironment } from '../../src/host/command.ts';
import { enginePaths } from '../../src/local-engine/paths.ts';
import { engineDown, engineStatus, engineUp } from '../../src/workflows/engine.ts';

const root = process.getuid?.() === 0;
const data = mkdtempSync(join(tmpdir(), 'dwt-data-'));
const runtime = mkdtempSync(join(tmpdir(), 'dwt-run-'));
const environment = { ...process.env, XDG_DATA_HOME: data, XDG_RUNTIME_DIR: runtime, DOCKER_HOST: undefined };
const paths = enginePaths(environment);
const { signal } = new AbortController();
const events: DwtEvent[] = [];
const options = { environment, emit: (event: DwtEvent) => events.push(event), signal };

const command = (program: string, ...parameters: string[]): string =>
  execFileSync(program, parameters, {
    encoding: 'utf8',
    env: systemEnvironment(process.env),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
const rules = (): string[] =>
  command('iptables-save')
    .split('\n')
    .filter((line) => line.startsWith('-A '));
// Rules for one container or one network come and go with what other tests do on their engine meanwhile.
const passing = /-d (?!203\.0\.113\.7)\d+\.\d+\.\d+\.\d+\/32|\bbr-[0-9a-f]{12}\b/;
const ofOthers = (): string[] =>
  rules().filter((rule) => !rule.includes(paths.bridge) && !passing.test(rule));
const device = (name: string): boolean => existsSync(`/sys/class/net/${name}`);

const withoutRoot = () => {
  test('it is refused with what to do', async () => {
    await expect(engineUp(options)).rejects.toMatchObject({
      code: 'SETUP_FAILED',
      hint: expect.stringContaining('sudo'),
    });
  });
};

const withRoot = () => {
  const madeDocker0 = root && !device('docker0');
  let otherRules: string[] = [];

  beforeAll(async () => {
    // Another engine's traces: the default bridge, and a rule in a chain that a starting dockerd empties.
    if (madeDocker0) {
      command('ip', 'link', 'add', 'docker0', 'type', 'bridge');
      command('ip', 'address', 'add', '172.28.211.1/24', 'dev', 'docker0');
    }
    await engineUp(options);
    command('iptables', '-w', '-I', 'DOCKER', '-d', '203.0.113.7/32', '-j', 'ACCEPT');
    await engineDown({ ...options, purge: false });
    otherRules = ofOthers();
  }, 180_000);

  afterAll(async () => {
    await engineDown({ ...options, purge: true });
    command('iptables', '-w', '-D', 'DOCKER', '-d', '203.0.113.7/32', '-j', 'ACCEPT');
    if (madeDocker0) command('ip', 'link', 'delete', 'docker0');
    for (const folder of [data, runtime]) rmSync(folder, { recursive: true, force: true });
  }, 60_000);

  test('it starts, answers, and starting it again does nothing', async () => {
    const up = await engineUp(options);
    expect(up).toMatchObject({ running: true, started: true, url: `unix://${paths.socket}` });
    const engine = await connectEngine({ environment: { ...environment, DOCKER_HOST: up.url } });
    expect((await engine.version()).version).toBe(up.version);
    engine.close();
    expect(await engineUp(options)).toMatchObject({ started: false, pid: up.pid });
    expect(await engineStatus(options)).toMatchObject({ running: true, pid: up.pid });
  }, 60_000);

  test("another engine's bridge, address and rules are as before", () => {
    expect(device('docker0')).toBe(true);
    if (madeDocker0) expect(command('ip', '-4', 'address', 'show', 'docker0')).toContain('172.28.211.1/24');
    expect(otherRules).toContainEqual(expect.stringContaining('203.0.113.7'));
    expect(ofOthers()).toEqual(expect.arrayContaining(otherRules));
  });

  test('its bridge carries packets no larger than those that leave this machine', () => {
    const [, outward = ''] = /^default .*dev (\S+)/m.exec(command('ip', 'route')) ?? [];
    const mtu = (name: string) => readFileSync(`/sys/class/net/${name}/mtu`, 'utf8');
    expect(mtu(paths.bridge)).toBe(mtu(outward));
  });

  test('it starts again after it was killed', async () => {
    const { pid } = await engineStatus(options);
    if (pid === null) throw new Error('The engine does not run.');
    process.kill(pid, 'SIGKILL');
    await sleep(300);
    expect(await engineStatus(options)).toMatchObject({ running: false, pid: null });
    expect(await engineUp(options)).toMatchObject({ running: true, started: true });
  }, 60_000);

  test('a pid file that names a stranger is not believed', async () => {
    await engineDown({ ...options, purge: false });
    writeFileSync(paths.pidFile, String(process.pid));
    expect(await engineDown({ ...options, purge: false })).toEqual({ stopped: false, purged: false });
  }, 60_000);

  test('a dockerd that ends at once is reported with the last lines of its log', async () => {
    writeFileSync(paths.settings, '{"no-such-setting": true}');
    await expect(engineUp(options)).rejects.toMatchObject({
      code: 'SETUP_FAILED',
      detail: expect.stringContaining('no-such-setting'),
    });
    rmSync(paths.settings);
    expect(device(paths.bridge)).toBe(false);
    expect(device('docker0')).toBe(true);
  }, 60_000);

  test('stopped with its data, nothing of it is left', async () => {
    const { url } = await engineUp(options);
    const engine = await connectEngine({ engine: url, environment });
    const network = await engine.createNetwork('dwt-test', { internal: false });
    engine.close();
    const ofNetwork = `br-${network.slice(0, 12)}`;
    expect(device(ofNetwork)).toBe(true);
    expect(await engineDown({ ...options, purge: true })).toEqual({ stopped: true, purged: true });
    expect(device(ofNetwork)).toBe(false);
    expect(rules().filter((rule) => rule.includes(ofNetwork))).toEqual([]);
    expect(device(paths.bridge)).toBe(false);
    expect(rules().filter((rule) => rule.includes(paths.bridge))).toEqual([]);
    expect(existsSync(paths.home)).toBe(false);
    expect(readdirSync(paths.runtime)).toEqual([]);
    expect(readFileSync('/proc/self/mountinfo', 'utf8')).not.toContain(data);
  }, 60_000);
};

// One of the two holds on any machine; nothing is left out in silence.
if (root) describe('with root', withRoot);
else describe('without root', withoutRoot);
