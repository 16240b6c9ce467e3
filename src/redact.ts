/** What must never be shown: values of secrets, credentials and secret-looking arguments, taken out of all that is written. */

const mark = '[redacted]';
/** Shorter values are part of too many innocent words. */
const shortest = 4;
/** The same of one line among several: a certificate's or a setting file's lines are words like any other. */
const shortestLine = 12;
const concealed = new Set<string>();
let pattern: RegExp | null = null;

/** From now on `value` is written nowhere: neither as a whole nor any of its lines. */
export function conceal(value: string): void {
  const whole = value.trim();
  const lines = whole.split(/\r?\n/).map((line) => line.trim());
  const parts = lines.length === 1 ? lines : [whole, ...lines.filter(({ length }) => length >= shortestLine)];
  for (const part of parts) {
    if (part.length < shortest) continue;
    concealed.add(part);
    concealed.add(JSON.stringify(part).slice(1, -1));
  }
  pattern = null;
}

/** `text` without any concealed value. */
export function redact(text: string): string {
  if (concealed.size === 0) return text;
  // Longest first, so that a value that contains another one leaves nothing of itself behind.
  pattern ??= new RegExp(
    [...concealed]
      .sort((a, b) => b.length - a.length)
      .map(escaped)
      .join('|'),
    'g',
  );
  return text.replace(pattern, mark);
}

/** Whether the name of a build argument or variable says that its value is a secret. */
export const soundsSecret = (name: string): boolean =>
  /pass(word|wd|phrase)?$|secret|token|credential|api_?key|private_?key|access_?key/i.test(name);

/** A password in a URL, as engines' and proxies' URLs may have. */
const urlPassword = /\b[a-z][a-z0-9+.-]*:\/\/[^\s/@:]*:([^\s/@]+)@/gi;

/**
 * Conceals the values of all words of a command line of the form `NAME=VALUE` or `--flag=NAME=VALUE` whose name sounds
 * secret, and passwords in URLs.
 */
export function concealArguments(argv: readonly string[]): void {
  for (const word of argv) {
    for (const [, password = ''] of word.matchAll(urlPassword)) conceal(password);
    const [, name, value] = /^(?:--[a-z-]+=)?([A-Za-z_][\w.-]*)=([\s\S]*)$/.exec(word) ?? [];
    if (name !== undefined && value !== undefined && soundsSecret(name)) conceal(value);
  }
}

const escaped = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
