/** The checks that stages declare: inherited along FROM, completed by defaults. */
import type { ChecksData } from './checks-schema.ts';
import type {
  CheckSettings,
  EndSettings,
  Kind,
  MetricsSettings,
  PageMark,
  PageSettings,
  SyncSettings,
} from './project.ts';
import { seconds } from './vocabulary.ts';

/** Checks that only make sense of some kinds. A shared stage may declare any, for those that are built on it. */
export const checksOfKinds: Readonly<Record<string, readonly Kind[]>> = {
  page: ['tool', 'visualisation'],
  metrics: ['sidecar'],
  sync: ['sidecar'],
  ends: ['job'],
};

type Plain = Readonly<Record<string, unknown>>;
const isMap = (value: unknown): value is Plain =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Maps are merged key by key; anything else of the child takes the place of what its parent says. */
export function mergeChecks(parent: ChecksData | undefined, own: ChecksData | undefined): ChecksData {
  return mergeMaps(parent ?? {}, own ?? {}) as ChecksData;
}

function mergeMaps(parent: Plain, own: Plain): Plain {
  const merged: Record<string, unknown> = { ...parent };
  for (const [key, value] of Object.entries(own)) {
    const before = merged[key];
    merged[key] = isMap(before) && isMap(value) ? mergeMaps(before, value) : value;
  }
  return merged;
}

export function readChecks({
  http,
  page,
  commands,
  metrics,
  sync,
  ends,
  'ready-within': readyWithin,
}: ChecksData): CheckSettings {
  const path = (http ? http.path : undefined) ?? '/';
  const run = withoutFalse(commands ?? {});
  return {
    ...(http && { http: { path, status: listOf(http.status ?? 200) } }),
    ...(readyWithin !== undefined && { readyWithin: seconds(readyWithin) }),
    ...(page && { page: pageOf(page, path) }),
    ...(Object.keys(run).length > 0 && { commands: run }),
    ...(metrics && { metrics: metricsOf(metrics) }),
    ...(sync && { sync: syncOf(sync) }),
    ...(ends && { ends: endsOf(ends) }),
  };
}

/** What is looked at of a page where a stage declares none. */
export const usualPage = (path: string): PageSettings => pageOf({}, path);

type Declared<Check extends keyof ChecksData> = Exclude<ChecksData[Check], false | undefined>;

function pageOf({ path, visible, within, prefix, allow }: Declared<'page'>, usualPath: string): PageSettings {
  return {
    path: path ?? usualPath,
    visible: listOf(visible ?? []).map(
      (mark): PageMark => (typeof mark === 'string' ? { text: mark } : mark),
    ),
    within: seconds(within ?? '30s'),
    prefix: prefix || null,
    allow: withoutFalse(allow ?? {}),
  };
}

const metricsOf = ({ path, port, names }: Declared<'metrics'>): MetricsSettings => ({
  path: path ?? '/__metrics',
  port: port ?? 9121,
  names: names ?? null,
});

const syncOf = ({ home, within }: Declared<'sync'>): SyncSettings => ({
  home: home ?? '/home/dw-user',
  within: seconds(within ?? '60s'),
});

const endsOf = ({ within, status }: Declared<'ends'>): EndSettings => ({
  within: seconds(within ?? '60s'),
  status: listOf(status ?? 0),
});

const listOf = <Item>(value: Item | Item[]): Item[] => (Array.isArray(value) ? value : [value]);

const withoutFalse = (map: Readonly<Record<string, string | false>>): Record<string, string> =>
  Object.fromEntries(Object.entries(map).filter((entry): entry is [string, string] => entry[1] !== false));
