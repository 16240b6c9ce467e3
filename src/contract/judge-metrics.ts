/** The metrics sidecar: what it serves is a valid exposition of the containers beside it, and of those only. */
import type { MetricsSettings } from '../project/project.ts';
import { enumerate, fail, type Judgement, pass } from './check.ts';
import { parseExposition } from './exposition.ts';

const usualNames = [
  'memory_stats__usage',
  'cpu_stats__cpu_usage__total_usage',
  'precpu_stats__cpu_usage__total_usage',
];
/** Containers that say nothing of a tool's use. */
const leftOut = new Set(['metrics', 's3sync', 'aws-fargate-supervisor']);

export function judgeMetrics(page: string, { path, port, names }: MetricsSettings): Judgement {
  const { metrics, samples, faults } = parseExposition(page);
  const [fault] = faults;
  if (fault) return fail(`${port}${path} is no valid exposition: line ${fault.line}: ${fault.what}`);
  if (samples.length === 0) return fail(`${port}${path} has no samples`);
  const missing = (names ?? usualNames).filter((name) => !metrics.has(name));
  if (missing.length > 0) return fail(`${port}${path} lacks ${enumerate(missing)}`);
  const foreign = [...new Set(samples.flatMap(({ labels }) => [...labels.values()]))].filter((value) =>
    leftOut.has(value),
  );
  if (foreign.length > 0)
    return fail(`${port}${path} tells of ${enumerate(foreign)}, which say nothing of a tool's use`);
  return pass(`${port}${path} has ${samples.length} samples of ${metrics.size} metrics`);
}
