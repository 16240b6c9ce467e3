/** Commands that a stage declares: run beside the tool, as its user and with its environment. */
import { DwtError } from '../errors.ts';
import { fail, type Judgement, pass } from './check.ts';
import type { InsideEvidence } from './evidence.ts';
import type { Laboratory } from './laboratory.ts';
import { platform } from './platform.ts';
import type { Inspector } from './probe-inside.ts';
import type { Findings } from './trial.ts';

/** Seconds that one may take. */
const within = 60;
const shownLines = 20;

export const commandCheck = (name: string): string => `command ${name}`;

export async function tryCommands(
  findings: Findings,
  laboratory: Laboratory,
  commands: Readonly<Record<string, string>>,
  inspector: Inspector,
  seen: InsideEvidence,
): Promise<void> {
  const environment = await environmentOf(laboratory, inspector, toolOf(seen));
  for (const [name, command] of Object.entries(commands)) {
    const check = commandCheck(name);
    findings.begin(check);
    const ran = await runCommand(laboratory, inspector.subject, command, environment);
    await findings.add(check, judgeCommand(command, ran.exitCode), async () => ran.output);
  }
}

/** `exitCode`: null where it did not end. */
export function judgeCommand(command: string, exitCode: number | null): Judgement {
  const shown = `\`${command.replace(/\s+/g, ' ').trim().slice(0, 80)}\``;
  if (exitCode === 0) return pass(`${shown} ended with 0`);
  return fail(
    exitCode === null ? `${shown} did not end within ${within} s` : `${shown} ended with ${exitCode}`,
    'Its last output is below; it ran as dw-user, with the environment of the tool.',
  );
}

async function runCommand(
  laboratory: Laboratory,
  subject: string,
  command: string,
  environment: Readonly<Record<string, string>>,
): Promise<{ exitCode: number | null; output: string }> {
  const { user, group } = platform;
  try {
    const ran = await laboratory.race(
      laboratory.engine.exec(subject, ['/bin/sh', '-c', command], {
        user: `${user.id}:${group.id}`,
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
