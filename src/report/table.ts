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
  const dropped = await columnThatDoesNotFit(columns, rows, paper.width);
  if (dropped !== null) {
    const kept = <Cell>(row: readonly Cell[]): Cell[] => row.filter((_, index) => index !== dropped);
    return renderTable(kept(columns), rows.map(kept), paper);
  }
  const head = columns.map(({ title }) => title);
  const cells = [head, ...rows];
  const measure = await measureFor(cells.flat());
  const widths = columns.map((_, index) => Math.max(...cells.map((row) => measure.width(row[index] ?? ''))));
  narrow(widths, columns, paper.width);
  const line = (row: readonly string[]): string =>
    columns
      .map(({ align }, index) => pad(row[index] ?? '', widths[index] ?? 0, align, measure))
      .join(gap)
      .trimEnd();
  return [paper.paint('bold', line(head)), ...rows.map(line)].join('\n');
}

/** The last column that may be left out, where the table does not fit with it. */
async function columnThatDoesNotFit(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  width: number,
): Promise<number | null> {
  const last = columns.findLastIndex(({ optional }) => optional !== undefined);
  const least = columns[last]?.optional;
  if (least === undefined) return null;
  const cells = [columns.map(({ title }) => title), ...rows];
  const measure = await measureFor(cells.flat());
  const needed = columns.map(({ shrink }, index) => {
    const own = Math.max(...cells.map((row) => measure.width(row[index] ?? '')));
    return index === last ? Math.min(own, least) : shrink ? Math.min(own, comfortable) : own;
  });
  return needed.reduce((sum, each) => sum + each, gap.length * (columns.length - 1)) > width ? last : null;
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
