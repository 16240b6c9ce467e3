/** `dwt smoke-test`: starts each image as the platform would, and judges its contract. */
import pLimit from 'p-limit';
import type { CheckResult, Verdict } from '../contract/check.ts';
import { Laboratory } from '../contract/laboratory.ts';
import { removeLeftovers } from '../contract/leftovers.ts';
import { probeImage } from '../contract/probe-image.ts';
import type { SkippedCheck, TrialReport } from '../contract/trial.ts';
import { tryImage } from '../contract/trial-kinds.ts';
import type { Engine, ImageDetails } from '../engine/engine.ts';
import { asDwtError, DwtError } from '../errors.ts';
import type { Emit, StepOutcome } from '../events.ts';
import { selectStages } from '../hierarchy/select.ts';
import { standInsOf } from '../plan/stand-ins.ts';
import { type CheckSettings, imageReference, type Kind, type Project } from '../project/project.ts';
import { parseReference } from '../registry/reference.ts';
import { Screenshots } from './screenshots.ts';
import { rememberVerdict } from './smoke-test-verdict.ts';

export interface ImageToTest {
  /** Null for an image of nobody's project. */
  readonly stage: string | null;
  readonly reference: string;
  readonly kind: Exclude<Kind, 'shared'>;
  readonly checks: CheckSettings;
}

export interface SmokeTestOptions {
  readonly engine: Engine;
  readonly images: readonly ImageToTest[];
  /** How many images are judged at once. */
  readonly jobs: number;
  /** The image that the probes run in, with perl; null for the Debian root that the engine has or can pull. */
  readonly probeImage?: string | null;
  /** Null where pages are not looked at. */
  readonly pages?: PageOptions | null;
  /** Says where verdicts are kept for pushes that ask for them; without it they are not. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
  readonly emit: Emit;
  readonly signal: AbortSignal;
}

export interface PageOptions {
  /** The browser. */
  readonly program: string;
  /** Folder for the pictures of all pages; null to keep those of failed ones, in a temporary folder. */
  readonly screenshots: string | null;
}

export interface TestedImage {
  readonly stage: string | null;
  readonly reference: string;
  /** Null where the engine has no such image. */
  readonly id: string | null;
  readonly verdict: Verdict;
  readonly checks: readonly CheckResult[];
  /** Checks that could not be judged; an image with some has failed another one. */
  readonly skipped: readonly SkippedCheck[];
  readonly seconds: number;
  /** Artifacts that it was made with stand-ins for, where there are any. */
  readonly standIns?: readonly string[];
  /** Why it could not be judged at all. */
  readonly error?: DwtError;
}

export interface SmokeTestResult {
  readonly images: readonly TestedImage[];
}

/**
 * The images of a project that names and globs select; every published one where there are none.
 *
 * @throws DwtError STAGE_UNKNOWN; USAGE for a shared stage that is named
 */
export function imagesToTest(project: Project, patterns: readonly string[]): ImageToTest[] {
  for (const pattern of patterns) {
    if (project.settings.get(pattern.toLowerCase())?.kind !== 'shared') continue;
    throw new DwtError('USAGE', `${pattern} is a shared stage, which has no contract of its own.`, {
      hint: 'Judge the images that are built on it; `dwt stages` shows them.',
    });
  }
  const candidates = project.hierarchy.stages.flatMap(({ name }) => {
    const settings = project.settings.get(name);
    return settings && settings.kind !== 'shared'
      ? [{ name, kind: settings.kind, checks: settings.checks }]
      : [];
  });
  const names = candidates.map(({ name }) => name);
  const selected = new Set(patterns.length > 0 ? selectStages(patterns, names) : names);
  return candidates
    .filter(({ name }) => selected.has(name))
    .map(({ name, kind, checks }) => ({
      stage: name,
      reference: imageReference(project, name),
      kind,
      checks,
    }));
}

/** By id, or the beginning of one; whatever else an image is called by is a reference. */
const imageId = /^(?:sha256:)?[0-9a-f]{4,64}$/;

/**
 * An image of nobody's project.
 *
 * @throws DwtError REFERENCE_INVALID
 */
export function foreignImage(reference: string, kind: ImageToTest['kind']): ImageToTest {
  if (!imageId.test(reference)) parseReference(reference);
  return { stage: null, reference, kind, checks: {} };
}

/** Judges several images at once. One that fails, or is not there, keeps none of the others from being judged. */
export async function smokeTest(options: SmokeTestOptions): Promise<SmokeTestResult> {
  const { engine, images, jobs, emit, signal } = options;
  for (const image of images)
    emit({ type: 'task-queued', task: taskOf(image), parent: null, title: taskOf(image) });
  if (images.length === 0) return { images: [] };
  const pages = options.pages && {
    program: options.pages.program,
    screenshots: Screenshots.prepare(options.pages.screenshots, emit),
  };
  const [probe] = await Promise.all([
    probeImage(engine, options.probeImage ?? null, signal),
    removeLeftovers(engine).catch(() => {}),
  ]);
  const laboratory = await Laboratory.open({ engine, probeImage: probe, signal });
  const limit = pLimit(jobs);
  try {
    return {
      images: await Promise.all(
        images.map((image) =>
          limit(async () => {
            const tested = await testImage(image, { laboratory, pages: pages ?? null }, options);
            await rememberVerdict(image, tested, options);
            return tested;
          }),
        ),
      ),
    };
  } finally {
    const resisted = await laboratory.close();
    if (resisted.length > 0) {
      emit({
        type: 'warning',
        message: 'Some containers, networks or volumes of this run could not be removed.',
        hint: `docker ps --all --filter label=dwt.run=${laboratory.run} shows them; the next run tries again.`,
      });
    }
  }
}

