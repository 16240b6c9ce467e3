/** Looks at a judged container's processes, sockets and files from a container that shares its namespaces. */
import { setTimeout as pause } from 'node:timers/promises';
import type { InsideEvidence, RunEvidence, SudoEvidence } from './evidence.ts';
import type { Laboratory } from './laboratory.ts';
import { platform } from './platform.ts';
import { text } from './probe-text.ts';
import { insideScript } from './scripts/inside.ts';

/** Started before it is needed, so that its own start costs no time. */
export interface Inspector {
  readonly container: string;
  readonly subject: string;
  /** Why it could not be started; null where it was. */
  readonly refused: Promise<unknown>;
}

export async function sendInspector(laboratory: Laboratory, subject: string): Promise<Inspector> {
  const container = await laboratory.createProbe({
    network: `container:${subject}`,
    pid: `container:${subject}`,
    // Reads what processes of other users hold; the engine's own defaults allow the rest.
    capabilities: ['SYS_PTRACE'],
    entrypoint: ['sleep', '3600'],
  });
  const refused = laboratory.engine.startContainer(container).then(
    () => null,
    (error: unknown) => error,
  );
  return { container, subject, refused };
}

/** Null where the container has ended. */
export async function lookInside(
  laboratory: Laboratory,
  { container, subject, refused }: Inspector,
  port: number,
  variables: readonly string[],
): Promise<InsideEvidence | null> {
  const refusal = await laboratory.race(refused);
  if (refusal !== null) {
    // It cannot join a container that has ended; then there is nothing to be seen.
    if ((await laboratory.engine.containerState(subject)).running) throw refusal;
    return null;
  }
  const { user, group, home } = platform;
  const words = [port, user.id, group.id, home, ...variables].map(String);
  const seen = await laboratory.observe(insideScript, words, 60, container).catch(async (error) => {
    laboratory.signal.throwIfAborted();
    // The judged container takes the probe with it when it ends, a moment before the engine knows.
    for (let looks = 0; looks < 10; looks++) {
      if (!(await laboratory.race(laboratory.engine.containerState(subject))).running) return null;
      await laboratory.race(pause(100));
    }
    throw error;
  });
  if (seen === null) return null;
  const { counters, sudo, ...evidence } = text(seen) as Omit<InsideEvidence, 'withoutRoute' | 'sudo'> & {
    counters: string;
    sudo?: Omit<SudoEvidence, 'tried'>;
  };
  return {
    ...evidence,
    sudo: sudo ? { ...sudo, tried: await trySudo(laboratory, subject, sudo.path) } : null,
    withoutRoute: counterOf(counters, 'Ip', 'OutNoRoutes'),
  };
}

/** What dw-user must not be able to do. Run in the judged container itself: elsewhere the kernel ignores that sudo is setuid. */
function trySudo(laboratory: Laboratory, subject: string, sudo: string): Promise<RunEvidence[]> {
  const { user, group } = platform;
  const attempts = [['true'], ['id', '-u'], ['/bin/sh', '-c', 'id -u'], ['-g', 'root', 'id', '-g']];
  return Promise.all(
    attempts.map(async (words): Promise<RunEvidence> => {
      const command = [sudo, '-n', ...words];
      const options = { user: `${user.id}:${group.id}`, timeoutMs: 15_000 };
      const ran = await laboratory.race(laboratory.engine.exec(subject, command, options));
      return { command: command.join(' '), code: ran.exitCode, out: ran.stdout, err: ran.stderr };
    }),
  );
}

/** One number of /proc/net/snmp: a line of names, then a line of values. */
function counterOf(counters: string, protocol: string, name: string): number {
  const [names = [], values = []] = counters
    .split('\n')
    .filter((line) => line.startsWith(`${protocol}:`))
    .map((line) => line.split(/\s+/));
  return Number(values[names.indexOf(name)] ?? 0);
}
