/**
 * A dockerd that starts removes the chains of packet-filter rules that it thinks are left from its own last run, and
 * with them the rules of another engine on the same machine. They are noted before and put back after.
 */

import { readdirSync } from 'node:fs';
import type { ProcessEnvironment } from '../host/command.ts';
import { run } from '../host/command.ts';

/** Table → its rules (`-A CHAIN …`), in order. */
export type Rules = ReadonlyMap<string, readonly string[]>;

/** Reads what `iptables-save` prints. */
export function parseRules(text: string): Rules {
  const tables = new Map<string, string[]>();
  let rules: string[] = [];
  for (const line of text.split('\n')) {
    if (line.startsWith('*')) {
      rules = [];
      tables.set(line.slice(1).trim(), rules);
    } else if (line.startsWith('-A ')) {
      rules.push(line.trim());
    }
  }
  return tables;
}

/**
 * Input for `iptables-restore --noflush` that puts back the rules of `before` that `after` lacks, or null where none
 * is lost. A chain's rules are put in front of those that came in between, in their old order, since a chain may end
 * with one that decides everything; rules about one of `devices` are not put back.
 */
export function lostRules(before: Rules, after: Rules, devices: readonly string[]): string | null {
  const text: string[] = [];
  for (const [table, rules] of before) {
    const present = new Set(after.get(table) ?? []);
    const lost = rules.filter((rule) => !present.has(rule) && !names(rule, devices));
    if (lost.length === 0) continue;
    const position = new Map<string, number>();
    text.push(`*${table}`);
    for (const rule of lost) {
      const [, chain = '', ...words] = rule.split(' ');
      const at = (position.get(chain) ?? 0) + 1;
      position.set(chain, at);
      // Declaring a chain under --noflush makes it where it is missing; the built-in ones are always there.
      text.push(`-I ${chain} ${at} ${words.join(' ')}`);
    }
    const missing = [...position.keys()].filter((chain) => !chainExists(chain, after.get(table) ?? []));
    text.splice(text.indexOf(`*${table}`) + 1, 0, ...missing.map((chain) => `:${chain} - [0:0]`));
    text.push('COMMIT');
  }
  return text.length === 0 ? null : `${text.join('\n')}\n`;
}

const names = (rule: string, devices: readonly string[]): boolean =>
  rule.split(' ').some((word) => devices.includes(word));

const builtIn = new Set(['INPUT', 'OUTPUT', 'FORWARD', 'PREROUTING', 'POSTROUTING']);
const chainExists = (chain: string, rules: readonly string[]): boolean =>
  builtIn.has(chain) ||
  rules.some((rule) => rule.startsWith(`-A ${chain} `) || rule.endsWith(` -j ${chain}`));

/** What a dockerd that starts may take away. */
export interface FirewallState {
  readonly rules: Rules;
  /** Network devices of that moment. */
  readonly devices: readonly string[];
}

const networkDevices = (): string[] => readdirSync('/sys/class/net');

async function currentRules(environment: ProcessEnvironment): Promise<Rules> {
  const result = await run('iptables-save', [], { environment });
  return parseRules(result.exitCode === 0 ? result.stdout : '');
}

export async function saveFirewall(environment: ProcessEnvironment): Promise<FirewallState> {
  return { rules: await currentRules(environment), devices: networkDevices() };
}

/**
 * Puts back what a dockerd's start removed. Rules about `ownBridge` are its engine's business; those about a device that
 * is gone since were taken away on purpose, by another engine that has ended or removed a network meanwhile.
 */
export async function restoreFirewall(
  before: FirewallState,
  ownBridge: string,
  environment: ProcessEnvironment,
): Promise<void> {
  const after = await currentRules(environment);
  const there = new Set(networkDevices());
  const gone = before.devices.filter((device) => !there.has(device));
  const input = lostRules(before.rules, after, [ownBridge, ...gone]);
  if (input !== null) await run('iptables-restore', ['--noflush', '--wait', '5'], { environment, input });
}
