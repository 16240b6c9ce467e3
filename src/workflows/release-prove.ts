/** Judges the images of a release: none is published that has not passed. */
import { DwtError } from '../errors.ts';
import type { SmokeReport } from '../evidence/smoke-report.ts';
import type { Project } from '../project/project.ts';
import { contractDigest } from '../proof/contract-digest.ts';
import { provedImage } from '../proof/verdicts.ts';
import { toolVersion } from '../tool-version.ts';
import type { PushTarget } from './push-targets.ts';
import {
  type ImageToTest,
  imagesToTest,
  type SmokeTestOptions,
  smokeTest,
  type TestedImage,
} from './smoke-test.ts';

export interface Proved {
  readonly tested: readonly TestedImage[];
  /** By stage. */
  readonly reports: ReadonlyMap<string, SmokeReport>;
  readonly failed: ReadonlyMap<string, DwtError>;
}

export interface ProveOptions extends Omit<SmokeTestOptions, 'images' | 'environment'> {
  readonly project: Project;
  readonly environment: NodeJS.ProcessEnv;
}

/** Judges what was not judged on this machine before, as it is now and by the contract that it has now. */
export async function prove(targets: readonly PushTarget[], options: ProveOptions): Promise<Proved> {
  const stages = targets.map(({ stage }) => stage);
  const images = stages.length === 0 ? [] : imagesToTest(options.project, stages);
  const reports = new Map<string, SmokeReport>();
  const failed = new Map<string, DwtError>();
  const known = await Promise.all(images.map((image) => knownReport(image, options)));
  for (const report of known) if (report) reports.set(report.stage, report);
  const unknown = images.filter(({ stage }) => stage !== null && !reports.has(stage));
  const { images: tested } = await smokeTest({ ...options, images: unknown });
  for (const [index, image] of unknown.entries()) {
    const result = tested[index];
    if (!result || image.stage === null) continue;
    const { id, verdict, checks, error } = result;
    if (verdict === 'fail' || id === null) failed.set(image.stage, error ?? failureOf(result));
    else
      reports.set(image.stage, {
        ...reportOf(image, options.project),
        image: id,
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
  return { tested, reports, failed };
}

const reportOf = ({ stage, kind, checks }: ImageToTest, { name }: Project) => ({
  version: 1 as const,
  project: name,
  stage: stage ?? '',
  contract: contractDigest(kind, checks),
  verdict: 'pass' as const,
});

/** Of an image that passed before, its page too where pages are looked at. */
async function knownReport(
  image: ImageToTest,
  { project, engine, environment, pages }: ProveOptions,
): Promise<SmokeReport | null> {
  const id = (await engine.inspectImage(image.reference))?.id;
  if (id === undefined) return null;
  const hasPage = image.kind === 'tool' || image.kind === 'visualisation';
  const report = reportOf(image, project);
  const found = await provedImage(id, report.contract, environment, Boolean(pages) && hasPage);
  if (!found?.results) return null;
  const { results, at, version, pageAt } = found;
  const withPages = pageAt !== null || !hasPage;
  return { ...report, image: id, checks: results, withPages, testedAt: at, tool: version };
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
