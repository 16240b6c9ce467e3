/** Runs a command in a running container. */
import { Duplex, Readable } from 'node:stream';
import { setTimeout as pause } from 'node:timers/promises';
import type Docker from 'dockerode';
import { DwtError } from '../errors.ts';
import { demultiplex } from './demultiplex.ts';
import type { Engine, ExecResult } from './engine.ts';

type ExecOptions = NonNullable<Parameters<Engine['exec']>[2]>;

/** The engine's API cannot end a command: one that is given up after its timeout runs on until its container ends. */
export async function execute(
  docker: Docker,
  id: string,
  command: readonly string[],
  options: ExecOptions = {},
): Promise<ExecResult> {
  const { user, environment, stdin, timeoutMs } = options;
  const exec = await docker.getContainer(id).exec({
    Cmd: [...command],
    AttachStdin: stdin !== undefined,
    AttachStdout: true,
    AttachStderr: true,
    ...(user !== undefined && { User: user }),
    ...(environment && { Env: Object.entries(environment).map(([name, value]) => `${name}=${value}`) }),
  });
  const connection = await exec.start({ hijack: true, stdin: true });
  // A command may end without having read its input; that is its own affair.
  connection.on('error', () => {});
  if (stdin !== undefined) connection.end(stdin);
  const output = await withinTime(collect(connection), connection, command, timeoutMs);
  return { exitCode: await exitCode(exec), ...output };
}

/** A command's input and output as one stream; what it says on stderr is nobody's. */
export async function openExec(
  docker: Docker,
  id: string,
  command: readonly string[],
  { user }: { user?: string } = {},
): Promise<Duplex> {
  const exec = await docker.getContainer(id).exec({
    Cmd: [...command],
    AttachStdin: true,
    AttachStdout: true,
    AttachStderr: true,
    ...(user !== undefined && { User: user }),
  });
  const connection = await exec.start({ hijack: true, stdin: true });
  return Duplex.from({
    readable: Readable.from(stdoutOf(connection), { objectMode: false }),
    writable: connection,
  });
}

async function* stdoutOf(connection: Duplex): AsyncGenerator<Buffer> {
  for await (const { stream, data } of demultiplex(connection)) if (stream === 1) yield data;
}

async function collect(connection: Duplex): Promise<{ stdout: string; stderr: string }> {
  const outputs: Record<1 | 2, Buffer[]> = { 1: [], 2: [] };
  for await (const { stream, data } of demultiplex(connection)) outputs[stream].push(data);
  return { stdout: Buffer.concat(outputs[1]).toString(), stderr: Buffer.concat(outputs[2]).toString() };
}

async function withinTime<Result>(
  result: Promise<Result>,
  connection: Duplex,
  command: readonly string[],
  timeoutMs: number | undefined,
): Promise<Result> {
  if (timeoutMs === undefined) return result;
  const late = new DwtError(
    'NOT_READY',
    `\`${command.join(' ')}\` did not end within ${timeoutMs / 1000} s.`,
  );
  const timer = setTimeout(() => connection.destroy(late), timeoutMs);
  try {
    return await result;
  } finally {
    clearTimeout(timer);
  }
}

/** The connection ends a moment before the engine knows the exit code. */
async function exitCode(exec: Docker.Exec): Promise<number> {
  for (let wait = 5; ; wait = Math.min(wait * 2, 200)) {
    const { ExitCode, Running } = await exec.inspect();
    if (!Running && ExitCode !== null) return ExitCode;
    await pause(wait);
  }
}
