/**
 * A dockerd that starts removes the chains of packet-filter rules that it thinks are left from its own last run, and
 * with them the rules of another engine on the same machine. They are noted before and put back after.
 */

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
 * with one that decides everything; rules about `ownBridge` are its engine's business.
 */
export function lostRules(before: Rules, after: Rules, ownBridge: string): string | null {
  const text: string[] = [];
  for (const [table, rules] of before) {
    const present = new Set(after.get(table) ?? []);
    const lost = rules.filter((rule) => !present.has(rule) && !rule.includes(ownBridge));
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

const builtIn = new Set(['INPUT', 'OUTPUT', 'FORWARD', 'PREROUTING', 'POSTROUTING']);
const chainExists = (chain: string, rules: readonly string[]): boolean =>
  builtIn.has(chain) ||
  rules.some((rule) => rule.startsWith(`-A ${chain} `) || rule.endsWith(` -j ${chain}`));

export async function saveRules(environment: ProcessEnvironment): Promise<Rules> {
  const result = await run('iptables-save', [], { environment });
  return parseRules(result.exitCode === 0 ? result.stdout : '');
}

/** Puts back what a dockerd's start removed. Answers how many rules that was. */
export async function restoreRules(
  before: Rules,
  ownBridge: string,
  environment: ProcessEnvironment,
): Promise<number> {
  const input = lostRules(before, await saveRules(environment), ownBridge);
  if (input === null) return 0;
  await run('iptables-restore', ['--noflush'], { environment, input });
  return input.split('\n').filter((line) => line.startsWith('-I ')).length;
}
