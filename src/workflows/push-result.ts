/** What became of each image of a push. */
import { asDwtError, DwtError } from '../errors.ts';
import { formatReference } from '../registry/reference.ts';
import type { PushReport } from './push-report.ts';
import type { PushTarget } from './push-targets.ts';

/** `push` in a dry run: it would be pushed. Null where it failed. */
export type PushAction = 'pushed' | 'present' | 'push' | null;

export interface PushedTag {
  readonly tag: string;
  readonly action: PushAction;
}

export interface PushedImage {
  readonly stage: string;
  readonly reference: string;
  /** What the registry has under the reference; null where nothing of ours is there. */
  readonly digest: string | null;
  readonly action: PushAction;
  /** In the order in which they move; the one of the reference is the last. */
  readonly tags: readonly PushedTag[];
  readonly seconds: number;
  readonly error?: DwtError;
}

export interface PushResult {
  readonly images: readonly PushedImage[];
  /** Repositories that were made, or would be in a dry run; not there where nobody asked for that. */
  readonly created?: readonly string[];
}

export interface Concluded {
  readonly target: PushTarget;
  readonly report: PushReport;
}

/** Takes the outcome of each image, and tells of it. */
export class PushEntries {
  readonly #signal: AbortSignal;
  readonly #images = new Map<string, PushedImage>();

  constructor(signal: AbortSignal) {
    this.#signal = signal;
  }

  conclude({ target, report }: Concluded, digest: string | null, tags: readonly PushedTag[]): void {
    const action = tags.find((tag) => tag.action !== 'present')?.action ?? 'present';
    const reference = formatReference(target.reference);
    this.#set(target, report, { digest, action, tags });
    const others = tags.slice(0, -1).map(({ tag }) => tag);
    const also = others.length === 0 ? '' : `, also as ${others.join(', ')}`;
    if (action === 'push') report.finish('done', { detail: `would be pushed to ${reference}${also}` });
    else report.finish(action, { detail: `${reference}@${digest}${also}` });
  }

  fail({ target, report }: Concluded, thrown: unknown, tags: readonly PushedTag[] = []): void {
    const error = this.#signal.aborted
      ? new DwtError('INTERRUPTED', `The push of ${formatReference(target.reference)} was interrupted.`)
      : asDwtError(thrown);
    this.#set(target, report, { digest: null, action: null, tags, error });
    report.finish(this.#signal.aborted ? 'cancelled' : 'failed', { error });
  }

  /** In the order of the targets. */
  result(targets: readonly PushTarget[]): PushResult {
    return { images: targets.flatMap(({ stage }) => this.#images.get(stage) ?? []) };
  }

  #set(
    { stage, reference }: PushTarget,
    { seconds }: PushReport,
    outcome: Pick<PushedImage, 'digest' | 'action' | 'tags' | 'error'>,
  ): void {
    this.#images.set(stage, { stage, reference: formatReference(reference), ...outcome, seconds });
  }
}
