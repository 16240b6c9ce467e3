/** Where what can be had again is kept between runs. */
import { homedir } from 'node:os';
import { join } from 'node:path';

export function cacheFolder(environment: Readonly<Record<string, string | undefined>>): string {
  const base = environment['XDG_CACHE_HOME'];
  return join(base?.startsWith('/') ? base : join(environment['HOME'] ?? homedir(), '.cache'), 'dwt');
}
