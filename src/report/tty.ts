/** The live display: the frame is drawn over itself at a bounded rate, whatever the rate of events. */

import { figures, isUnicodeSupported, Spinner } from 'listr2';
import { createLogUpdate } from 'log-update';
import stringWidth from 'string-width';
import type { Display } from './display.ts';
import { renderFrame } from './frame.ts';
import { type Paper, paperOf } from './paper.ts';
import { Progress } from './progress.ts';

const framesPerSecond = 10;

export interface TreeDisplayOptions {
  readonly stream: NodeJS.WriteStream;
  readonly environment: NodeJS.ProcessEnv;
  /** Whether the last frame stays when the display is closed. */
  readonly keep: boolean;
}

export function treeDisplay({ stream, environment, keep }: TreeDisplayOptions): Display {
  const progress = new Progress();
  const startedAt = performance.now();
  const update = createLogUpdate(stream);
  const spinner = new Spinner();
  const unicode = isUnicodeSupported();
  const marks = {
    tick: figures.tick,
    cross: figures.cross,
    dot: unicode ? '·' : '.',
    full: unicode ? '━' : '#',
    empty: unicode ? '─' : '-',
  };
  let drawn: string[] = [];
  let width = stream.columns ?? 80;

  // Asked for where there is no terminal, as in a recording, a frame still has an edge.
  const paper = (): Paper => ({ ...paperOf(stream, environment), width: stream.columns ?? 80 });

  const frame = (height: number): string[] =>
    renderFrame(progress, {
      paper: paper(),
      height,
      now: performance.now(),
      startedAt,
      spinner: spinner.fetch(),
      marks,
    });

  const draw = () => {
    if (progress.tasks.size === 0) return;
    drawn = frame(Math.max(2, (stream.rows ?? 24) - 1));
    update(drawn.join('\n'));
  };

  // A terminal that becomes narrower breaks the lines that are there: the frame is then taller than it was drawn.
  const resized = () => {
    const columns = Math.max(1, stream.columns ?? 80);
    if (columns < width) {
      const extra = drawn.reduce(
        (sum, line) => sum + Math.max(0, Math.ceil(stringWidth(line) / columns) - 1),
        0,
      );
      update.clear();
      stream.write('\u001b[1A\u001b[2K'.repeat(extra));
    }
    width = columns;
    draw();
  };

  const timer = setInterval(() => {
    spinner.spin();
    draw();
  }, 1000 / framesPerSecond);
  timer.unref();
  stream.on('resize', resized);

  return {
    emit(event) {
      if (event.type !== 'warning') return progress.apply(event, performance.now());
      const { paint } = paper();
      update.persist(`${paint('yellow', 'Warning:')} ${event.message}${event.hint ? ` ${event.hint}` : ''}`);
      draw();
    },
    close() {
      clearInterval(timer);
      stream.off('resize', resized);
      if (keep && progress.tasks.size > 0) update.persist(frame(Number.POSITIVE_INFINITY).join('\n'));
      else update.clear();
      update.done();
    },
  };
}
