/** From which package sources the base image is made: this machine's own, for another suite. Pure. */

export interface PackageSource {
  readonly uri: string;
  /** Such as `trixie`, `trixie-updates`, `trixie-security`. */
  readonly suite: string;
}

/** Reads one-line (`deb URI SUITE COMPONENT…`) and deb822 (`URIs: …`) lists of apt; what is disabled or lacks `main` is left out. */
export function parseSources(text: string): PackageSource[] {
  const oneLine = [...text.matchAll(/^deb\s+(?:\[[^\]]*\]\s+)?(\S+)\s+(\S+)((?:\s+[^\s#]+)+)/gm)].flatMap(
    ([, uri = '', suite = '', components = '']) =>
      components.trim().split(/\s+/).includes('main') ? [{ uri, suite }] : [],
  );
  const stanzas = text
    .split('\n')
    .filter((line) => !line.startsWith('#'))
    .join('\n')
    .split(/\n\s*\n/)
    .map(parseStanza)
    .filter((fields) => fields.has('uris') && fields.get('enabled')?.toLowerCase() !== 'no')
    .filter(
      (fields) =>
        words(fields.get('types')).includes('deb') && words(fields.get('components')).includes('main'),
    )
    .flatMap((fields) =>
      words(fields.get('uris')).flatMap((uri) =>
        words(fields.get('suites')).map((suite) => ({ uri, suite })),
      ),
    );
  return [...oneLine, ...stanzas];
}

const words = (text: string | undefined): string[] => (text ?? '').split(/\s+/).filter(Boolean);

/** Field name in lower case → its value, continuation lines joined. */
const parseStanza = (text: string): Map<string, string> =>
  new Map(
    [...text.matchAll(/^([\w-]+):((?:.*)(?:\n[ \t].*)*)/gm)].map(([, name = '', value = '']) => [
      name.toLowerCase(),
      value.trim(),
    ]),
  );

/**
 * The same sources for `suite`, as lines of a sources list, or null where they do not have the whole of Debian: its
 * release and its security updates. `codename` is the host's own.
 */
export function sourcesForSuite(
  host: readonly PackageSource[],
  codename: string,
  suite: string,
): string[] | null {
  const lines = ['', '-updates', '-security'].map((pocket) =>
    host
      .filter((source) => source.suite === `${codename}${pocket}`)
      .map((source) => `deb ${source.uri} ${suite}${pocket} main`),
  );
  const [release = [], , security = []] = lines;
  return release.length > 0 && security.length > 0 ? [...new Set(lines.flat())] : null;
}

/** Settings by which this machine's administrator lets apt reach its sources (proxy, certificates, dates), out of `apt-config dump`. */
export const transportSettings = (dump: string): string[] =>
  dump
    .split('\n')
    .filter((line) => /^Acquire::(https?::|Check-|ForceIPv|Retries)/i.test(line) && !/ "";$/.test(line))
    .map((line) => line.replace(/;$/, ''));
