/** What BuildKit's parser takes for white space: Go's `unicode.IsSpace`, which JavaScript's `\s` is not. */
const space = '\\t\\n\\v\\f\\r \\u0085\\u00a0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000';
const anySpace = new RegExp(`[${space}]`);
const leading = new RegExp(`^[${space}]+`);

export const isSpace = (character: string): boolean => anySpace.test(character);
export const trimStart = (text: string): string => text.replace(leading, '');

/** Written as a loop because a regular expression that ends in `+$` is quadratic on runs of spaces. */
function trimEnd(text: string): string {
  let end = text.length;
  while (end > 0 && isSpace(text.charAt(end - 1))) end--;
  return text.slice(0, end);
}

export const trim = (text: string): string => trimEnd(trimStart(text));

/** Cuts at runs of white space within a line; an empty first word is kept where the text starts with space, as BuildKit does. */
export const splitAtSpace = (text: string): string[] => text.split(/[\t\v\f\r ]+/);
