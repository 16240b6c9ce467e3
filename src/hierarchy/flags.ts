/** The flags that each instruction takes. */
import { closest, distance } from 'fastest-levenshtein';
import { SyntaxFault } from './failure.ts';

type FlagKind = 'boolean' | 'string' | 'list';

const known: Readonly<Record<string, Readonly<Record<string, FlagKind>>>> = {
  FROM: { platform: 'string' },
  ADD: {
    chown: 'string',
    chmod: 'string',
    link: 'boolean',
    'keep-git-dir': 'boolean',
    checksum: 'string',
    unpack: 'boolean',
    exclude: 'list',
  },
  COPY: { chown: 'string', chmod: 'string', link: 'boolean', from: 'string', exclude: 'list' },
  RUN: { mount: 'list', network: 'string' },
  HEALTHCHECK: {
    interval: 'string',
    timeout: 'string',
    'start-period': 'string',
    'start-interval': 'string',
    retries: 'string',
  },
};

/** BuildKit never looks at what these are given as flags. */
const ignored = new Set(['ARG', 'STOPSIGNAL']);

/** Name → values; a flag without a value has the value `true`. */
export type Flags = ReadonlyMap<string, readonly string[]>;

/** Reads and checks the flags of one instruction. */
export function readFlags(keyword: string, written: readonly string[]): Flags {
  const flags = new Map<string, string[]>();
  if (ignored.has(keyword)) return flags;
  const kinds = known[keyword] ?? {};
  for (const flag of written) {
    const equals = flag.indexOf('=');
    const name = equals < 0 ? flag.slice(2) : flag.slice(2, equals);
    const value = equals < 0 ? null : flag.slice(equals + 1);
    const kind = Object.hasOwn(kinds, name) ? kinds[name] : undefined;
    if (kind === undefined) throw unknownFlag(keyword, name, Object.keys(kinds));
    const values = flags.get(name) ?? [];
    if (values.length > 0 && kind !== 'list')
      throw new SyntaxFault(`${keyword} has the flag --${name} twice.`);
    flags.set(name, [...values, checked(keyword, name, kind, value)]);
  }
  checkNetwork(flags.get('network')?.[0]);
  return flags;
}

function checkNetwork(mode: string | undefined): void {
  if (mode === undefined || ['default', 'none', 'host'].includes(mode)) return;
  throw new SyntaxFault(`RUN has --network=${mode}.`, 'It is one of default, none and host.');
}

function checked(keyword: string, name: string, kind: FlagKind, value: string | null): string {
  if (kind !== 'boolean') {
    if (value === null)
      throw new SyntaxFault(`${keyword} has the flag --${name} without a value.`, `Write --${name}=VALUE.`);
    return value;
  }
  const lower = (value ?? 'true').toLowerCase();
  if (lower !== 'true' && lower !== 'false') {
    throw new SyntaxFault(`${keyword} has --${name}=${value}, and --${name} is either true or false.`);
  }
  return lower;
}

function unknownFlag(keyword: string, name: string, names: readonly string[]): SyntaxFault {
  const near = names.length > 0 ? closest(name, [...names]) : '';
  const hint =
    near && distance(name, near) <= 3
      ? `Did you mean --${near}?`
      : names.length > 0
        ? `It takes --${names.join(', --')}.`
        : `It takes no flags.`;
  return new SyntaxFault(`${keyword} has no flag --${name}.`, hint);
}
