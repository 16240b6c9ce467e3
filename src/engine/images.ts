/** Images on one engine. What a build that changes nothing needs is asked without dockerode, which takes long to load. */
import type { Readable } from 'node:stream';
import { DwtError } from '../errors.ts';
import type { EngineImage, ImageDetails, ImageStep, RegistryAuth, TransferProgress } from './engine.ts';
import { EngineRefusal } from './failure.ts';
import { authConfig, registryAuthHeader } from './registry-auth.ts';
import { followTransfer } from './transfer.ts';
import type { Transport } from './transport.ts';

interface ImageSummary {
  readonly Id: string;
  readonly RepoTags: readonly string[] | null;
  readonly RepoDigests: readonly string[] | null;
  readonly Labels: Readonly<Record<string, string>> | null;
  readonly Size: number;
}

interface ImageInspect extends Omit<ImageSummary, 'Labels'> {
  readonly Architecture: string;
  readonly Os: string;
  readonly Created: string;
  readonly RootFS: { readonly Layers?: readonly string[] | null };
  readonly Config: {
    readonly User?: string;
    readonly Entrypoint?: readonly string[] | null;
    readonly Cmd?: readonly string[] | null;
    readonly Env?: readonly string[] | null;
    readonly ExposedPorts?: Readonly<Record<string, unknown>> | null;
    readonly Labels?: Readonly<Record<string, string>> | null;
  } | null;
}

export async function imagesByLabel(transport: Transport, labels: readonly string[]): Promise<EngineImage[]> {
  const found = await transport.json({
    method: 'GET',
    path: '/images/json',
    query: { filters: { label: labels } },
  });
  return (found as ImageSummary[]).map((image) => summary(image, image.Labels));
}

export async function inspectImage(transport: Transport, reference: string): Promise<ImageDetails | null> {
  const found = await orNull(transport.json({ method: 'GET', path: `/images/${reference}/json` }));
  return found === null ? null : details(found as ImageInspect);
}

export async function imageHistory(transport: Transport, reference: string): Promise<ImageStep[]> {
  const found = await transport.json({ method: 'GET', path: `/images/${reference}/history` });
  return (found as { CreatedBy: string; Size: number }[])
    .map(({ CreatedBy, Size }) => ({ by: CreatedBy, bytes: Size }))
    .reverse();
}

function summary(
  image: Omit<ImageSummary, 'Labels'>,
  labels: Readonly<Record<string, string>> | null | undefined,
): EngineImage {
  const named = (names: readonly string[] | null): string[] =>
    (names ?? []).filter((name) => !name.startsWith('<none>'));
  return {
    id: image.Id,
    references: named(image.RepoTags),
    digests: named(image.RepoDigests),
    labels: labels ?? {},
    size: image.Size,
  };
}

function details(image: ImageInspect): ImageDetails {
  const { Config: config } = image;
  return {
    ...summary(image, config?.Labels),
    user: config?.User ?? '',
    entrypoint: config?.Entrypoint ?? [],
    command: config?.Cmd ?? [],
    environment: config?.Env ?? [],
    exposedPorts: Object.keys(config?.ExposedPorts ?? {}),
    layers: image.RootFS.Layers ?? [],
    architecture: image.Architecture,
    os: image.Os,
    created: image.Created,
  };
}

/** Engines say 404 for what the registry has not, and 403 or 401 where it does not tell a stranger. */
export async function remoteDigest(
  transport: Transport,
  reference: string,
  auth: RegistryAuth | null,
): Promise<string | null> {
  const found = await orNull(
    transport.json({
      method: 'GET',
      path: `/distribution/${reference}/json`,
      headers: { 'X-Registry-Auth': registryAuthHeader(authConfig(auth)) },
    }),
  );
  return (found as { Descriptor?: { digest?: string } } | null)?.Descriptor?.digest ?? null;
}

type OnTransfer = (progress: TransferProgress) => void;

