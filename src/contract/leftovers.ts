/**
 * Takes away what a run that was killed left on an engine, and never what belongs to one that still works: that is
 * known for certain of a process of this very system, and after its last possible moment of any other.
 */
import { readFileSync, readlinkSync } from 'node:fs';
import type { Engine, EngineResource } from '../engine/engine.ts';

export const runLabel = 'dwt.run';
const ownerLabel = 'dwt.owner';
const expiryLabel = 'dwt.expires';

/** No smoke test is longer; what helps it on the engine ends by itself then. */
export const longestRunSeconds = 6 * 3600;

/** `seconds`: after which others may take the run for dead, where they cannot know it. */
export function runLabels(run: string, seconds = longestRunSeconds): Record<string, string> {
  const owner = identityOf(process.pid);
  return {
    [runLabel]: run,
    [expiryLabel]: new Date(Date.now() + seconds * 1000).toISOString(),
    ...(owner && { [ownerLabel]: owner }),
  };
}

/** A process of one boot of one system, never another's with the same number; null where the system has no /proc or it is gone. */
function identityOf(pid: number | string): string | null {
  const system = systemIdentity();
  try {
    // The 22nd field is the time of its start; the second one is a name that may hold anything.
    const started = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ')[19];
    return system && `${system}/${pid}/${started}`;
  } catch {
    return null;
  }
}

function systemIdentity(): string | null {
  try {
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    return `${boot}/${/\d+/.exec(readlinkSync('/proc/self/ns/pid'))?.[0]}`;
  } catch {
    return null;
  }
}

export function isDead(labels: Readonly<Record<string, string>>, now = Date.now()): boolean {
  const owner = labels[ownerLabel];
  const system = systemIdentity();
  if (owner && system && owner.startsWith(`${system}/`)) {
    return identityOf(owner.split('/')[2] ?? '') !== owner;
  }
  const expires = Date.parse(labels[expiryLabel] ?? '');
  return Number.isFinite(expires) && expires < now;
}

/** Removes what dead runs left. Best effort: a leftover that resists must not keep an image from being judged. */
export async function removeLeftovers(engine: Engine): Promise<void> {
  const found = await engine.resourcesByLabel([runLabel]);
  await removeAll(
    engine,
    found.filter(({ labels }) => isDead(labels)),
  );
}

/** Containers first: they hold the networks and the volumes. Answers what could not be removed. */
export async function removeAll(engine: Engine, resources: readonly EngineResource[]): Promise<unknown[]> {
  const failures: unknown[] = [];
  const remove = async (type: EngineResource['type'], call: (id: string) => Promise<void>) => {
    const ids = resources.filter((resource) => resource.type === type).map(({ id }) => id);
    const results = await Promise.allSettled(ids.map(call));
    for (const result of results) if (result.status === 'rejected') failures.push(result.reason);
  };
  await remove('container', (id) => engine.removeContainer(id));
  await Promise.all([
    remove('network', (id) => engine.removeNetwork(id)),
    remove('volume', (id) => engine.removeVolume(id)),
  ]);
  return failures;
}
