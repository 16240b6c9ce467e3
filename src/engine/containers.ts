/** Containers on one engine, through dockerode. */
import type Docker from 'dockerode';
import { DwtError } from '../errors.ts';
import { demultiplex } from './demultiplex.ts';
import type { ContainerSpec, ContainerState } from './engine.ts';
import { EngineRefusal, unless } from './failure.ts';

export async function createContainer(docker: Docker, spec: ContainerSpec): Promise<string> {
  try {
    const container = await docker.createContainer({
      _query: { name: spec.name },
      _body: bodyOf(spec),
    } as Docker.ContainerCreateOptions);
    return container.id;
  } catch (error) {
    if (!(error instanceof EngineRefusal && error.status === 404)) throw error;
    throw new DwtError('IMAGE_NOT_FOUND', `The engine has no image ${spec.image}.`, {
      hint: 'Build it, or pull it first.',
      cause: error,
    });
  }
}

const environmentList = (variables: Readonly<Record<string, string>>): string[] =>
  Object.entries(variables).map(([name, value]) => `${name}=${value}`);

function bodyOf(spec: ContainerSpec): object {
  const ports = (spec.publish ?? []).map((port) => `${port}/tcp`);
  return {
    Image: spec.image,
    ...(spec.command && { Cmd: spec.command }),
    ...(spec.entrypoint && { Entrypoint: spec.entrypoint }),
    ...(spec.environment && { Env: environmentList(spec.environment) }),
    ...(spec.user !== undefined && { User: spec.user }),
    ...(spec.labels && { Labels: spec.labels }),
    ExposedPorts: Object.fromEntries(ports.map((port) => [port, {}])),
    HostConfig: {
      ...(spec.network !== undefined && { NetworkMode: spec.network }),
      ...(spec.pid !== undefined && { PidMode: spec.pid }),
      ...(spec.volumes && {
        Binds: Object.entries(spec.volumes).map(([volume, path]) => `${volume}:${path}`),
      }),
      ...(spec.capabilities && { CapAdd: spec.capabilities }),
      PortBindings: Object.fromEntries(ports.map((port) => [port, [{ HostIp: '127.0.0.1', HostPort: '' }]])),
      ...spec.host,
    },
  };
}

export async function containerState(docker: Docker, id: string): Promise<ContainerState> {
  const { Id, State, NetworkSettings } = await docker.getContainer(id).inspect();
  // A container that was only created has the exit code 0 as well.
  const ended = !State.Running && State.Status !== 'created';
  return {
    id: Id,
    running: State.Running,
    exitCode: ended ? State.ExitCode : null,
    oomKilled: State.OOMKilled,
    pid: State.Pid,
    addresses: Object.fromEntries(
      Object.entries(NetworkSettings.Networks ?? {}).flatMap(([name, { IPAddress }]) =>
        IPAddress ? [[name, IPAddress]] : [],
      ),
    ),
    published: Object.fromEntries(
      Object.entries(NetworkSettings.Ports ?? {}).flatMap(([port, bindings]) => {
        const binding = bindings?.[0];
        return binding ? [[Number.parseInt(port, 10), Number(binding.HostPort)]] : [];
      }),
    ),
    startedAt: State.StartedAt,
    finishedAt: State.FinishedAt,
  };
}

/** The exit code, once the container has ended. */
export async function waitContainer(docker: Docker, id: string, signal?: AbortSignal): Promise<number> {
  const { StatusCode } = await docker.getContainer(id).wait(signal ? { abortSignal: signal } : {});
  return StatusCode;
}

export async function containerLogs(docker: Docker, id: string, tail: number): Promise<string> {
  const log = await docker.getContainer(id).logs({ follow: false, stdout: true, stderr: true, tail });
  const lines: Buffer[] = [];
  for await (const { data } of demultiplex([log])) lines.push(data);
  return Buffer.concat(lines).toString();
}

export async function* followLogs(
  docker: Docker,
  id: string,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const log = await docker
    .getContainer(id)
    .logs({ follow: true, stdout: true, stderr: true, tail: 0, abortSignal: signal });
  for await (const { data } of demultiplex(log as unknown as AsyncIterable<Uint8Array>)) yield data;
}

/** A container that is not there, or is being removed by someone else, is as good as removed. */
export async function removeContainer(docker: Docker, id: string): Promise<void> {
  await unless([404, 409], docker.getContainer(id).remove({ force: true, v: true }));
}

/** A signal to a container that has ended does nothing. */
export async function signalContainer(docker: Docker, id: string, signal: string): Promise<void> {
  await unless([409], docker.getContainer(id).kill({ signal }));
}
