/** Where what this program learned is kept between runs: it cannot be had again by itself, and costs time to find out. */
import { homedir } from 'node:os';
import { join } from 'node:path';

export function stateFolder(environment: Readonly<Record<string, string | undefined>>): string {
  const base = environment['XDG_STATE_HOME'];
  return join(
    base?.startsWith('/') ? base : join(environment['HOME'] ?? homedir(), '.local', 'state'),
    'dwt',
  );
}
