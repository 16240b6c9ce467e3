/** Image references by the grammar of the distribution project, with Docker's defaults applied; the only one in the program. */
import { DwtError } from '../errors.ts';

/** A reference with every default filled in but the tag. */
export interface Reference {
  /** Host with its port where it has one: `docker.io`, `127.0.0.1:5000`, `[::1]:5000`. */
  readonly domain: string;
  /** Repository within the registry: `library/debian`. */
  readonly path: string;
  readonly tag: string | null;
  /** `sha256:…` */
  readonly digest: string | null;
}

/** The registry that a reference without a host means. */
export const dockerHub = 'docker.io';

const label = '[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?';
const domainPattern = new RegExp(`^(?:${label}(?:\\.${label})*|\\[[a-fA-F0-9:]+\\])(?::[0-9]+)?$`);
const componentPattern = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*$/;
const tagPattern = /^\w[\w.-]{0,127}$/;
const digestLengths: Readonly<Record<string, number>> = { sha256: 64, sha384: 96, sha512: 128 };
/** Engine 20.10 counts the host as part of the name; newer ones do not. */
const longestName = 255;

/**
 * Reads a reference such as `debian`, `localhost:5000/tools/jupyterlab:master` or `ghcr.io/a/b@sha256:…`.
 *
 * @throws DwtError REFERENCE_INVALID, saying which part is wrong and what would be right.
 */
export function parseReference(text: string): Reference {
  const fail = refusal(text);
  if (text === '')
    throw fail('it is empty', 'Write HOST/PATH:TAG, such as registry.example.com/tools/jupyterlab:master.');
  if (/\s/.test(text))
    throw fail('it has white space in it', `Write it without: ${text.replace(/\s+/g, '')}.`);
  const scheme = /^[a-zA-Z][a-zA-Z0-9+.-]*:\/\//.exec(text)?.[0];
  if (scheme)
    throw fail(
      `it starts with ${scheme}, and a reference has no scheme`,
      `Write ${text.slice(scheme.length)}.`,
    );

  const [named, digest] = cut(text, text.indexOf('@'));
  const colon = named.indexOf(':', named.lastIndexOf('/') + 1);
  const [name, tag] = cut(named, colon);
  if (name === '')
    throw fail(
      'it has no name',
      'Write HOST/PATH:TAG, such as registry.example.com/tools/jupyterlab:master.',
    );
  if (tag !== null) checkTag(tag, fail);
  if (digest !== null) checkDigest(digest, fail);
  if (/^[a-f0-9]{64}$/.test(name))
    throw fail('64 hexadecimal digits mean an image id', 'Give the image a name and use that.');
  if (name.length > longestName)
    throw fail(`its name has ${name.length} characters, and ${longestName} are allowed`, 'Shorten it.');

  const { domain, path } = splitDomain(name);
  if (!domainPattern.test(domain))
    throw fail(
      `${quoted(domain)} is not a host name`,
      'A host is letters, digits, - and ., then :PORT where it has one.',
    );
  checkPath(path, fail);
  return { domain, path, tag, digest };
}

/** The canonical form: `docker.io/library/debian:trixie@sha256:…`; reads back as the same reference. */
export function formatReference(reference: Reference): string {
  const tag = reference.tag === null ? '' : `:${reference.tag}`;
  const digest = reference.digest === null ? '' : `@${reference.digest}`;
  return `${reference.domain}/${reference.path}${tag}${digest}`;
}

/**
 * Reads `HOST[/PATH]`, where the first part is always a host.
 *
 * @throws DwtError REFERENCE_INVALID, also for a first part that engines would take for a namespace of Docker Hub.
 */
