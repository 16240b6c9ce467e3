/** How many columns text takes in a terminal, and cutting it to some. */

export interface Measure {
  width(text: string): number;
  cut(text: string, columns: number): string;
}

/** Characters of one column each: the Latin ones, and what tables and trees are drawn with. */
const simple = /^[\u0020-\u007e\u00a0-\u00ac\u00ae-\u024f\u2013\u2014\u2018-\u201d\u2026\u2500-\u257f]*$/;

const simply: Measure = {
  width: (text) => text.length,
  cut: (text, columns) => (text.length <= columns ? text : `${text.slice(0, columns - 1)}…`),
};

/** For all of these texts. What knows wide characters and emoji takes a while to load, and is where there are some. */
export async function measureFor(texts: Iterable<string>): Promise<Measure> {
  for (const text of texts) {
    if (simple.test(text)) continue;
    const [{ default: stringWidth }, { default: cliTruncate }] = await Promise.all([
      import('string-width'),
      import('cli-truncate'),
    ]);
    return {
      width: (text) => stringWidth(text),
      cut: (text, columns) => (Number.isFinite(columns) ? cliTruncate(text, columns) : text),
    };
  }
  return simply;
}
