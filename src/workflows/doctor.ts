/** `dwt doctor`: what works from here, and which stages that lets one build. */

import { checkArtifact } from '../doctor/artifacts.ts';
import { checkBrowser } from '../doctor/browser.ts';
import type { Check } from '../doctor/check.ts';
import { checkCredentials } from '../doctor/credentials.ts';
import { checkBase, checkDisk, checkEngine } from '../doctor/engine.ts';
import { checkPublishing, type PublishingReport } from '../doctor/publishing.ts';
import { checkCertificates, checkSource, type SourceName, sourceNames } from '../doctor/sources.ts';
import { judgeStages, type StageVerdict } from '../doctor/stages.ts';
import type { Engine } from '../engine/engine.ts';
import type { DwtError } from '../errors.ts';
import type { Emit } from '../events.ts';
import type { Project } from '../project/project.ts';
import { runTask } from '../task.ts';
import { wantedArtifact } from './plan-artifacts.ts';
import { pushTargets } from './push-targets.ts';

export interface DoctorOptions {
  /** The engine, or why there is none. */
  readonly engine: Engine | DwtError;
  /** Null where there is no project; then no stage is judged. */
  readonly project: Project | null;
  /** An environment of the project, to say whether one may push there; null to look at none. */
  readonly publishing: string | null;
  readonly environment: NodeJS.ProcessEnv;
  readonly emit: Emit;
  readonly signal: AbortSignal;
}

export interface DoctorResult {
  readonly checks: readonly Check[];
  readonly stages: readonly StageVerdict[];
  /** Only where an environment was asked about; null where there is no login to ask with. */
  readonly publishing?: PublishingReport | null;
}

/**
 * Looks at engine, disk, package sources, certificates, credentials, browser, and the registry of an environment. Changes
 * nothing that outlives it.
 *
 * @throws DwtError what `pushTargets` throws for the environment
 */
export async function doctor({
  engine,
  project,
  publishing: env,
  environment,
  emit,
  signal,
}: DoctorOptions): Promise<DoctorResult> {
  const destinations =
    project === null || env === null ? null : pushTargets(project, [], { env }, environment);
  return await runTask<DoctorResult>(emit, 'doctor', 'What works from here', async (step) => {
    const reached = 'version' in engine ? engine : null;
    const needed = project === null ? sourceNames : neededSources(project);
    const artifacts =
      project === null ? [] : [...project.artifacts.keys()].map((name) => wantedArtifact(project, name));
    const checks = await step('Looking at engine, package sources and credentials', () =>
      Promise.all([
        checkEngine(engine),
        ...(reached ? [checkDisk(reached), checkBase(reached)] : []),
        ...needed.map((source) => checkSource(source, { engine: reached, environment, signal })),
        ...artifacts.map((artifact) => checkArtifact(artifact, environment, signal)),
        checkCertificates(environment),
        checkCredentials(environment),
        checkBrowser(environment),
      ]),
    );
    const publishing =
      destinations &&
      env &&
      (await step(`Asking the registry of ${env}`, () =>
        checkPublishing({ environment: env, destinations, variables: environment, signal }),
      ));
    const all = [...checks, ...(publishing ? publishing.checks : [])];
    const stages = project === null ? [] : judgeStages(project, checks);
    const failed = all.filter(({ verdict }) => verdict === 'fail').length;
    const buildable = stages.filter((stage) => stage.buildable).length;
    const detail = `${failed === 0 ? 'nothing is in the way' : `${failed} of ${all.length} checks failed`}; ${buildable} of ${stages.length} stages can be built`;
    const value = { checks: all, stages, ...(publishing && { publishing: publishing.report }) };
    return { value, detail };
  });
}

/** The package sources that some stage of the project needs, in the order in which they are always told. */
function neededSources(project: Project): SourceName[] {
  const needs = new Set(
    [...project.settings.values()].flatMap(({ needs, features }) => [
      ...needs,
      ...[...features.values()].flatMap((feature) => feature.needs),
    ]),
  );
  return sourceNames.filter((name) => needs.has(name));
}
