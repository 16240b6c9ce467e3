/** Environments that take an image only where that very image passed its smoke test. */
import type { Engine } from '../engine/engine.ts';
import { DwtError } from '../errors.ts';
import type { Project } from '../project/project.ts';
import { contractDigest } from '../proof/contract-digest.ts';
import { provedImage, storedVerdict } from '../proof/verdicts.ts';
import type { PushTarget } from './push-targets.ts';

/**
 * Looks at what is known of all images before anything is sent.
 *
 * @throws DwtError NOT_PROVED, naming every image and what is missing
 */
export async function refuseUnproved(
  project: Project,
  targets: readonly PushTarget[],
  engine: Pick<Engine, 'inspectImage'>,
  environment: Readonly<Record<string, string | undefined>>,
): Promise<void> {
  const demanding = targets.filter(({ proof }) => proof !== undefined);
  const found = await Promise.all(
    demanding.map(async (target) => ({
      stage: target.stage,
      missing: await missingProof(project, target, engine, environment),
    })),
  );
  const unproved = found.filter(({ missing }) => missing !== null);
  if (unproved.length === 0) return;
  const { env, page } = demanding[0]?.proof ?? {};
  const images = unproved.map(({ stage, missing }) => `${stage} ${missing}`).join('; ');
  const names = unproved.map(({ stage }) => stage).join(' ');
  throw new DwtError(
    'NOT_PROVED',
    `${env} takes images that passed their smoke test${page ? ', page included,' : ''} and ${images}. Nothing was pushed.`,
    { hint: `Prove them on this machine: dwt smoke-test ${names}${page ? ' --page' : ''}` },
  );
}

/** What is missing, as the rest of a sentence; null for nothing, and where there is no such image: the push tells of that. */
async function missingProof(
  project: Project,
  { stage, image, proof }: PushTarget,
  engine: Pick<Engine, 'inspectImage'>,
  environment: Readonly<Record<string, string | undefined>>,
): Promise<string | null> {
  const id = (await engine.inspectImage(image))?.id;
  const settings = project.settings.get(stage);
  if (id === undefined || settings === undefined) return null;
  const contract = contractDigest(settings.kind, settings.checks);
  const hasPage = settings.kind === 'tool' || settings.kind === 'visualisation';
  if (await provedImage(id, contract, environment, proof?.page && hasPage)) return null;
  const verdict = await storedVerdict(id, contract, environment);
  if (verdict === null) return `was not judged as it is now (${id.slice(0, 19)})`;
  return verdict.verdict === 'pass'
    ? 'was judged without --page'
    : `failed at ${verdict.at} (${verdict.failed.join(', ')})`;
}
