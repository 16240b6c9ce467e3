/** `dwt run` when the tool answers, for people: where it is, and how it ends. */
import type { RunningTool } from '../workflows/run.ts';
import type { Paper } from './paper.ts';

export function renderRun({ name, homeIsKept, result }: RunningTool, paper: Paper): string {
  const end = homeIsKept ? `stops it; its home stays: ${result.home}` : 'stops it and removes its home';
  return `${name} runs at ${paper.paint('bold', result.url)}  ${paper.paint('dim', `(Ctrl-C ${end})`)}`;
}
