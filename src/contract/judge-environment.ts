/** Check 5: the credentials reach the tool's process and a terminal inside it, byte for byte. */
import { enumerate, fail, type Judgement, pass, plural } from './check.ts';
import type { InsideEvidence, ProcessEvidence } from './evidence.ts';

type Values = Readonly<Record<string, readonly string[]>>;

/** `given`: what the container was started with. */
export function judgeEnvironment(
  { processes, terminal }: Pick<InsideEvidence, 'processes' | 'terminal'>,
  given: Readonly<Record<string, string>>,
): Judgement {
  const holders = processes.filter(({ sockets }) => sockets.length > 0);
  if (holders.length === 0) return fail('no process that serves was found to look into');
  for (const holder of holders) {
    const wrong = differences(holder.environment?.values ?? {}, given);
    if (wrong.length > 0) {
      const empty = holder.environment?.source === 'unreadable' ? ' (its environment could not be read)' : '';
      return fail(
        `${who(holder)} ${wrong.join('; ')}${empty}`,
        'Start it without clearing the environment: setpriv and exec keep it; su -, sudo and env -i do not.',
      );
    }
  }
  const all = `all ${Object.keys(given).length} variables given`;
  const served = `${enumerate(holders.map(who), 3)} ${holders.length > 1 ? 'have' : 'has'} ${all}`;
  if (!terminal) return pass(`${served}; there is no shell for a terminal`);
  if (!terminal.values)
    return fail(
      `${served}, but a login shell (${terminal.shell}) does not come up in 10 s`,
      'See what its profile files wait for.',
    );
  const lost = differences(terminal.values, given);
  if (lost.length > 0)
    return fail(
      `a terminal (${terminal.shell} -l) ${lost.join('; ')}`,
      'A profile file of the image changes them.',
    );
  return pass(`${served}; so does a terminal (${terminal.shell} -l)`);
}

const who = ({ pid, name }: ProcessEvidence): string => `pid ${pid} (${name})`;

function differences(values: Values, given: Readonly<Record<string, string>>): string[] {
  const missing = Object.keys(given).filter((name) => !values[name]?.length);
  const changed = Object.entries(given).filter(
    ([name, value]) => values[name]?.length && !values[name].includes(value),
  );
  return [
    ...(missing.length > 0 ? [`lacks ${plural(missing.length, 'variable')}: ${enumerate(missing, 5)}`] : []),
    ...changed
      .slice(0, 2)
      .map(
        ([name, value]) =>
          `has ${name}=${JSON.stringify(values[name]?.[0])} where ${JSON.stringify(value)} was given`,
      ),
  ];
}
