/** `RUN --mount=…`: a line of comma-separated values, checked as BuildKit checks it. */
import { posix } from 'node:path';
import { type ExpandOptions, expand, type Lookup } from './expand.ts';
import { SyntaxFault } from './failure.ts';

export interface Mount {
  readonly type: string;
  /** Null where the files are the build context's. */
  readonly from: string | null;
  /** Undefined where it depends on a variable that cannot be known. */
  readonly source: string | undefined;
}

const types = ['bind', 'cache', 'tmpfs', 'secret', 'ssh'];
const withOwner = new Set(['cache', 'secret', 'ssh']);
const boolean = /^(?:1|0|t|f|T|F|true|false|TRUE|FALSE|True|False)$/;
const size = /^\d+(?:\.\d+)?\s?(?:[kmgtp]i?b?|b)?$/i;

/** Reads one mount; `lookup` gives the stage's variables where the RUN stands. */
export function readMount(text: string, lookup: Lookup, options: ExpandOptions): Mount {
  const values = new Map<string, string | undefined>();
  let type = 'bind';
  for (const field of csvFields(text)) {
    const equals = field.indexOf('=');
    const key = canonicalKey((equals < 0 ? field : field.slice(0, equals)).toLowerCase());
    if (equals < 0) {
      if (key === 'readonly' || key === 'readwrite') continue;
      if (key !== 'required')
        throw new SyntaxFault(`The mount has "${field}" where a key=value is expected.`);
      requireType(type, ['secret', 'ssh'], key);
      continue;
    }
    const written = field.slice(equals + 1);
    if (key === 'from' && /\$./.test(written)) {
      throw new SyntaxFault(
        `A mount's "from" takes no variables.`,
        'Give the image a stage of its own, whose FROM may have variables, and name that stage.',
      );
    }
    const value = expand(written, lookup, options);
    if (key === 'type') type = readType(value ?? type);
    else checkValue(type, key, field, value);
    values.set(key, value);
  }
  checkTogether(type, values);
  return { type, from: values.get('from') || null, source: values.has('source') ? values.get('source') : '' };
}

const aliases: Readonly<Record<string, string>> = {
  src: 'source',
  dst: 'target',
  destination: 'target',
  ro: 'readonly',
  rw: 'readwrite',
};
const canonicalKey = (key: string): string => (Object.hasOwn(aliases, key) ? (aliases[key] ?? key) : key);

function readType(value: string): string {
  const type = value.toLowerCase();
  if (!types.includes(type))
    throw new SyntaxFault(`The mount type "${value}" is not known.`, `Known types are ${types.join(', ')}.`);
  return type;
}

function checkValue(type: string, key: string, field: string, value: string | undefined): void {
  const invalid = (): SyntaxFault =>
    new SyntaxFault(`The mount has "${field}", and "${value}" is no value for "${key}".`);
  const must = (pattern: RegExp): void => {
    if (value !== undefined && !pattern.test(value)) throw invalid();
  };
  switch (key) {
    case 'from':
    case 'source':
    case 'target':
    case 'id':
    case 'env':
      return;
    case 'readonly':
    case 'readwrite':
      must(boolean);
      return;
    case 'required':
      requireType(type, ['secret', 'ssh'], key);
      must(boolean);
      return;
    case 'size':
      requireType(type, ['tmpfs'], key);
      must(size);
      return;
    case 'sharing':
      must(/^(?:shared|private|locked)$/i);
      return;
    case 'mode':
      must(/^[0-7]+$/);
      return;
    case 'uid':
    case 'gid':
      must(/^\d+$/);
      return;
    default:
      throw new SyntaxFault(
        `The mount has an unknown key "${key}".`,
        'Known keys are type, from, source, target, readonly, readwrite, id, sharing, required, size, mode, uid, gid and env.',
      );
  }
}

function checkTogether(type: string, values: ReadonlyMap<string, string | undefined>): void {
  const has = (key: string): boolean => values.has(key) && values.get(key) !== '';
  for (const key of ['mode', 'uid', 'gid']) {
    if (values.has(key) && !withOwner.has(type))
      throw new SyntaxFault(`A mount of type ${type} takes no "${key}".`);
  }
  if (has('sharing') && type !== 'cache')
    throw new SyntaxFault(`A mount of type ${type} takes no "sharing".`);
  const target = values.get('target') ?? '';
  if (
    type !== 'secret' &&
    type !== 'ssh' &&
    target !== '' &&
    posix.resolve('/', target) === '/' &&
    target.startsWith('/')
  ) {
    throw new SyntaxFault('A mount cannot have the target "/".');
  }
  if (type !== 'secret') return;
  if (has('from')) throw new SyntaxFault('A secret mount takes no "from".');
  if (!has('source') && !has('target') && !has('id'))
    throw new SyntaxFault('A secret mount needs an id, a source or a target.');
  if (has('source') && has('id')) throw new SyntaxFault('A secret mount takes either a source or an id.');
}

function requireType(type: string, allowed: readonly string[], key: string): void {
  if (!allowed.includes(type)) throw new SyntaxFault(`A mount of type ${type} takes no "${key}".`);
}

/** One record of comma-separated values; a field may be quoted as a whole. */
function csvFields(text: string): string[] {
  if (!text.includes('"')) return text.split(',');
  const fields: string[] = [];
  let at = 0;
  while (at <= text.length) {
    const quoted = text.charAt(at) === '"' ? /^"((?:[^"]|"")*)"(?=,|$)/.exec(text.slice(at)) : null;
    const field = quoted?.[0] ?? text.slice(at).split(',', 1)[0] ?? '';
    if (!quoted && field.includes('"'))
      throw new SyntaxFault('A quote in a mount must enclose the whole key=value.');
    fields.push(quoted ? (quoted[1] ?? '').replaceAll('""', '"') : field);
    at += field.length + 1;
  }
  return fields;
}
