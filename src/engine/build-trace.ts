/** From BuildKit's status messages to `BuildProgress`. BuildKit repeats vertices; each change is told once. */
import type { FailedVertex } from './build-failure.ts';
import { decodeStatus, type Status, type Timestamp, toNumber } from './build-messages.ts';
import type { BuildProgress } from './engine.ts';
import { meansCancelled } from './failure.ts';
import { MalformedStream } from './json-lines.ts';

const milliseconds = (time: Timestamp): number => toNumber(time.seconds) * 1000 + time.nanos / 1e6;

export class BuildTrace {
  /** The first vertex that failed of itself; others that are ended because of it do not count. */
  failed: FailedVertex | null = null;
  /** By digest: when the last run that was told of began, and whether its end was told. As many as the build has steps. */
  readonly #vertices = new Map<string, { started: number; ended: boolean }>();

  /** The changes in one record, which is a message in base64. Throws `MalformedStream` where it is none. */
  *read(record: unknown): Generator<BuildProgress> {
    const status = decoded(record);
    for (const vertex of status.vertexes) yield* this.#vertex(vertex);
    for (const { vertex, ID, current, total } of status.statuses) {
      const known = toNumber(total);
      yield {
        type: 'vertex-status',
        vertex,
        item: ID,
        current: toNumber(current),
        total: known > 0 ? known : null,
      };
    }
    for (const { vertex, stream, msg } of status.logs) {
      yield { type: 'vertex-log', vertex, stream: toNumber(stream) === 2 ? 2 : 1, data: msg };
    }
    for (const { short, detail, url } of status.warnings) {
      const said = [short, ...detail].map((bytes) => Buffer.from(bytes).toString().trim()).join('. ');
      yield { type: 'warning', message: url === '' ? said : `${said} (${url})` };
    }
  }

  *#vertex({
    digest,
    name,
    cached,
    started,
    completed,
    error,
  }: Status['vertexes'][number]): Generator<BuildProgress> {
    if (error !== '' && !meansCancelled(error)) this.failed ??= { digest, name, error };
    if (!started) return;
    const began = milliseconds(started);
    const known = this.#vertices.get(digest);
    // A vertex may run again in one build; a repeated message of a run that is over says nothing new.
    const isNew = !known || (known.ended && began > known.started);
    if (!isNew && known.ended) return;
    if (isNew) yield { type: 'vertex-started', vertex: digest, name };
    this.#vertices.set(digest, { started: began, ended: completed !== null });
    if (!completed) return;
    const seconds = Math.max(0, (milliseconds(completed) - began) / 1000);
    yield {
      type: 'vertex-finished',
      vertex: digest,
      name,
      cached,
      seconds,
      error: error === '' ? null : error,
    };
  }
}

function decoded(record: unknown): Status {
  if (typeof record !== 'string') throw new MalformedStream('a progress record carries no message');
  try {
    return decodeStatus(Buffer.from(record, 'base64'));
  } catch (error) {
    throw new MalformedStream('a progress record is not a whole message', { cause: error });
  }
}
