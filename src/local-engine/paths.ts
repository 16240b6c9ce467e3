/** Where the private engine lives: everything of it is in folders of its own, so that no other engine is ever touched. */
import { createHash } from 'node:crypto';
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { ProcessEnvironment } from '../host/command.ts';

export interface EnginePaths {
  /** Images, containers, volumes and the log: what stays when the engine is stopped. */
  readonly home: string;
  readonly dataRoot: string;
  readonly log: string;
  /** dockerd's settings (`daemon.json`), for the user to change; the machine's own are for the machine's own engine. */
  readonly settings: string;
  /** Sockets and pid files: what is gone when the machine is started anew. */
  readonly runtime: string;
  readonly execRoot: string;
  readonly socket: string;
  readonly pidFile: string;
  /** Name of the engine's own bridge, at most 15 characters as Linux wants it; one for each `home`. */
  readonly bridge: string;
}

/** The XDG base directories say that a relative path is to be ignored. */
const absolute = (path: string | undefined): string | null => (path?.startsWith('/') ? path : null);

export function enginePaths(environment: ProcessEnvironment): EnginePaths {
  const userHome = absolute(environment['HOME']) ?? homedir();
  const home = join(absolute(environment['XDG_DATA_HOME']) ?? join(userHome, '.local/share'), 'dwt/engine');
  const runtime = join(absolute(environment['XDG_RUNTIME_DIR']) ?? '/run', 'dwt');
  return {
    home,
    dataRoot: join(home, 'data'),
    log: join(home, 'dockerd.log'),
    settings: join(home, 'daemon.json'),
    runtime,
    execRoot: join(runtime, 'exec'),
    socket: join(runtime, 'docker.sock'),
    pidFile: join(runtime, 'docker.pid'),
    bridge: `dwt-${createHash('sha256').update(home).digest('hex').slice(0, 8)}`,
  };
}

/** The socket on which the private engine listens, whether it runs or not. */
export const privateEngineSocket = (environment: ProcessEnvironment): string =>
  enginePaths(environment).socket;
