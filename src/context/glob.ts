/** Go's `filepath.Match`, by which BuildKit reads wildcards in COPY and ADD. */

/** True where `filepath.Match` accepts the pattern. */
export const isWellFormed = (pattern: string): boolean => translate(pattern) !== null;

/** What matches the whole of a path relative to where the wildcards start; a malformed pattern matches nothing. */
export function compileGlob(pattern: string): (path: string) => boolean {
  const source = translate(pattern);
  if (source === null) return () => false;
  const expression = new RegExp(`^${source}$`, 'u');
  return (path) => expression.test(path);
}

/** Where the first path element with a wildcard starts: what is before it is a plain path. */
export function splitGlob(path: string): { readonly base: string; readonly glob: string } {
  const parts = path.split('/');
  const first = parts.findIndex(hasWildcard);
  if (first === -1) return { base: path, glob: '' };
  return { base: parts.slice(0, first).join('/'), glob: parts.slice(first).join('/') };
}

function hasWildcard(part: string): boolean {
  for (let at = 0; at < part.length; at++) {
    if (part[at] === '\\') at++;
    else if (/[*?[]/.test(part[at] ?? '')) return true;
  }
  return false;
}

const literal = (character: string): string => character.replace(/[\\^$.*+?()[\]{}|/]/, '\\$&');
const inClass = (character: string): string => character.replace(/[\\\]^[-]/, '\\$&');

function translate(pattern: string): string | null {
  const characters = [...pattern];
  let source = '';
  for (let at = 0; at < characters.length; ) {
    const character = characters[at++] ?? '';
    if (character === '*') source += '[^/]*';
    else if (character === '?') source += '[^/]';
    else if (character === '\\') {
      const escaped = characters[at++];
      if (escaped === undefined) return null;
      source += literal(escaped);
    } else if (character === '[') {
      const parsed = parseClass(characters, at);
      if (!parsed) return null;
      source += parsed.source;
      at = parsed.end;
    } else source += literal(character);
  }
  return source;
}

function parseClass(characters: readonly string[], start: number): { source: string; end: number } | null {
  let at = start;
  const negated = characters[at] === '^';
  if (negated) at++;
  const take = (): string | null => {
    const character = characters[at++];
    if (character === undefined || character === '-' || character === ']') return null;
    return character === '\\' ? (characters[at++] ?? null) : character;
  };
  let ranges = '';
  let count = 0;
  while (count === 0 || characters[at] !== ']') {
    const low = take();
    if (low === null) return null;
    let high: string | null = low;
    if (characters[at] === '-') {
      at++;
      high = take();
    }
    if (high === null || at >= characters.length) return null;
    // A range that runs backwards is well formed and holds nothing.
    if ((low.codePointAt(0) ?? 0) <= (high.codePointAt(0) ?? 0)) ranges += `${inClass(low)}-${inClass(high)}`;
    count++;
  }
  return { source: `[${negated ? '^' : ''}${ranges}]`, end: at + 1 };
}
