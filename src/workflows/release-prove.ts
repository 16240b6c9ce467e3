/** Judges the images of a release: none is published that has not passed. */
import { DwtError } from '../errors.ts';
import type { SmokeReport } from '../evidence/smoke-report.ts';
import type { Project } from '../project/project.ts';
import { toolVersion } from '../tool-version.ts';
import type { PushTarget } from './push-targets.ts';
import { imagesToTest, type SmokeTestOptions, smokeTest, type TestedImage } from './smoke-test.ts';

export interface Proved {
  readonly tested: readonly TestedImage[];
  /** By stage. */
  readonly reports: ReadonlyMap<string, SmokeReport>;
  readonly failed: ReadonlyMap<string, DwtError>;
}

/** Nothing is judged where `targets` is empty. */
export async function prove(
  project: Project,
  targets: readonly PushTarget[],
  options: Omit<SmokeTestOptions, 'images'>,
): Promise<Proved> {
  const stages = targets.map(({ stage }) => stage);
  if (stages.length === 0) return { tested: [], reports: new Map(), failed: new Map() };
  const { images } = await smokeTest({ ...options, images: imagesToTest(project, stages) });
  const reports = new Map<string, SmokeReport>();
  const failed = new Map<string, DwtError>();
  for (const image of images) {
    const { stage, id, verdict, checks, error } = image;
    if (stage === null) continue;
    if (verdict === 'fail' || id === null) failed.set(stage, error ?? failureOf(image));
    else
      reports.set(stage, {
        version: 1,
        image: id,
        project: project.name,
        stage,
        verdict,
        checks: checks.map(({ name, verdict: own, detail, seconds }) => ({
          name,
          verdict: own,
          detail,
          seconds,
        })),
        withPages: options.pages !== null && options.pages !== undefined,
        testedAt: new Date().toISOString(),
        tool: toolVersion(),
      });
  }
  return { tested: images, reports, failed };
}

function failureOf({ stage, checks, skipped }: TestedImage): DwtError {
  const first = checks.find(({ verdict }) => verdict === 'fail');
  if (first?.error) return first.error;
  const why = first
    ? `${first.name}: ${first.detail}`
    : `${skipped.map(({ name }) => name).join(', ')} could not be judged`;
  return new DwtError('CHECK_FAILED', `${stage} does not keep its contract: ${why}.`, {
    hint: `Look at it by itself: dwt smoke-test ${stage}`,
  });
}
