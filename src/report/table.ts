/** Columns for people, by what characters really occupy in a terminal. */
import type { Paper } from './paper.ts';
import { type Measure, measureFor } from './width.ts';

export interface Column {
  readonly title: string;
  readonly align?: 'left' | 'right';
  /** May be cut where the paper is too narrow; at least one column should allow it. */
  readonly shrink?: boolean;
  /** Left out where the table would not fit otherwise, or would leave it less than this many columns; the last such first. */
  readonly optional?: number;
}

const gap = '  ';
const narrowest = 8;
/** A name that is cut to less is hard to tell from its neighbours. */
const comfortable = 40;

/** A table without rules: a bold head, columns by the width of their content, cut to the paper. */
export async function renderTable(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  paper: Paper,
): Promise<string> {
  const cells = [columns.map(({ title }) => title), ...rows];
  const measure = await measureFor(cells.flat());
  const own = columns.map((_, index) => Math.max(...cells.map((row) => measure.width(row[index] ?? ''))));
  const shown = columnsThatFit(columns, own, paper.width);
  const kept = <Item>(items: readonly Item[]): Item[] => items.filter((_, index) => shown.includes(index));
  const widths = kept(own);
  narrow(widths, kept(columns), paper.width);
  const lines = cells.map((row) =>
    shown
      .map((index, at) => pad(row[index] ?? '', widths[at] ?? 0, columns[index]?.align, measure))
      .join(gap)
      .trimEnd(),
  );
  return [paper.paint('bold', lines[0] ?? ''), ...lines.slice(1)].join('\n');
}

/**
 * Indexes of the columns that are shown: of those that may be left out, the last ones go until the rest fits.
 *
 * @param own Width of each column's content.
 */
function columnsThatFit(columns: readonly Column[], own: readonly number[], width: number): number[] {
  const shown = [...columns.keys()];
  for (;;) {
    const last = shown.findLast((index) => columns[index]?.optional !== undefined);
    if (last === undefined) return shown;
    const needed = shown.map((index) => {
      const most =
        index === last ? columns[index]?.optional : columns[index]?.shrink ? comfortable : undefined;
      return Math.min(own[index] ?? 0, most ?? Number.POSITIVE_INFINITY);
    });
    if (needed.reduce((sum, each) => sum + each, gap.length * (shown.length - 1)) <= width) return shown;
    shown.splice(shown.indexOf(last), 1);
  }
}

/** Takes columns from the widest that may shrink until the table fits or all are as narrow as is useful. */
function narrow(widths: number[], columns: readonly Column[], width: number): void {
  const excess = () => widths.reduce((sum, each) => sum + each, gap.length * (widths.length - 1)) - width;
  while (excess() > 0) {
    const widest = columns.reduce(
      (best, { shrink }, index) => (shrink && (widths[index] ?? 0) > (widths[best] ?? 0) ? index : best),
      columns.findIndex(({ shrink }) => shrink),
    );
    const current = widths[widest];
    if (current === undefined || current <= narrowest) return;
    widths[widest] = Math.max(narrowest, current - excess());
  }
}

function pad(text: string, width: number, align: Column['align'], measure: Measure): string {
  const own = measure.width(text);
  if (own > width) return measure.cut(text, width);
  const space = ' '.repeat(width - own);
  return align === 'right' ? space + text : text + space;
}
