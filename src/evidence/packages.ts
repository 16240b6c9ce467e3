/** What package managers write down of what they installed, read as they write it. */

export interface InstalledPackage {
  /** Package URL type. */
  readonly type: 'deb' | 'pypi' | 'cran' | 'npm';
  readonly name: string;
  readonly version: string;
  /** In the words of the package; null where it says nothing. */
  readonly license: string | null;
  /** Of a Debian package. */
  readonly architecture: string | null;
  /** Of a Debian package whose source has another name. */
  readonly source: string | null;
}

/** `NAME: value` lines, continued by lines that begin with white space; stanzas are separated by empty lines. */
function* stanzas(text: string): Generator<ReadonlyMap<string, string>> {
  let fields = new Map<string, string>();
  let last = '';
  for (const line of text.split(/\r?\n/)) {
    if (line.trim() === '') {
      if (fields.size > 0) yield fields;
      fields = new Map();
    } else if (/^\s/.test(line)) {
      fields.set(last, `${fields.get(last) ?? ''} ${line.trim()}`.trim());
    } else {
      const colon = line.indexOf(':');
      if (colon <= 0) continue;
      last = line.slice(0, colon).toLowerCase();
      // Of fields that are given several times, the first counts.
      if (!fields.has(last)) fields.set(last, line.slice(colon + 1).trim());
      else last = '';
    }
  }
  if (fields.size > 0) yield fields;
}

/** Of `/var/lib/dpkg/status`: what is installed, not what was removed with its settings kept. */
export function debianPackages(status: string): InstalledPackage[] {
  return [...stanzas(status)].flatMap((fields) => {
    const [name, version] = [fields.get('package'), fields.get('version')];
    const state = fields.get('status') ?? 'install ok installed';
    if (!name || !version || !state.endsWith(' installed')) return [];
    const architecture = fields.get('architecture') ?? null;
    const source = /^\S+/.exec(fields.get('source') ?? '')?.[0] ?? null;
    return [{ type: 'deb', name, version, license: null, architecture, source }];
  });
}

/** Of `METADATA` in a `.dist-info`, or `PKG-INFO` in an `.egg-info`. */
export function pythonPackage(metadata: string): InstalledPackage | null {
  const [fields] = stanzas(metadata);
  const [name, version] = [fields?.get('name'), fields?.get('version')];
  if (!fields || !name || !version) return null;
  // Older packages have the whole text of their licence there.
  const license = [fields.get('license-expression'), fields.get('license')].find(
    (each) => each && each.length < 200,
  );
  return { ...nothingMore, type: 'pypi', name: normalName(name), version, license: license ?? null };
}

/** Python's own rule for equal names. */
const normalName = (name: string): string => name.toLowerCase().replace(/[-_.]+/g, '-');

/** Of `DESCRIPTION` in an R library; a package's sources have one too, which was not built. */
export function rPackage(description: string): InstalledPackage | null {
  const [fields] = stanzas(description);
  const [name, version] = [fields?.get('package'), fields?.get('version')];
  if (!fields?.has('built') || !name || !version) return null;
  return { ...nothingMore, type: 'cran', name, version, license: fields.get('license') ?? null };
}

/** Of a `package.json` in `node_modules`; those that only say what kind of modules a folder has are none. */
export function npmPackage(json: string): InstalledPackage | null {
  try {
    const { name, version, license } = JSON.parse(json) as Record<string, unknown>;
    if (typeof name !== 'string' || typeof version !== 'string' || name === '' || version === '') return null;
    return {
      ...nothingMore,
      type: 'npm',
      name,
      version,
      license: typeof license === 'string' ? license : null,
    };
  } catch {
    return null;
  }
}

const nothingMore = { license: null, architecture: null, source: null } as const;