export function parseRegistry(text: string): { readonly domain: string; readonly path: string | null } {
  const fail = refusal(text, 'registry');
  const trimmed = text.replace(/\/+$/, '');
  const scheme = /^[a-zA-Z][a-zA-Z0-9+.-]*:\/\//.exec(text)?.[0];
  if (scheme)
    throw fail(
      `it starts with ${scheme}`,
      `Write ${trimmed.slice(scheme.length)}; plain http is used for loopback registries alone.`,
    );
  const [domain, path] = cut(trimmed, trimmed.indexOf('/'));
  if (domain === '') throw fail('it names no host', 'Write HOST[/PATH], such as registry.example.com/tools.');
  if (!domainPattern.test(domain))
    throw fail(
      `${quoted(domain)} is not a host name`,
      'Write HOST[:PORT][/PATH], such as registry.example.com/tools.',
    );
  if (!isDomain(domain)) {
    throw fail(
      `engines take ${quoted(domain)} for a namespace of Docker Hub, since it has neither a dot nor a port`,
      `Write ${dockerHub}/${trimmed} if that is meant, else ${domain}:443${trimmed.slice(domain.length)}.`,
    );
  }
  if (path !== null) checkPath(path, fail);
  return { domain: normalDomain(domain), path };
}

/**
 * The same repository under another tag.
 *
 * @throws DwtError REFERENCE_INVALID
 */
export function withTag({ domain, path }: Pick<Reference, 'domain' | 'path'>, tag: string): Reference {
  checkTag(tag, refusal(`${domain}/${path}:${tag}`));
  return { domain, path, tag, digest: null };
}

type Refuse = (problem: string, hint: string) => DwtError;

const refusal =
  (text: string, what = 'image reference'): Refuse =>
  (problem, hint) =>
    new DwtError('REFERENCE_INVALID', `${quoted(text)} is not a legal ${what}: ${problem}.`, { hint });

/** Bounded, since what is quoted here was typed or computed by somebody. */
const quoted = (text: string): string => JSON.stringify(text.length > 300 ? `${text.slice(0, 300)}…` : text);

/** What is before and after one character, null where there is none. */
const cut = (text: string, at: number): [string, string | null] =>
  at < 0 ? [text, null] : [text.slice(0, at), text.slice(at + 1)];

/** Docker's rule for whether the part before the first slash is a host. */
const isDomain = (part: string): boolean =>
  /[.:]/.test(part) || part === 'localhost' || part !== part.toLowerCase();

const normalDomain = (domain: string): string => (domain === 'index.docker.io' ? dockerHub : domain);

function splitDomain(name: string): { domain: string; path: string } {
  const [first, rest] = cut(name, name.indexOf('/'));
  const hasDomain = rest !== null && isDomain(first);
  const domain = hasDomain ? normalDomain(first) : dockerHub;
  const path = hasDomain ? rest : name;
  return { domain, path: domain === dockerHub && !path.includes('/') ? `library/${path}` : path };
}

function checkPath(path: string, fail: Refuse): void {
  for (const component of path.split('/')) {
    if (component === '')
      throw fail('it has an empty part between slashes', 'Write each part once, with one slash between.');
    if (componentPattern.test(component)) continue;
    if (componentPattern.test(component.toLowerCase())) {
      throw fail(`${quoted(component)} has capital letters`, `Write ${quoted(component.toLowerCase())}.`);
    }
    throw fail(
      `${quoted(component)} is not a legal part of a name`,
      'A part is lower-case letters and digits, with single . or _, __ or any number of - between them.',
    );
  }
}

function checkTag(tag: string, fail: Refuse): void {
  if (tagPattern.test(tag)) return;
  if (tag === '')
    throw fail('there is no tag after the colon', 'Leave the colon out, or write a tag after it.');
  if (tag.length > 128)
    throw fail(`its tag has ${tag.length} characters, and 128 are allowed`, 'Shorten it.');
  const legal = tag.replace(/[^\w.-]/g, '-').replace(/^[.-]+/, '');
  throw fail(
    `${quoted(tag)} is not a legal tag`,
    `A tag is letters, digits, _, . and -, and starts with none of the last two${legal === '' ? '.' : `: ${quoted(legal)} would do.`}`,
  );
}

function checkDigest(digest: string, fail: Refuse): void {
  const [algorithm, hex] = cut(digest, digest.indexOf(':'));
  const length = digestLengths[algorithm];
  if (length === undefined || hex === null) {
    throw fail(
      `${quoted(digest)} is not a digest`,
      'A digest is sha256: and 64 hexadecimal digits, as `docker images --digests` shows it.',
    );
  }
  if (hex.length !== length || !/^[a-f0-9]*$/.test(hex)) {
    throw fail(
      `after ${algorithm}: there must be ${length} hexadecimal digits in lower case, and there are ${hex.length} characters`,
      'Copy the whole digest.',
    );
  }
}
