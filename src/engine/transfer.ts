/** Follows what the engine tells of a push or a pull. */
import type { TransferProgress } from './engine.ts';
import { EngineRefusal } from './failure.ts';
import { jsonLines } from './json-lines.ts';

interface TransferRecord {
  readonly id?: string;
  readonly status?: string;
  readonly progressDetail?: { readonly current?: number; readonly total?: number };
  readonly error?: string;
  readonly errorDetail?: { readonly code?: number; readonly message?: string };
  readonly aux?: unknown;
}

/**
 * What engines say of a layer that the registry has from then on, and of one that failed. Where one says it otherwise, its
 * push only ends later.
 */
const arrival = /^(?:Pushed$|Layer already exists$|Mounted from )/;
const struggle = /^Retrying in /;

/** Answers the last `aux` record; throws `EngineRefusal` with what the engine said went wrong. */
export async function followTransfer(
  stream: AsyncIterable<Uint8Array>,
  onProgress: (progress: TransferProgress) => void,
): Promise<unknown> {
  let aux: unknown = null;
  for await (const record of jsonLines(stream)) {
    const { id, status, progressDetail, error, errorDetail, aux: said } = record as TransferRecord;
    if (errorDetail?.message || error)
      throw new EngineRefusal(errorDetail?.message ?? error ?? '', errorDetail?.code ?? null);
    if (said !== undefined) aux = said;
    if (id !== undefined && status !== undefined) {
      onProgress({
        layer: id,
        status,
        arrived: arrival.test(status),
        struggles: struggle.test(status),
        current: progressDetail?.current ?? null,
        total: progressDetail?.total ?? null,
      });
    }
  }
  return aux;
}
