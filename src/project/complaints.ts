/** What the schema says is wrong, in words: what was found, what is allowed, and where. */
import * as z from 'zod/mini';
import type { $ZodIssue, $ZodType } from 'zod/v4/core';
import type { Location } from '../errors.ts';
import { nearest } from '../hierarchy/select.ts';
import { projectSchema } from './schema.ts';

export type Path = readonly PropertyKey[];

/** Where the value at a path stands, or its key; the nearest part above it where it is not in the file. */
export type Locate = (path: Path, part?: 'key' | 'value') => Location;

export interface Complaint {
  readonly message: string;
  readonly location: Location;
  readonly hint?: string;
}

/** One issue as complaints; unknown keys are one complaint each. */
export function complaintsOf(issue: $ZodIssue, value: unknown, locate: Locate): Complaint[] {
  const { path } = issue;
  const where = nameOf(path);
  const found = valueAt(value, path);
  if (issue.code === 'unrecognized_keys') return issue.keys.map((key) => unknownKey(path, key, locate));
  if (found === undefined) {
    const parent = path.slice(0, -1);
    const message = `${nameOf(parent)} has no "${String(path.at(-1))}".`;
    return [complaint(message, locate(parent, 'key'), onlyValue(path) ?? description(path))];
  }
  if (issue.code === 'invalid_union') {
    // The variant that got past the value's outermost type is the one that was meant.
    const meant = issue.errors.find(([first]) => first && !isOtherType(first));
    if (meant)
      return meant.flatMap((inner) =>
        complaintsOf({ ...inner, path: [...path, ...inner.path] }, value, locate),
      );
  }
  if (issue.code === 'invalid_value')
    return [wrongValue(path, issue.values.map(String), found, locate(path))];
  if (issue.code === 'invalid_type' || issue.code === 'invalid_union') {
    return [
      complaint(
        `${where} is ${show(found)}, and ${expected(path)} is expected.`,
        locate(path),
        path.length === 0 ? onlyValue(['version']) : description(path),
      ),
    ];
  }
  return [complaint(`${where}: ${show(found)} ${issue.message}.`, locate(path), description(path))];
}

function isOtherType(issue: $ZodIssue): boolean {
  if (issue.path.length > 0) return false;
  if (issue.code === 'invalid_union') return issue.errors.every(([first]) => !first || isOtherType(first));
  return issue.code === 'invalid_type' || issue.code === 'invalid_value';
}

const complaint = (message: string, location: Location, hint: string | undefined): Complaint => ({
  message,
  location,
  ...(hint !== undefined && { hint }),
});

function unknownKey(path: Path, key: string, locate: Locate): Complaint {
  const allowed = keysOf(schemaAt(path));
  const near = nearest(key, allowed);
  const hint = near ? `Did you mean "${near}"?` : `Allowed are ${list(allowed)}.`;
  return complaint(`${nameOf(path)} has an unknown key "${key}".`, locate([...path, key], 'key'), hint);
}

function wrongValue(path: Path, allowed: readonly string[], found: unknown, location: Location): Complaint {
  const quoted = typeof found === 'string' && allowed.includes(found);
  const near = typeof found === 'string' && !quoted ? nearest(found, allowed) : null;
  const hint = quoted
    ? `Write ${found} without quotes.`
    : near
      ? `Did you mean "${near}"?`
      : (onlyValue(path) ?? description(path));
  const rule = allowed.length === 1 ? `only ${allowed[0]} is allowed` : `allowed are ${list(allowed)}`;
  return complaint(`${nameOf(path)} is ${show(found)}, and ${rule}.`, location, hint);
}

/** What the schema takes at a path: `text`, `a number, or a list of numbers`. */
const expected = (path: Path): string => [...new Set(alternatives(schemaAt(path)))].join(', or ');

const words: Readonly<Record<string, readonly [one: string, many: string]>> = {
  string: ['text', 'texts'],
  object: ['a map of keys and values', 'maps'],
  record: ['a map of keys and values', 'maps'],
  array: ['a list', 'lists'],
  number: ['a whole number', 'whole numbers'],
};

function alternatives(schema: unknown, index: 0 | 1 = 0): string[] {
  const { type, options, values, element } = definitionOf(schema);
  if (options) return options.flatMap((option) => alternatives(option, index));
  if (values) return values.map(String);
  if (element && index === 0) return [`a list of ${alternatives(element, 1).join(' or ')}`];
  return [words[type]?.[index] ?? type];
}

/** What to write where one value alone is right. */
function onlyValue(path: Path): string | undefined {
  const { values } = definitionOf(schemaAt(path));
  return values?.length === 1 ? `Write "${String(path.at(-1))}: ${values[0]}".` : undefined;
}

interface Definition {
  readonly type: string;
  /** Of a union. */
  readonly options?: readonly unknown[];
  /** Of a literal. */
  readonly values?: readonly unknown[];
  readonly shape?: Record<string, unknown>;
  readonly valueType?: unknown;
  readonly element?: unknown;
  readonly innerType?: unknown;
}

const ownDefinition = (schema: unknown): Definition =>
  (schema as { _zod?: { def?: Definition } } | undefined)?._zod?.def ?? { type: 'another value' };

/** The definition below `optional` and `nullable`. */
function definitionOf(schema: unknown): Definition {
  const definition = ownDefinition(schema);
  return definition.innerType ? definitionOf(definition.innerType) : definition;
}

/** The schema of the value at a path; names of stages and the like stand for themselves. */
function schemaAt(path: Path): unknown {
  let schema: unknown = projectSchema;
  for (const key of path) schema = within(schema, key);
  return schema;
}

function keysOf(schema: unknown): string[] {
  const { shape = {}, options = [] } = definitionOf(schema);
  return [...Object.keys(shape), ...options.flatMap(keysOf)];
}

/** Of a union, the variant that has such a part. */
function within(schema: unknown, key: PropertyKey): unknown {
  const { shape, valueType, element, options } = definitionOf(schema);
  if (options) return options.map((option) => within(option, key)).find((part) => part !== undefined);
  return shape?.[String(key)] ?? valueType ?? (typeof key === 'number' ? element : undefined);
}

/** What the schema says of the value at a path, or of what it is part of: the same words that editors show. */
function description(path: Path): string | undefined {
  for (let schema = schemaAt(path); schema !== undefined; schema = ownDefinition(schema).innerType) {
    const words = z.globalRegistry.get(schema as $ZodType)?.description;
    if (words !== undefined) return words.endsWith('.') ? words : `${words}.`;
  }
  return path.length > 0 ? description(path.slice(0, -1)) : undefined;
}

function valueAt(value: unknown, path: Path): unknown {
  let found = value;
  for (const key of path) {
    const has = typeof found === 'object' && found !== null && Object.hasOwn(found, key);
    found = has ? (found as Record<PropertyKey, unknown>)[key] : undefined;
  }
  return found;
}

const nameOf = (path: Path): string => (path.length === 0 ? 'The project file' : path.map(String).join('.'));

const list = (words: readonly string[]): string =>
  words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} and ${words.at(-1)}`;

function show(value: unknown): string {
  if (value === null) return 'nothing';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'a map';
  return typeof value === 'string' ? `"${value.slice(0, 80)}"` : String(value);
}
