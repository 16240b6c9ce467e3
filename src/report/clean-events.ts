/** Makes events fit to be shown: a log event is one whole, harmless line, and nothing concealed is in any text. */
import { DwtError } from '../errors.ts';
import type { DwtEvent, Emit } from '../events.ts';
import { redact } from '../redact.ts';
import { harmless, LogLines } from './log-lines.ts';

export function cleanEvents(emit: Emit): Emit {
  const open = new Map<string, LogLines>();

  const log = (event: DwtEvent & { type: 'step-log' }, lines: readonly string[]) => {
    for (const line of lines) emit({ ...event, text: redact(line) });
  };

  return (event) => {
    switch (event.type) {
      case 'step-log': {
        const lines = open.get(event.step) ?? new LogLines();
        open.set(event.step, lines);
        return log(event, lines.push(event.text));
      }
      case 'step-finished': {
        const { task, step } = event;
        log({ type: 'step-log', task, step, text: '' }, open.get(step)?.end() ?? []);
        open.delete(step);
        return emit(event);
      }
      case 'step-started':
      case 'task-queued':
        return emit({ ...event, title: clean(event.title) });
      case 'task-finished':
        return emit({
          ...event,
          ...(event.detail !== undefined && { detail: clean(event.detail) }),
          ...(event.error && { error: cleanError(event.error) }),
        });
      case 'warning':
        return emit({ ...event, message: clean(event.message) });
      default:
        return emit(event);
    }
  };
}

const clean = (text: string): string => harmless(redact(text.replace(/\s*\n\s*/g, ' ')));

const cleanLines = (text: string): string =>
  text
    .split('\n')
    .map((line) => harmless(redact(line)))
    .join('\n');

/** The same error with nothing concealed in it and nothing that moves a terminal's cursor. */
export function cleanError(error: DwtError): DwtError {
  return new DwtError(error.code, clean(error.message), {
    ...(error.hint !== undefined && { hint: clean(error.hint) }),
    ...(error.location && { location: error.location }),
    ...(error.excerpt !== undefined && { excerpt: cleanLines(error.excerpt) }),
    ...(error.detail !== undefined && { detail: cleanLines(error.detail) }),
    cause: error.cause,
  });
}
