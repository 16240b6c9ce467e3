/** Where a Docker engine is to be reached: from a URL to an address that can be dialled. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DwtError } from '../errors.ts';

export interface TlsMaterial {
  readonly ca?: Buffer;
  readonly cert?: Buffer;
  readonly key?: Buffer;
  readonly verify: boolean;
}

export type Address =
  | { readonly kind: 'unix'; readonly path: string }
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number; readonly tls: TlsMaterial | null }
  | {
      readonly kind: 'ssh';
      readonly host: string;
      readonly port: number | null;
      readonly user: string | null;
      readonly socket: string | null;
    };

export interface Endpoint {
  /** For people: without user information other than ssh's user name. */
  readonly url: string;
  /** Where the URL came from, in the words of `Engine.source`. */
  readonly source: string;
  readonly address: Address;
  /** What stands before the API's own paths: '' or `/prefix`. */
  readonly basePath: string;
}

const schemes = 'unix:///path, tcp://host:port, ssh://user@host, http://host:port or https://host:port';

/** Reads an engine's URL as docker does. `tls` is what the source of the URL says about TLS; null means plain. */
export function parseEndpoint(url: string, source: string, tls: TlsMaterial | null): Endpoint {
  if (url.startsWith('unix://')) {
    const path = url.slice('unix://'.length);
    if (!path.startsWith('/')) throw wrongUrl(url, source, 'the path of a unix socket is absolute');
    return { url, source, address: { kind: 'unix', path }, basePath: '' };
  }
  if (!/^(tcp|https?|ssh):\/\//.test(url)) throw wrongUrl(url, source, `it is not one of ${schemes}`);
  let parsed: URL;
  try {
    parsed = new URL(url);
  } catch {
    throw wrongUrl(url, source, 'it has no legal host and port');
  }
  const scheme = url.slice(0, url.indexOf(':'));
  const host = parsed.hostname.replace(/^\[(.*)\]$/, '$1');
  const path = parsed.pathname.replace(/\/+$/, '');
  const port = parsed.port ? Number(parsed.port) : null;
  const shown = `${scheme}://${scheme === 'ssh' && parsed.username ? `${parsed.username}@` : ''}${parsed.hostname}${port ? `:${port}` : ''}${path}`;
  if (host === '') throw wrongUrl(url, source, 'it has no host');
  if (scheme === 'ssh') {
    if (parsed.password)
      throw wrongUrl(shown, source, 'a password in an ssh URL is not supported; use a key or an agent');
    const user = parsed.username ? decodeURIComponent(parsed.username) : null;
    if (host.startsWith('-') || user?.startsWith('-'))
      throw wrongUrl(shown, source, 'neither host nor user begins with "-"');
    return {
      url: shown,
      source,
      address: { kind: 'ssh', host, port, user, socket: path || null },
      basePath: '',
    };
  }
  const secure = scheme === 'https' ? (tls ?? { verify: true }) : scheme === 'http' ? null : tls;
  const standardPort = scheme === 'https' ? 443 : scheme === 'http' ? 80 : secure ? 2376 : 2375;
  return {
    url: shown,
    source,
    address: { kind: 'tcp', host, port: port ?? standardPort, tls: secure },
    basePath: path,
  };
}

function wrongUrl(url: string, source: string, why: string): DwtError {
  const where = source === '--engine' ? '--engine' : `The engine's URL from ${source}`;
  return new DwtError('USAGE', `${where} is "${withoutPassword(url)}": ${why}.`, {
    hint: url.includes('/')
      ? `Give it as ${schemes}.`
      : `Give it as ${schemes}; to use a docker context by its name, set DOCKER_CONTEXT=${url}.`,
  });
}

const withoutPassword = (url: string): string => url.replace(/\/\/([^/@:]*):[^/@]*@/, '//$1:…@');

/** Reads `ca.pem`, `cert.pem` and `key.pem` of a folder, each where there is one. */
export function readTls(folder: string, verify: boolean): TlsMaterial {
  const read = (name: string): Buffer | undefined => {
    try {
      return readFileSync(join(folder, name));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw new DwtError(
        'ENGINE_UNREACHABLE',
        `The engine's TLS file ${join(folder, name)} cannot be read.`,
        {
          hint: 'Correct its permissions, or set DOCKER_CERT_PATH to the folder with ca.pem, cert.pem and key.pem.',
          cause: error,
        },
      );
    }
  };
  const [ca, cert, key] = [read('ca.pem'), read('cert.pem'), read('key.pem')];
  return { verify, ...(ca && { ca }), ...(cert && { cert }), ...(key && { key }) };
}
