/** Events of workflows as plain lines on stderr, for scripts that run before the program itself is built. */
import type { DwtEvent } from '../src/events.ts';

export const say = (text: string): void => {
  process.stderr.write(`${text}\n`);
};

export function sayEvent(event: DwtEvent): void {
  if (event.type === 'task-started') say(`${event.task}: starting`);
  else if (event.type === 'step-started') say(`${event.task}: ${event.title}`);
  else if (event.type === 'task-finished' && event.outcome === 'done')
    say(`${event.task}: ${event.detail} (${event.seconds.toFixed(1)} s)`);
  else if (event.type === 'warning') say(`warning: ${event.message}${event.hint ? ` ${event.hint}` : ''}`);
}
