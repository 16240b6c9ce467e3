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
  for (const form of formsOf(value, shortest, shortestLine)) concealed.add(form);
  pattern = null;
}

/** `text` without any concealed value. */
export function redact(text: string): string {
  if (concealed.size === 0) return text;
  pattern ??= anyOf(concealed);
  return text.replace(pattern, mark);
}

/** Takes values of variables, of which any may be a credential, out of text that is somebody else's. */
export function redactor(values: Iterable<string>): (text: string) => string {
  // Longer than what is concealed everywhere: these may as well be a number or a switch.
  const forms = new Set([...values].flatMap((value) => formsOf(value, 2 * shortest, 2 * shortest)));
  if (forms.size === 0) return (text) => text;
  const any = anyOf(forms);
  return (text) => text.replace(any, mark);
}

/** Of a value and each of its lines that are long enough: itself, and as it stands in JSON. */
function formsOf(value: string, least: number, leastLine: number): string[] {
  const whole = value.trim();
  const lines = whole.split(/\r?\n/).map((line) => line.trim());
  const parts = lines.length === 1 ? [] : lines.filter(({ length }) => length >= leastLine);
  return [whole, ...parts]
    .filter((part) => part.length >= least)
    .flatMap((part) => [part, JSON.stringify(part).slice(1, -1)]);
}

/** Longest first, so that a value that contains another one leaves nothing of itself behind. */
const anyOf = (forms: Iterable<string>): RegExp =>
  new RegExp(
    [...forms]
      .sort((a, b) => b.length - a.length)
      .map(escaped)
      .join('|'),
    'g',
  );

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

/** A command line as a log may have it: of the variables of a container only their names. */
export const withoutVariables = (argv: readonly string[]): string[] =>
  argv.map((word, index) => {
    const before = argv[index - 1] ?? '';
    const own = /^(?:--env=|-e=?)/.exec(word)?.[0] ?? (/^(?:--env|-e)$/.test(before) ? '' : null);
    const equals = own === null ? -1 : word.indexOf('=', own.length);
    return equals === -1 ? word : `${word.slice(0, equals + 1)}${mark}`;
  });

const escaped = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