const taskOf = ({ stage, reference }: ImageToTest): string => stage ?? reference;

interface Furniture {
  readonly laboratory: Laboratory;
  readonly pages: { readonly program: string; readonly screenshots: Screenshots } | null;
}

/** Where an image's page is looked at, by its own name as far as a host can have it. */
const hostOf = (task: string): string =>
  `${task
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .slice(-60)
    .replace(/^-|-$/g, '')}.dataworkspace.test`;

async function testImage(
  image: ImageToTest,
  { laboratory, pages }: Furniture,
  { engine, emit, signal }: SmokeTestOptions,
): Promise<TestedImage> {
  const task = taskOf(image);
  const { stage, reference, kind, checks } = image;
  const started = performance.now();
  const seconds = () => Math.round(performance.now() - started) / 1000;
  let id: string | null = null;
  if (!signal.aborted) emit({ type: 'task-started', task });
  const steps = stepReport(task, emit);
  try {
    signal.throwIfAborted();
    const details = await imageDetails(engine, image);
    id = details.id;
    const page = pages && {
      program: pages.program,
      host: hostOf(task),
      keep: (picture: Buffer, verdict: Verdict) => pages.screenshots.keep(task, picture, verdict),
    };
    const { user } = details;
    const standIns = standInsOf(details.labels);
    const found = await tryImage({ laboratory, image: id, user, kind, checks, page, report: steps });
    const failed = found.checks.filter(({ verdict }) => verdict === 'fail').map(({ name }) => name);
    // What could not be judged is not proved. A job alone may end before anybody can look inside.
    const unproved = kind !== 'job' && found.skipped.length > 0;
    const verdict: Verdict = failed.length > 0 || unproved ? 'fail' : 'pass';
    const judged = failed.length > 0 ? `failed: ${failed.join(', ')}` : `${found.checks.length} checks`;
    emit({
      type: 'task-finished',
      task,
      outcome: verdict === 'pass' ? 'passed' : 'failed',
      seconds: seconds(),
      detail: standIns.length > 0 ? `${judged}, with a stand-in for ${standIns.join(' and ')}` : judged,
    });
    return {
      stage,
      reference,
      id,
      verdict,
      checks: found.checks,
      skipped: found.skipped,
      seconds: seconds(),
      ...(standIns.length > 0 && { standIns }),
    };
  } catch (thrown) {
    const error = asDwtError(thrown);
    steps.abandon(error.code === 'INTERRUPTED' ? 'cancelled' : 'failed');
    emit({
      type: 'task-finished',
      task,
      outcome: error.code === 'INTERRUPTED' ? 'cancelled' : 'failed',
      seconds: seconds(),
      error,
    });
    return { stage, reference, id, verdict: 'fail', checks: [], skipped: [], seconds: seconds(), error };
  }
}

/** @throws DwtError IMAGE_NOT_FOUND, with the way to get it. */
export async function imageDetails(
  engine: Engine,
  { stage, reference }: Pick<ImageToTest, 'stage' | 'reference'>,
): Promise<ImageDetails> {
  const details = await engine.inspectImage(reference);
  if (details) return details;
  throw new DwtError('IMAGE_NOT_FOUND', `The engine has no image ${reference}.`, {
    hint: stage === null ? `Pull it first: docker pull ${reference}` : `Build it first: dwt build ${stage}`,
  });
}

/** Each check as a step of the image's task. */
function stepReport(task: string, emit: Emit): TrialReport & { abandon(outcome: StepOutcome): void } {
  const begun = new Map<string, number>();
  const finish = (check: string, outcome: StepOutcome) => {
    const start = begun.get(check);
    if (start === undefined) return;
    begun.delete(check);
    emit({
      type: 'step-finished',
      task,
      step: `${task}/${check}`,
      outcome,
      seconds: (performance.now() - start) / 1000,
    });
  };
  return {
    begin(check) {
      if (begun.has(check)) return;
      begun.set(check, performance.now());
      emit({ type: 'step-started', task, step: `${task}/${check}`, title: `check ${check}` });
    },
    end({ name, verdict, detail }) {
      emit({ type: 'step-log', task, step: `${task}/${name}`, text: `${verdict}: ${detail}\n` });
      finish(name, verdict === 'pass' ? 'done' : 'failed');
    },
    leave: (check) => finish(check, 'cancelled'),
    abandon(outcome) {
      for (const check of [...begun.keys()]) finish(check, outcome);
    },
  };
}
