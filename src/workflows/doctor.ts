/** `dwt doctor`: what works from here, and which stages that lets one build. */

import { checkBrowser } from '../doctor/browser.ts';
import type { Check } from '../doctor/check.ts';
import { checkCredentials } from '../doctor/credentials.ts';
import { checkBase, checkDisk, checkEngine } from '../doctor/engine.ts';
import { checkCertificates, checkSource, type SourceName, sourceNames } from '../doctor/sources.ts';
import { judgeStages, type StageVerdict } from '../doctor/stages.ts';
import type { Engine } from '../engine/engine.ts';
import type { DwtError } from '../errors.ts';
import type { Emit } from '../events.ts';
import type { Project } from '../project/project.ts';
import { runTask } from '../task.ts';

export interface DoctorOptions {
  /** The engine, or why there is none. */
  readonly engine: Engine | DwtError;
  /** Null where there is no project; then no stage is judged. */
  readonly project: Project | null;
  readonly environment: NodeJS.ProcessEnv;
  readonly emit: Emit;
  readonly signal: AbortSignal;
}

export interface DoctorResult {
  readonly checks: readonly Check[];
  readonly stages: readonly StageVerdict[];
}

/** Looks at engine, disk, package sources, certificates, credentials and browser. Changes nothing that outlives it. */
export async function doctor({
  engine,
  project,
  environment,
  emit,
  signal,
}: DoctorOptions): Promise<DoctorResult> {
  return await runTask<DoctorResult>(emit, 'doctor', 'What works from here', async (step) => {
    const reached = 'version' in engine ? engine : null;
    const needed = project === null ? sourceNames : neededSources(project);
    const checks = await step('Looking at engine, package sources and credentials', () =>
      Promise.all([
        checkEngine(engine),
        ...(reached ? [checkDisk(reached), checkBase(reached)] : []),
        ...needed.map((source) => checkSource(source, { engine: reached, environment, signal })),
        checkCertificates(environment),
        checkCredentials(environment),
        checkBrowser(environment),
      ]),
    );
    const stages = project === null ? [] : judgeStages(project, checks);
    const failed = checks.filter(({ verdict }) => verdict === 'fail').length;
    const buildable = stages.filter((stage) => stage.buildable).length;
    const detail = `${failed === 0 ? 'nothing is in the way' : `${failed} of ${checks.length} checks failed`}; ${buildable} of ${stages.length} stages can be built`;
    return { value: { checks, stages }, detail };
  });
}

/** The package sources that some stage of the project needs, in the order in which they are always told. */
function neededSources(project: Project): SourceName[] {
  const needs = new Set([...project.settings.values()].flatMap((settings) => settings.needs));
  return sourceNames.filter((name) => needs.has(name));
}
