/** Prometheus's text exposition format, version 0.0.4: read strictly, since a scraper refuses a page with one bad line. */

export interface Exposition {
  /** Names of the metrics that have samples. */
  readonly metrics: ReadonlySet<string>;
  readonly samples: readonly {
    readonly name: string;
    readonly labels: ReadonlyMap<string, string>;
    readonly value: number;
  }[];
  /** What is wrong, with the line's number from 1. */
  readonly faults: readonly { readonly line: number; readonly what: string }[];
}

const metricName = '[a-zA-Z_:][a-zA-Z0-9_:]*';
const sampleLine = new RegExp(
  `^(${metricName})(?:[ \\t]*\\{(.*)\\}[ \\t]*|[ \\t]+)(\\S+)(?:[ \\t]+(-?\\d+))?[ \\t]*$`,
);
const labelPair = /^[ \t]*([a-zA-Z_][a-zA-Z0-9_]*)[ \t]*=[ \t]*"((?:[^"\\\n]|\\[\\"n])*)"[ \t]*(?:,|$)/;
const typeLine = new RegExp(
  `^#[ \\t]+TYPE[ \\t]+(${metricName})[ \\t]+(counter|gauge|histogram|summary|untyped)[ \\t]*$`,
);

export function parseExposition(text: string): Exposition {
  const metrics = new Set<string>();
  const samples: { name: string; labels: Map<string, string>; value: number }[] = [];
  const faults: { line: number; what: string }[] = [];
  const typed = new Set<string>();
  const seen = new Set<string>();
  if (text !== '' && !text.endsWith('\n'))
    faults.push({ line: text.split('\n').length, what: 'the last line has no end' });
  for (const [index, line] of text.split('\n').entries()) {
    const fault = (what: string) => faults.push({ line: index + 1, what });
    if (line.trim() === '') continue;
    if (line.startsWith('#')) {
      if (!/^#[ \t]+TYPE\b/.test(line)) continue;
      const name = typeLine.exec(line)?.[1];
      if (name === undefined) fault('a TYPE that is none');
      else if (typed.has(name)) fault(`a second TYPE of ${name}`);
      else if (metrics.has(name)) fault(`TYPE of ${name} after its samples`);
      else typed.add(name);
      continue;
    }
    const [, name, pairs, number] = sampleLine.exec(line) ?? [];
    const labels = labelsOf(pairs);
    const value = numberOf(number);
    if (name === undefined || labels === null || value === null) {
      fault('no sample');
      continue;
    }
    const identity = `${name}{${[...labels].sort().join(';')}}`;
    if (seen.has(identity)) fault(`a second sample of ${identity}`);
    seen.add(identity);
    metrics.add(name);
    samples.push({ name, labels, value });
  }
  return { metrics, samples, faults };
}

function labelsOf(pairs: string | undefined): Map<string, string> | null {
  const labels = new Map<string, string>();
  let rest = pairs ?? '';
  while (rest.trim() !== '') {
    const [whole, name, value] = labelPair.exec(rest) ?? [];
    if (whole === undefined || name === undefined || value === undefined || labels.has(name)) return null;
    labels.set(name, value);
    rest = rest.slice(whole.length);
  }
  return labels;
}

function numberOf(number: string | undefined): number | null {
  if (number === undefined) return null;
  const infinite = /^([+-]?)Inf$/i.exec(number);
  if (infinite) return infinite[1] === '-' ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
  if (/^NaN$/i.test(number)) return Number.NaN;
  return /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(number) ? Number(number) : null;
}
