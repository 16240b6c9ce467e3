/** Figures of one run, side by side. Absolute times depend on the machine and its load; ratios in one run do not. */

export const median = (values: readonly number[]): number => {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
};

export interface Row {
  readonly what: string;
  readonly dwt: string;
  readonly peer: string;
  /** What was reached, in the unit of `target`. */
  readonly reached: number;
  readonly target: number;
  readonly unit: string;
}

/** Runs A and B in turn, so that what disturbs the machine disturbs both, and answers their medians in seconds. */
export async function paired(
  rounds: number,
  a: (round: number) => Promise<number>,
  b: (round: number) => Promise<number>,
): Promise<{ a: number; b: number }> {
  const times: { a: number[]; b: number[] } = { a: [], b: [] };
  for (let round = 0; round < rounds; round++) {
    times.a.push(await a(round));
    times.b.push(await b(round));
  }
  return { a: median(times.a), b: median(times.b) };
}

const seconds = (value: number): string =>
  value < 1 ? `${Math.round(value * 1000)} ms` : `${value.toFixed(2)} s`;

export const ratioRow = (
  what: string,
  peerName: string,
  times: { a: number; b: number },
  target: number,
): Row => ({
  what,
  dwt: seconds(times.a),
  peer: `${peerName} ${seconds(times.b)}`,
  reached: times.a / times.b,
  target,
  unit: '×',
});

export function table(rows: readonly Row[]): string {
  const head = ['what', 'dwt', 'peer', 'reached', 'target', ''];
  const body = rows.map(({ what, dwt, peer, reached, target, unit }) => [
    what,
    dwt,
    peer,
    `${reached.toFixed(2)} ${unit}`,
    `≤ ${target} ${unit}`,
    reached <= target ? 'met' : 'missed',
  ]);
  const widths = head.map((_, column) => Math.max(...[head, ...body].map((row) => row[column]?.length ?? 0)));
  return [head, ...body]
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}
