/** The engine's own bridge, and the safe-keeping of another engine's. */
import { existsSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { DwtError } from '../errors.ts';
import { type ProcessEnvironment, run, runChecked } from '../host/command.ts';
import { defaultDevice, freeBridgeAddress, isLoopback, parseNameservers, parseRoutes } from './network.ts';

const read = (file: string): string => (existsSync(file) ? readFileSync(file, 'utf8') : '');
const hasDevice = (name: string): boolean => existsSync(`/sys/class/net/${name}`);

/** The largest packet that leaves this machine whole, in bytes; null where it has no way out. */
export function hostMtu(): number | null {
  const device = defaultDevice(parseRoutes(read('/proc/net/route')));
  const mtu = device === null ? Number.NaN : Number(read(`/sys/class/net/${device}/mtu`));
  return Number.isInteger(mtu) && mtu > 0 ? mtu : null;
}

/** Makes the bridge where it is missing, on a subnet that nothing on this machine uses. */
export async function ensureBridge(name: string, environment: ProcessEnvironment): Promise<void> {
  if (!hasDevice(name)) {
    const nameservers = parseNameservers(read('/etc/resolv.conf'));
    const address = freeBridgeAddress(parseRoutes(read('/proc/net/route')), nameservers);
    if (address === null) {
      throw new DwtError(
        'SETUP_FAILED',
        'No private IPv4 network is free for the engine: routes of this machine cover all that dwt tries.',
        {
          hint: 'Look at `ip route` for a route that covers 172.29.0.0/16, 172.30.0.0/16, 10.213.0.0/16 and 192.168.0.0/16.',
        },
      );
    }
    await runChecked('ip', ['link', 'add', name, 'type', 'bridge'], { environment });
    await runChecked('ip', ['address', 'add', address, 'dev', name], { environment });
  }
  const mtu = hostMtu();
  if (mtu !== null) await run('ip', ['link', 'set', name, 'mtu', String(mtu)], { environment });
  await runChecked('ip', ['link', 'set', name, 'up'], { environment });
}

/** Removes the bridge and the packet-filter rules that name it. */
export async function removeBridge(name: string, environment: ProcessEnvironment): Promise<void> {
  if (hasDevice(name)) await run('ip', ['link', 'delete', name], { environment });
  for (const table of ['filter', 'nat', 'raw']) await removeRules(table, name, environment);
}

/** All or none are deleted at once: where another program took one of them meanwhile, the rest are looked for again. */
async function removeRules(table: string, device: string, environment: ProcessEnvironment): Promise<void> {
  for (let attempt = 0; attempt < 5; attempt++) {
    const saved = await run('iptables-save', ['-t', table], { environment });
    const rules = saved.stdout
      .split('\n')
      .filter((line) => line.startsWith('-A ') && line.split(' ').includes(device));
    if (rules.length === 0) return;
    const deletions = rules.map((rule) => rule.trim().replace('-A ', '-D ')).join('\n');
    const input = `*${table}\n${deletions}\nCOMMIT\n`;
    const removed = await run('iptables-restore', ['--noflush', '--wait', '5'], { environment, input });
    if (removed.exitCode !== 0) await sleep(100);
  }
}

/** Name under which another engine's bridge waits while ours starts; `dwt engine up` finds it after a run that was killed. */
const keptName = 'dwt-keeps-dock0';
const defaultBridge = 'docker0';

async function rename(from: string, to: string, environment: ProcessEnvironment): Promise<void> {
  if (!hasDevice(from) || hasDevice(to)) return;
  const live = await run('ip', ['link', 'set', from, 'name', to], { environment });
  if (live.exitCode === 0) return;
  // Kernels before 6.2 rename a device only while it is down.
  await runChecked('ip', ['link', 'set', from, 'down'], { environment });
  await runChecked('ip', ['link', 'set', from, 'name', to], { environment });
  await runChecked('ip', ['link', 'set', to, 'up'], { environment });
}

/** A dockerd that is given a bridge deletes `docker0`, another engine's: while `work` runs it has another name. */
export async function keepingDocker0<T>(environment: ProcessEnvironment, work: () => Promise<T>): Promise<T> {
  await rename(defaultBridge, keptName, environment);
  try {
    return await work();
  } finally {
    await rename(keptName, defaultBridge, environment);
  }
}

/** Files in which resolver services write the servers that they forward to. */
const upstreamFiles = [
  '/run/systemd/resolve/resolv.conf',
  '/run/NetworkManager/no-stub-resolv.conf',
  '/run/dnsmasq/resolv.conf',
];

/**
 * The name servers that containers are to be told: none where the engine finds them by itself; null where this
 * machine's only resolver listens on loopback, where no container reaches it.
 */
export function containerNameservers(): readonly string[] | null {
  const servers = parseNameservers(read('/etc/resolv.conf'));
  if (servers.length === 0 || servers.some((server) => !isLoopback(server))) return [];
  for (const file of upstreamFiles) {
    const upstream = parseNameservers(read(file)).filter((server) => !isLoopback(server));
    if (upstream.length > 0) return upstream;
  }
  return null;
}