export async function pull(
  transport: Transport,
  reference: string,
  auth: RegistryAuth | null,
  onProgress: OnTransfer,
  signal: AbortSignal,
): Promise<void> {
  const { name, tag } = nameAndTag(reference);
  await transfer(
    transport,
    { path: '/images/create', query: { fromImage: name, tag } },
    auth,
    onProgress,
    signal,
  );
}

export async function push(
  transport: Transport,
  reference: string,
  auth: RegistryAuth | null,
  onProgress: OnTransfer,
  signal: AbortSignal,
): Promise<{ digest: string; size: number }> {
  const { name, tag } = nameAndTag(reference);
  const aux = await transfer(
    transport,
    { path: `/images/${name}/push`, query: { tag } },
    auth,
    onProgress,
    signal,
  );
  const { Digest, Size } = (aux ?? {}) as { Digest?: unknown; Size?: unknown };
  if (typeof Digest !== 'string')
    throw new EngineRefusal('the engine ended the push without a digest and without an error', null);
  return { digest: Digest, size: typeof Size === 'number' ? Size : 0 };
}

async function transfer(
  transport: Transport,
  request: { path: string; query: Record<string, unknown> },
  auth: RegistryAuth | null,
  onProgress: OnTransfer,
  signal: AbortSignal,
): Promise<unknown> {
  const headers = { 'X-Registry-Auth': registryAuthHeader(authConfig(auth)) };
  const stream = await transport.stream({ method: 'POST', ...request, headers, signal });
  try {
    return await followTransfer(stream, onProgress);
  } catch (error) {
    throw error instanceof EngineRefusal ? error : transport.lost(error, signal);
  }
}

export async function tag(transport: Transport, image: string, reference: string): Promise<void> {
  const { name, tag } = nameAndTag(reference);
  const done = await orNull(
    transport.json({ method: 'POST', path: `/images/${image}/tag`, query: { repo: name, tag } }),
  );
  if (done === null)
    throw new DwtError(
      'IMAGE_NOT_FOUND',
      `The engine has no image ${image}, so it cannot be called ${reference}.`,
    );
}

/** An image that is not there is as good as removed. */
export async function removeImage(transport: Transport, reference: string): Promise<void> {
  await orNull(transport.json({ method: 'DELETE', path: `/images/${reference}` }));
}

export async function importImage(
  transport: Transport,
  tar: NodeJS.ReadableStream,
  reference: string,
  changes: readonly string[],
): Promise<string> {
  const { name, tag } = nameAndTag(reference);
  await upload(transport, tar, '/images/create', { fromSrc: '-', repo: name, tag, changes });
  const image = await inspectImage(transport, reference);
  if (!image)
    throw new DwtError('IMAGE_NOT_FOUND', `The engine took the tar of ${reference} and has no such image.`);
  return image.id;
}

export async function loadImage(transport: Transport, tar: NodeJS.ReadableStream): Promise<void> {
  await upload(transport, tar, '/images/load', { quiet: 1 });
}

async function upload(
  transport: Transport,
  tar: NodeJS.ReadableStream,
  path: string,
  query: Record<string, unknown>,
): Promise<void> {
  const headers = { 'Content-Type': 'application/x-tar' };
  const stream = await transport.stream({ method: 'POST', path, query, headers, body: tar as Readable });
  try {
    await followTransfer(stream, () => {});
  } catch (error) {
    throw error instanceof EngineRefusal ? error : transport.lost(error);
  }
}

/** The parts that the engine's API wants apart; without a tag it would take every tag of the name. */
function nameAndTag(reference: string): { name: string; tag: string } {
  const digest = reference.indexOf('@');
  if (digest >= 0) return { name: reference.slice(0, digest), tag: reference.slice(digest + 1) };
  const colon = reference.indexOf(':', reference.lastIndexOf('/') + 1);
  return colon < 0
    ? { name: reference, tag: 'latest' }
    : { name: reference.slice(0, colon), tag: reference.slice(colon + 1) };
}

const orNull = (answer: Promise<unknown>): Promise<unknown> =>
  answer.catch((error: unknown) => {
    if (error instanceof EngineRefusal && error.status === 404) return null;
    throw error;
  });
