/** HEALTHCHECK: its type and the durations of its flags. */
import { SyntaxFault } from './failure.ts';
import type { Flags } from './flags.ts';

const nanoseconds: Readonly<Record<string, number>> = {
  ns: 1,
  us: 1e3,
  µs: 1e3,
  μs: 1e3,
  ms: 1e6,
  s: 1e9,
  m: 60e9,
  h: 3600e9,
};
const duration = /^[+-]?(?:0|(?:(?:\d+(?:\.\d*)?|\.\d+)(?:ns|us|µs|μs|ms|s|m|h))+)$/;

export function checkHealth(type: string, command: readonly string[], flags: Flags): void {
  if (type === 'NONE') {
    if (command.length > 0) throw new SyntaxFault('HEALTHCHECK NONE takes no arguments.');
    return;
  }
  if (type !== 'CMD')
    throw new SyntaxFault(`HEALTHCHECK has the unknown type "${type}".`, 'Known are CMD and NONE.');
  if (command.length === 0) throw new SyntaxFault('HEALTHCHECK CMD has no command.');
  for (const [name, [value = '']] of flags) {
    if (name === 'retries') {
      if (value !== '' && !/^\+?\d{1,9}$/.test(value))
        throw new SyntaxFault(`HEALTHCHECK has --retries=${value}, which is no count.`);
    } else checkDuration(name, value);
  }
}

function checkDuration(name: string, value: string): void {
  if (value === '') return;
  if (!duration.test(value)) {
    throw new SyntaxFault(
      `HEALTHCHECK has --${name}=${value}, which is no duration.`,
      'Write a duration such as 30s or 1m30s.',
    );
  }
  let total = 0;
  for (const [, amount = '0', unit = 's'] of value.matchAll(/([\d.]+)(ns|us|µs|μs|ms|s|m|h)/g))
    total += Number(amount) * (nanoseconds[unit] ?? 0);
  if (total !== 0 && (value.startsWith('-') || total < 1e6)) {
    throw new SyntaxFault(`HEALTHCHECK has --${name}=${value}, and it is at least 1ms.`);
  }
}
