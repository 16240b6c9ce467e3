/** Keeps what a smoke test found, for pushes to environments that ask for it. */
import { asDwtError } from '../errors.ts';
import { contractDigest } from '../proof/contract-digest.ts';
import { toolVersion } from '../tool-version.ts';
import type { ImageToTest, SmokeTestOptions, TestedImage } from './smoke-test.ts';

/** An image that could not be judged at all leaves what was known of it as it is. Fails nothing. */
export async function rememberVerdict(
  { stage, kind, checks: settings }: ImageToTest,
  { reference, id, verdict, checks, skipped, error }: TestedImage,
  { environment, emit }: Pick<SmokeTestOptions, 'environment' | 'emit'>,
): Promise<void> {
  if (environment === undefined || id === null || error) return;
  const at = new Date().toISOString();
  const right = checks.filter((check) => check.verdict === 'pass').map(({ name }) => name);
  const failed = [...checks.filter((check) => check.verdict === 'fail'), ...skipped].map(({ name }) => name);
  try {
    const { keepVerdict } = await import('../proof/verdicts.ts');
    await keepVerdict(
      {
        image: id,
        stage,
        kind,
        contract: contractDigest(kind, settings),
        verdict,
        checks: checks.map(({ name }) => name),
        results: checks.map((check) => ({
          name: check.name,
          verdict: check.verdict,
          detail: check.detail,
          seconds: check.seconds,
        })),
        // A job may end before anybody can look inside: what was not judged then is no failure.
        failed: verdict === 'pass' ? [] : failed,
        at,
        pageAt: verdict === 'pass' && right.includes('page') ? at : null,
        version: toolVersion(),
      },
      environment,
    );
  } catch (thrown) {
    emit({
      type: 'warning',
      message: `The verdict of ${reference} could not be kept: ${asDwtError(thrown).message}`,
      hint: 'An environment that takes only proved images will ask for it again; see XDG_STATE_HOME.',
    });
  }
}
