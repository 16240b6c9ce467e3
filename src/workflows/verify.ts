/** `dwt verify`: reads what is attached to an image in its registry, and says what it proves. */
import { DwtError } from '../errors.ts';
import type { Emit } from '../events.ts';
import { remoteImage } from '../evidence/image-config.ts';
import { provenLabels } from '../evidence/provenance.ts';
import { type ProofResult, verifyImage } from '../evidence/verification.ts';
import { authProvider } from '../registry/login.ts';
import { registryHost } from '../registry/observe.ts';
import { judgeReadFailure } from '../registry/read-failure.ts';
import { formatReference, parseReference } from '../registry/reference.ts';
import { type RetryLimits, usualLimits, withRetries } from '../registry/retry.ts';
import { runTask } from '../task.ts';

export interface VerifyOptions {
  readonly reference: string;
  readonly environment: NodeJS.ProcessEnv;
  readonly emit: Emit;
  readonly signal: AbortSignal;
  readonly limits?: RetryLimits;
}

export interface VerifyResult {
  readonly reference: string;
  readonly digest: string;
  /** The digest of its configuration, by which engines call it. */
  readonly id: string | null;
  readonly stage: string | null;
  readonly revision: string | null;
  readonly verdict: 'pass' | 'fail';
  readonly proofs: readonly ProofResult[];
  /** What the smoke test that counts saw. */
  readonly checks: readonly {
    readonly name: string;
    readonly verdict: 'pass' | 'fail';
    readonly detail: string;
  }[];
}

/** @throws DwtError REFERENCE_INVALID, IMAGE_NOT_FOUND, PULL_DENIED, REGISTRY_UNREACHABLE, REGISTRY_FAILED, REGISTRY_BROKEN */
export async function verify(options: VerifyOptions): Promise<VerifyResult> {
  const { environment, emit, signal } = options;
  const reference = parseReference(options.reference);
  const name = formatReference(reference);
  const { domain, path } = reference;
  const host = registryHost(domain, authProvider(domain, environment), signal);
  return runTask(emit, name, name, async (step) => {
    const value = await step('reading what is attached', () =>
      withRetries(
        async (): Promise<VerifyResult> => {
          const image = await remoteImage(host.client, path, reference.digest ?? reference.tag ?? 'latest');
          if (image === null) {
            throw new DwtError('IMAGE_NOT_FOUND', `${domain} has no ${name}.`, {
              hint: 'Look at the name and its tag: HOST/REPOSITORY:TAG or HOST/REPOSITORY@sha256:…',
            });
          }
          const { manifest, labels } = image;
          const { verdict, proofs, report } = await verifyImage(host.client, path, image);
          return {
            reference: name,
            digest: manifest.digest,
            id: manifest.config,
            stage: labels[provenLabels.stage] ?? null,
            revision: labels[provenLabels.revision] ?? null,
            verdict,
            proofs,
            checks: report?.checks ?? [],
          };
        },
        async (thrown) => judgeReadFailure(thrown, host, name),
        options.limits ?? usualLimits,
        signal,
        (error, waitMs) =>
          emit({
            type: 'warning',
            message: `${error.message} Trying again in ${(waitMs / 1000).toFixed(1)} s.`,
          }),
      ),
    );
    return { value, detail: value.verdict === 'pass' ? 'proved' : 'NOT proved' };
  });
}
