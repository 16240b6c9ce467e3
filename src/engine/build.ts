/** One BuildKit build over the engine's API. */
import { DwtError } from '../errors.ts';
import { BuildFailure } from './build-failure.ts';
import { BuildTrace } from './build-trace.ts';
import { dockerodeOver } from './dockerode.ts';
import type { BuildProgress, BuildRequest } from './engine.ts';
import { EngineRefusal, meansCancelled } from './failure.ts';
import { jsonLines } from './json-lines.ts';
import type { Transport } from './transport.ts';

/** Runs the build to its end. Only an image id is success. */
export async function build(transport: Transport, request: BuildRequest): Promise<{ id: string }> {
  const stream = await start(transport, request);
  try {
    return await followBuild(stream, request.onProgress);
  } catch (error) {
    if (error instanceof DwtError && !request.signal.aborted) throw error;
    throw transport.lost(error, request.signal);
  } finally {
    stream.destroy();
  }
}

type BuildStream = AsyncIterable<Uint8Array> & { destroy(): void };

async function start(transport: Transport, request: BuildRequest): Promise<BuildStream> {
  const { session, signal } = request;
  const query = {
    // As a number: dockerode opens a session of its own when it sees '2', and that one serves no secrets.
    version: 2,
    dockerfile: request.dockerfile,
    ...(request.target !== null && { target: request.target }),
    t: request.tags,
    labels: request.labels,
    buildargs: request.buildArguments,
    ...(request.platform !== null && { platform: request.platform }),
    ...(request.noCache && { nocache: 1 }),
    ...(request.pull && { pull: 1 }),
    ...(session && { session: session.id }),
    abortSignal: signal,
  };
  try {
    return (await dockerodeOver(transport).buildImage(
      request.context(),
      query as object,
    )) as unknown as BuildStream;
  } catch (error) {
    if (error instanceof EngineRefusal) throw new BuildFailure(error.said, null);
    throw error;
  }
}

/**
 * Follows a build's stream to its end and judges it. What is thrown and is no `DwtError` means that the engine is lost.
 * A consumer whose `onProgress` answers a promise is waited for, so
 * that a slow one slows the engine instead of filling memory.
 */
async function followBuild(
  stream: AsyncIterable<Uint8Array>,
  onProgress: (progress: BuildProgress) => void | Promise<void>,
): Promise<{ id: string }> {
  const trace = new BuildTrace();
  let id: string | null = null;
  let refusal: string | null = null;
  try {
    for await (const record of jsonLines(stream)) {
      if (record['id'] === 'moby.buildkit.trace') {
        for (const progress of trace.read(record['aux'])) {
          const told = onProgress(progress);
          if (told) await told;
        }
      } else if (record['id'] === 'moby.image.id') {
        id = idOf(record['aux']) ?? id;
      } else {
        refusal ??= errorOf(record);
      }
    }
  } catch (error) {
    // What the engine said before the stream broke is nearer to the cause than the break.
    if (refusal === null) throw error;
  }
  if (refusal !== null) throw refused(refusal, trace);
  if (id !== null) return { id };
  if (trace.failed) throw new BuildFailure(trace.failed.error, trace.failed);
  throw new DwtError('BUILD_NO_IMAGE', 'The engine ended the build without an image and without an error.', {
    hint: "Look at the engine's log, and run again; if it stays so, report it with --log-level debug --log-file dwt.log.",
  });
}

function refused(message: string, trace: BuildTrace): Error {
  if (trace.failed === null && meansCancelled(message)) {
    return new Error(`it cancelled the build by itself (${message})`);
  }
  return new BuildFailure(message, trace.failed);
}

function idOf(aux: unknown): string | null {
  const { ID } = (aux ?? {}) as { ID?: unknown };
  return typeof ID === 'string' && ID !== '' ? ID : null;
}

function errorOf(record: Record<string, unknown>): string | null {
  const { message } = (record['errorDetail'] ?? {}) as { message?: unknown };
  if (typeof message === 'string' && message !== '') return message;
  return typeof record['error'] === 'string' && record['error'] !== '' ? record['error'] : null;
}
