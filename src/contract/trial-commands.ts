/** Commands that a stage declares: run as the platform's user, beside the tool and with its environment. */
import { DwtError } from '../errors.ts';
import { fail, type Judgement, pass } from './check.ts';
import type { InsideEvidence } from './evidence.ts';
import type { Laboratory } from './laboratory.ts';
import { platform } from './platform.ts';
import type { Inspector } from './probe-inside.ts';
import { sentinelEnvironment } from './sentinels.ts';
import { Subject } from './subject.ts';
import type { Findings } from './trial.ts';

/** Seconds that one may take. */
const within = 60;
const shownLines = 20;
const user = `${platform.user.id}:${platform.group.id}`;

type Commands = Readonly<Record<string, string>>;

const checkOf = (name: string): string => `command ${name}`;
export const commandChecks = (commands: Commands): string[] => Object.keys(commands).map(checkOf);

export async function tryCommands(
  findings: Findings,
  laboratory: Laboratory,
  commands: Commands,
  inspector: Inspector,
  seen: InsideEvidence | null,
): Promise<void> {
  if (seen === null) return findings.skip(commandChecks(commands), 'it ended before anybody could look');
  const environment = await environmentOf(laboratory, inspector, toolOf(seen));
  for (const [name, command] of Object.entries(commands)) {
    const check = checkOf(name);
    findings.begin(check);
    const ran = await runCommand(laboratory, inspector.subject, command, environment);
    await findings.add(check, judgeCommand(command, ran.exitCode), async () => ran.output);
  }
}

/** Of a job, which may be over at any time: each in a container of its own, with the variables that jobs get. */
export async function tryCommandsApart(
  findings: Findings,
  laboratory: Laboratory,
  commands: Commands,
  image: string,
): Promise<void> {
  for (const [name, command] of Object.entries(commands)) {
    const check = checkOf(name);
    findings.begin(check);
    const environment = sentinelEnvironment();
    const entrypoint = ['/bin/sh', '-c', command];
    const subject = await Subject.start(laboratory, { image, environment, entrypoint, user });
    const end = await subject.staysUp(within);
    await findings.add(check, judgeCommand(command, end?.exitCode ?? null), () => subject.lastLines());
    await subject.remove();
  }
}

/** `exitCode`: null where it did not end. */
export function judgeCommand(command: string, exitCode: number | null): Judgement {
  const shown = `\`${command.replace(/\s+/g, ' ').trim().slice(0, 80)}\``;
  if (exitCode === 0) return pass(`${shown} ended with 0`);
  return fail(
    exitCode === null ? `${shown} did not end within ${within} s` : `${shown} ended with ${exitCode}`,
    'It ran as dw-user, without a terminal; its last output says why.',
  );
}

async function runCommand(
  laboratory: Laboratory,
  subject: string,
  command: string,
  environment: Readonly<Record<string, string>>,
): Promise<{ exitCode: number | null; output: string }> {
  try {
    const ran = await laboratory.race(
      laboratory.engine.exec(subject, ['/bin/sh', '-c', command], {
        user,
        environment,
        timeoutMs: within * 1000,
      }),
    );
    const lines = `${ran.stdout}${ran.stderr}`.trimEnd().split('\n');
    return { exitCode: ran.exitCode, output: lines.slice(-shownLines).join('\n') };
  } catch (error) {
    if (error instanceof DwtError && error.code === 'NOT_READY') return { exitCode: null, output: '' };
    throw error;
  }
}

/** The process that holds the port; where nothing does, the user's first one; else the container's. */
function toolOf({ processes }: InsideEvidence): number {
  const holder = processes.find(({ sockets }) => sockets.length > 0);
  const own = processes.find(({ uid }) => uid[0] === platform.user.id);
  return (holder ?? own)?.pid ?? 1;
}

/** As it was started with. The engine gives a command the container's own variables, and not what a start script adds. */
async function environmentOf(
  laboratory: Laboratory,
  inspector: Inspector,
  pid: number,
): Promise<Record<string, string>> {
  const { stdout } = await laboratory.race(
    laboratory.engine.exec(inspector.container, ['cat', `/proc/${pid}/environ`], { user: '0' }),
  );
  return Object.fromEntries(
    stdout.split('\0').flatMap((line) => {
      const [, name, value] = /^([A-Za-z_]\w*)=(.*)$/s.exec(line) ?? [];
      return name === undefined || value === undefined ? [] : [[name, value]];
    }),
  );
}
