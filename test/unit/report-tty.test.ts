import { EventEmitter } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { stripVTControlCharacters } from 'node:util';
import { describe, expect, test } from '@jest/globals';
import { treeDisplay } from '../../src/report/tty.ts';

/** A terminal that keeps what is written to it. */
class Terminal extends EventEmitter {
  readonly isTTY = true;
  columns = 80;
  rows = 24;
  readonly written: string[] = [];

  write(text: string): boolean {
    this.written.push(text);
    return true;
  }

  get text(): string {
    return stripVTControlCharacters(this.written.join(''));
  }
}

function open(keep: boolean) {
  const terminal = new Terminal();
  const stream = terminal as unknown as NodeJS.WriteStream;
  return { terminal, display: treeDisplay({ stream, environment: { NO_COLOR: '1' }, keep }) };
}

const queued = { type: 'task-queued', task: 'base', parent: null, title: 'base' } as const;

describe('treeDisplay', () => {
  test('draws at a bounded rate, whatever the rate of events', async () => {
    const { terminal, display } = open(true);
    display.emit(queued);
    display.emit({ type: 'step-started', task: 'base', step: 's', title: 'RUN yes' });
    const end = performance.now() + 500;
    let events = 0;
    while (performance.now() < end) {
      for (let n = 0; n < 500; n++)
        display.emit({ type: 'step-log', task: 'base', step: 's', text: `line ${events++}` });
      await sleep(1);
    }
    display.close();
    expect(events).toBeGreaterThan(5000);
    expect(terminal.written.length).toBeGreaterThan(1);
    expect(terminal.written.length).toBeLessThan(12);
  });

  test('each frame is one write that the terminal shows at once', async () => {
    const { terminal, display } = open(true);
    display.emit(queued);
    await sleep(250);
    display.close();
    for (const frame of terminal.written) {
      expect(frame.startsWith('\u001b[?2026h')).toBe(true);
      expect(frame.endsWith('\u001b[?2026l')).toBe(true);
    }
  });

  test('the last frame stays where nothing follows it', () => {
    const { terminal, display } = open(true);
    display.emit(queued);
    display.emit({ type: 'task-finished', task: 'base', outcome: 'built', seconds: 3 });
    display.close();
    expect(terminal.text).toContain('base  built');
    expect(terminal.text.endsWith('\n')).toBe(true);
  });

  test('nothing is left where the result follows', async () => {
    const { terminal, display } = open(false);
    display.emit(queued);
    await sleep(250);
    const lines = terminal.written[0]?.split('\n').length ?? 0;
    display.close();
    const erased = terminal.written.at(-1)?.split('\u001b[2K').length ?? 0;
    expect(lines).toBe(3);
    expect(erased - 1).toBe(lines);
  });

  test('a warning stands above the tree and is not drawn over', async () => {
    const { terminal, display } = open(true);
    display.emit(queued);
    await sleep(150);
    display.emit({ type: 'warning', message: 'Little space.', hint: 'Prune.' });
    await sleep(150);
    display.close();
    expect(terminal.text.match(/Warning: Little space\. Prune\./g)).toHaveLength(1);
  });

  test('a terminal that becomes narrower: what it broke into more lines is taken away', async () => {
    const { terminal, display } = open(true);
    display.emit({ ...queued, title: 'x'.repeat(60) });
    await sleep(150);
    terminal.columns = 20;
    terminal.emit('resize');
    display.close();
    expect(terminal.written.join('')).toContain('\u001b[1A\u001b[2K');
    for (const line of (terminal.written.at(-1) ?? '').split('\n'))
      expect(stripVTControlCharacters(line).length).toBeLessThanOrEqual(20);
  });
});
