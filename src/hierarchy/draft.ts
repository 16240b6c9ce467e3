import type { LogicalLine } from './logical-lines.ts';
import type { Statement } from './statement.ts';

/** A stage while it is put together. */
export interface Draft {
  readonly name: string;
  readonly index: number;
  readonly named: boolean;
  readonly parent: Draft | null;
  readonly image: string | null;
  readonly platform: string | null;
  readonly line: LogicalLine;
  readonly body: { readonly line: LogicalLine; readonly statement: Statement }[];
}
