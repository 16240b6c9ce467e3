/** Check 2: whoever holds the listening socket is dw-user, with nothing else kept. */
import { enumerate, fail, type Judgement, pass } from './check.ts';
import type { Ids, ListenerEvidence, ProcessEvidence } from './evidence.ts';
import { platform } from './platform.ts';

export function judgeUser(
  listeners: readonly ListenerEvidence[],
  processes: readonly ProcessEvidence[],
  port: number,
): Judgement {
  if (listeners.length === 0)
    return fail(`no socket listens on ${port} in the container, whatever answers for it`);
  const holders = processes.filter(({ sockets }) => sockets.length > 0);
  const unheld = listeners.filter(({ inode }) => !holders.some(({ sockets }) => sockets.includes(inode)));
  if (unheld.length > 0) {
    return fail(
      `${port} (${enumerate(unheld.map(({ address }) => address))}) is held by no process of the container`,
    );
  }
  const wrong = holders.filter((holder) => !isUser(holder));
  const shown = wrong.length > 0 ? wrong : holders;
  const seen = `${port} is held by ${enumerate(shown.map(described), 4)}`;
  if (wrong.length > 0) {
    return fail(
      seen,
      `Let root prepare, then replace itself: exec setpriv --reuid=${platform.user.id} --regid=${platform.group.id} --init-groups, or USER ${platform.user.name}.`,
    );
  }
  return pass(seen);
}

const isUser = ({ uid, gid, threads }: ProcessEvidence): boolean =>
  [{ uid, gid }, ...threads].every(
    (ids) =>
      ids.uid.every((id) => id === platform.user.id) && ids.gid.every((id) => id === platform.group.id),
  );

/** `pid 7, python, uid 4356, gid 4357`; all four ids where they differ. */
function described({ pid, name, uid, gid, threads }: ProcessEvidence): string {
  const odd = threads.map(
    (thread) => `, thread ${thread.id} uid ${idText(thread.uid)} gid ${idText(thread.gid)}`,
  );
  return `pid ${pid}, ${name}, uid ${idText(uid)}, gid ${idText(gid)}${odd.slice(0, 2).join('')}`;
}

function idText(ids: Ids): string {
  const [real, effective, saved, files] = ids;
  if (ids.every((id) => id === real)) return `${real}`;
  return `${real} (effective ${effective}, saved ${saved}, file system ${files})`;
}

/** For what serves nothing: every process is dw-user, but for an init that only waits for the others. */
export function judgeProcesses(processes: readonly ProcessEvidence[]): Judgement {
  const outsiders = new Set<number>();
  // What the engine started beside process 1 (a health check, an exec) has no parent inside; processes come in order of their ids.
  for (const { pid, parent } of processes)
    if (pid !== 1 && (parent === 0 || outsiders.has(parent))) outsiders.add(pid);
  const inmates = processes.filter(({ pid }) => !outsiders.has(pid));
  const own = inmates.filter(({ pid, name }) => !(pid === 1 && inmates.length > 1 && inits.has(name)));
  if (own.length === 0) return fail('no process runs');
  const wrong = own.filter((each) => !isUser(each));
  const seen = `runs ${enumerate((wrong.length > 0 ? wrong : own).map(described), 4)}`;
  return wrong.length > 0
    ? fail(seen, `Everything but the set-up runs as ${platform.user.id}:${platform.group.id}.`)
    : pass(seen);
}

const inits = new Set(['tini', 'docker-init', 'dumb-init', 'catatonit']);
