/** Turns the raw output of a step into lines that can be shown anywhere. */
import { stripVTControlCharacters } from 'node:util';

/** Characters of one line that are kept; a line of megabytes says nothing more than its beginning. */
export const longestLine = 2000;

// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is taken out
const control = /[\u0000-\u001f\u007f-\u009f]/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: as above
const controls = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g;

/** Text without escape sequences and control characters; tabs become spaces. */
export function harmless(text: string): string {
  // Most lines have none, and a build says millions of them.
  if (!control.test(text)) return text;
  return stripVTControlCharacters(text).replace(/\t/g, '    ').replace(controls, '');
}

/**
 * Joins chunks to lines, in constant memory. A carriage return starts the line over, as it does in a terminal, so that
 * of a progress bar only its last state is a line.
 */
export class LogLines {
  #kept = '';
  #length = 0;
  #restart = false;

  /** The lines that `chunk` completes. */
  push(chunk: string): string[] {
    const lines: string[] = [];
    for (const [piece] of chunk.matchAll(/[^\r\n]+|\r?\n|\r/g)) {
      if (piece === '\r') this.#restart = true;
      else if (piece.endsWith('\n')) lines.push(this.#take());
      else this.#append(piece);
    }
    return lines;
  }

  /** The line that no line feed has ended yet, if there is one. */
  end(): string[] {
    return this.#length === 0 ? [] : [this.#take()];
  }

  #append(piece: string): void {
    if (this.#restart) {
      this.#kept = '';
      this.#length = 0;
      this.#restart = false;
    }
    this.#length += piece.length;
    if (this.#kept.length < longestLine) this.#kept += piece.slice(0, longestLine - this.#kept.length);
  }

  #take(): string {
    const cut = this.#length > this.#kept.length;
    const line = harmless(this.#kept).trimEnd() + (cut ? ` … (${this.#length} characters)` : '');
    this.#kept = '';
    this.#length = 0;
    this.#restart = false;
    return line;
  }
}
