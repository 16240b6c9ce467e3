/** The metrics sidecar: what it serves is a valid exposition of the containers beside it, and of those only. */
import type { CheckSettings } from '../project/project.ts';
import { enumerate, fail, type Judgement, pass } from './check.ts';
import { parseExposition } from './exposition.ts';

export interface MetricsExpectation {
  readonly path: string;
  readonly port: number;
  readonly status: readonly number[];
  /** Names that must have samples. */
  readonly names: readonly string[];
}

const usualNames = [
  'memory_stats__usage',
  'cpu_stats__cpu_usage__total_usage',
  'precpu_stats__cpu_usage__total_usage',
];
/** Containers that say nothing of a tool's use. */
const leftOut = new Set(['metrics', 's3sync', 'aws-fargate-supervisor']);

/** From `checks: {metrics: {path, port, names}}`; null where a stage declares none. */
export function metricsExpectation({ extra }: CheckSettings): MetricsExpectation | null {
  const declared = extra?.['metrics'];
  if (declared === undefined || declared === null || declared === false) return null;
  const {
    path = '/__metrics',
    port = 9121,
    names = usualNames,
  } = (typeof declared === 'object' ? declared : {}) as Partial<MetricsExpectation>;
  return { path, port, names, status: [200] };
}

export function judgeMetrics(page: string, { path, port, names }: MetricsExpectation): Judgement {
  const { metrics, samples, faults } = parseExposition(page);
  const [fault] = faults;
  if (fault) return fail(`${port}${path} is no valid exposition: line ${fault.line}: ${fault.what}`);
  if (samples.length === 0) return fail(`${port}${path} has no samples`);
  const missing = names.filter((name) => !metrics.has(name));
  if (missing.length > 0) return fail(`${port}${path} lacks ${enumerate(missing)}`);
  const foreign = [...new Set(samples.flatMap(({ labels }) => [...labels.values()]))].filter((value) =>
    leftOut.has(value),
  );
  if (foreign.length > 0)
    return fail(`${port}${path} tells of ${enumerate(foreign)}, which say nothing of a tool's use`);
  return pass(`${port}${path} has ${samples.length} samples of ${metrics.size} metrics`);
}
