/** Networks and volumes on one engine, and the search for what a run left behind, through dockerode. */
import type Docker from 'dockerode';
import type { EngineResource } from './engine.ts';
import { unless } from './failure.ts';

export async function createNetwork(
  docker: Docker,
  name: string,
  options: { internal: boolean; subnet?: string; labels?: Readonly<Record<string, string>> },
): Promise<string> {
  const { internal, subnet, labels } = options;
  const body = {
    Name: name,
    Driver: 'bridge',
    CheckDuplicate: true,
    Internal: internal,
    ...(subnet !== undefined && { IPAM: { Config: [{ Subnet: subnet }] } }),
    ...(labels && { Labels: labels }),
  };
  const { id } = await docker.createNetwork({ _body: body } as unknown as Docker.NetworkCreateOptions);
  return id;
}

export async function connectNetwork(
  docker: Docker,
  network: string,
  container: string,
  options: { address?: string; aliases?: readonly string[] } = {},
): Promise<void> {
  const { address, aliases } = options;
  await docker.getNetwork(network).connect({
    Container: container,
    EndpointConfig: {
      ...(address !== undefined && { IPAMConfig: { IPv4Address: address } }),
      ...(aliases && { Aliases: [...aliases] }),
    },
  });
}

export async function removeNetwork(docker: Docker, id: string): Promise<void> {
  await unless([404], docker.getNetwork(id).remove());
}

export async function createVolume(
  docker: Docker,
  name: string,
  labels: Readonly<Record<string, string>> = {},
): Promise<void> {
  await docker.createVolume({
    _body: { Name: name, Labels: labels },
  } as unknown as Docker.VolumeCreateOptions);
}

export async function removeVolume(docker: Docker, name: string): Promise<void> {
  await unless([404], docker.getVolume(name).remove());
}

export async function resourcesByLabel(docker: Docker, labels: readonly string[]): Promise<EngineResource[]> {
  const filters = { label: [...labels] };
  const [containers, networks, { Volumes: volumes }] = await Promise.all([
    docker.listContainers({ all: true, filters }),
    docker.listNetworks({ filters }),
    docker.listVolumes({ filters }),
  ]);
  return [
    ...containers.map(({ Id, Names, Labels }) =>
      resource('container', Id, Names[0]?.replace(/^\//, '') ?? Id, Labels),
    ),
    ...networks.map(({ Id, Name, Labels }) => resource('network', Id, Name, Labels)),
    ...(volumes ?? []).map(({ Name, Labels }) => resource('volume', Name, Name, Labels)),
  ];
}

const resource = (
  type: EngineResource['type'],
  id: string,
  name: string,
  labels: Readonly<Record<string, string>> | null | undefined,
): EngineResource => ({ type, id, name, labels: labels ?? {} });
