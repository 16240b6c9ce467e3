/** Failures of builds in the user's terms: which stage, which lines, what the step said last, what was not tried. */
import { BuildFailure, type FailedVertex } from '../engine/build-failure.ts';
import { diskFullHint, meansDiskFull, outOfReach } from '../engine/failure.ts';
import { DwtError } from '../errors.ts';
import type { Hierarchy, Instruction } from '../hierarchy/hierarchy.ts';
import { closure, nearest } from '../hierarchy/select.ts';
import { excerpt, type Step } from '../hierarchy/step.ts';
import { formatReference, parseReference } from '../registry/reference.ts';
import { buildCaSecret } from '../secrets/build-ca.ts';
import type { StepTracker } from './build-steps.ts';

/** Why a target ended before it was built: the user's own wish, or another stage's failure. */
export function cancellation(target: string, interrupted: boolean, failed: Iterable<string>): DwtError {
  if (interrupted) return new DwtError('INTERRUPTED', `The build of ${target} was interrupted.`);
  const [first = 'another stage'] = failed;
  return new DwtError('BUILD_CANCELLED', `${target} was not built because ${first} failed.`, {
    hint: 'Mend that first, or build what does not depend on it with --keep-going.',
  });
}

export interface FailedBuild {
  /** The stage that was to be built. */
  readonly target: string;
  readonly hierarchy: Hierarchy;
  readonly steps: StepTracker;
  /** The ids of the secrets that were given. */
  readonly secrets: ReadonlySet<string>;
}

/** The failure with the Dockerfile's lines and the step's last output, and the stage in which it happened. */
export function explainFailure(error: DwtError, build: FailedBuild): { error: DwtError; stage: string } {
  const { target, hierarchy, steps } = build;
  if (!(error instanceof BuildFailure)) return { error, stage: target };
  if (error.vertex === null) return { error: refusedLine(error, hierarchy) ?? error, stage: target };
  const { step, output = '' } = steps.failure(error.vertex.digest) ?? {};
  if (!step) {
    const known = missingImage(error, error.vertex, build) ?? missingDownload(error, error.vertex, build);
    return { error: known ?? error, stage: target };
  }
  const exitCode = exitCodeOf(error.vertex.error);
  // The engine says of such a step only that it failed; that the disk is full stands in what the step's program said.
  const full = error.code === 'DISK_FULL' || meansDiskFull(output);
  const where = `Stage ${step.stage.name} failed at line ${step.lines.start}${full ? ' because the disk is full' : ''}`;
  // The command itself is in the Dockerfile's lines, which are shown below.
  const how =
    exitCode === null ? `: ${error.vertex.error.replace(/[.\s]+$/, '')}` : ` with exit code ${exitCode}`;
  return {
    stage: step.stage.name,
    error: new DwtError(full ? 'DISK_FULL' : error.code, `${where}${how}.`, {
      hint: full ? diskFullHint : hintFor(step, exitCode, build),
      location: { file: hierarchy.file, line: step.lines.start },
      excerpt: excerpt(hierarchy, step.lines),
      ...(output !== '' && { detail: output }),
      cause: error.cause,
    }),
  };
}

/**
 * An engine that does not know what a newer one does refuses the Dockerfile as a whole, and names the line in its text
 * alone. Null where it names none.
 */
function refusedLine({ code, message, cause }: BuildFailure, hierarchy: Hierarchy): DwtError | null {
  const [, number, said] = /dockerfile parse error (?:on )?line (\d+): ([\s\S]*)/i.exec(message) ?? [];
  if (number === undefined || said === undefined) return null;
  const line = Number(number);
  return new DwtError(code, `This engine does not accept line ${line}: ${said.replace(/[.\s]+$/, '')}.`, {
    hint: 'Engines before 23.0 know no heredocs, COPY --link and --parents, RUN --network and ADD --checksum: write the line without, or build on a newer engine.',
    location: { file: hierarchy.file, line },
    excerpt: excerpt(hierarchy, { start: line, end: line }),
    cause,
  });
}

/** The error for a download of ADD; null for another failure. */
function missingDownload(
  { code, cause }: BuildFailure,
  { name, error }: FailedVertex,
  { target, hierarchy }: FailedBuild,
): DwtError | null {
  for (const { instructions } of closure(hierarchy, [target])) {
    for (const { uses, lines } of instructions) {
      const sources = uses.flatMap((use) => (use.from.kind === 'remote' ? use.sources : []));
      const source = sources.find((each) => name.endsWith(each) || error.includes(each));
      if (source === undefined) continue;
      return new DwtError(code, `${source}, which line ${lines.start} adds, cannot be downloaded.`, {
        hint: 'Check the address; it is the engine that downloads it, with its own way to the network.',
        location: { file: hierarchy.file, line: lines.start },
        excerpt: excerpt(hierarchy, lines),
        detail: error,
        cause,
      });
    }
  }
  return null;
}

/** Null where it was not its command that failed. The engine gives it as the end of a text alone. */
function exitCodeOf(said: string): number | null {
  const [, code] =
    /^(?:process "|executor failed running \[)[\s\S]*exit code: (\d+)$/.exec(said.trim()) ?? [];
  return code === undefined ? null : Number(code);
}

/** 128 and SIGKILL. */
const killed = 137;

function hintFor({ instruction }: Step, exitCode: number | null, { secrets }: FailedBuild): string {
  const missing = secretsOf(instruction).find((id) => !secrets.has(id) && id !== buildCaSecret);
  if (missing !== undefined)
    return `The step asks for the secret ${missing}, which was not given: --secret id=${missing},src=FILE.`;
  if (exitCode === killed)
    return 'The step was killed, most often for want of memory: give the engine more, or build fewer stages at once with --jobs.';
  return 'Mend the step and build again: the steps before it are kept.';
}

function secretsOf(instruction: Instruction | null): string[] {
  const mounts = instruction?.keyword === 'RUN' ? instruction.text.matchAll(/--mount=(\S*)/g) : [];
  return [...mounts].flatMap(([, options = '']) => {
    const words = options.replaceAll(/["']/g, '').split(',');
    const id = words.find((word) => word.startsWith('id='));
    return words.includes('type=secret') && id !== undefined ? [id.slice('id='.length)] : [];
  });
}

function asEngineNames(image: string): string {
  const reference = parseReference(image);
  const tag = reference.digest === null ? (reference.tag ?? 'latest') : reference.tag;
  return formatReference({ ...reference, tag });
}

/** The error for an image that FROM or --from names and that the engine neither has nor can pull; null for another failure. */
function missingImage(
  { code, cause }: BuildFailure,
  vertex: FailedVertex,
  { target, hierarchy }: FailedBuild,
): DwtError | null {
  for (const stage of closure(hierarchy, [target])) {
    const uses = stage.instructions.flatMap(({ uses, lines }) =>
      uses.flatMap(({ from }) => (from.kind === 'image' ? [{ image: from.reference, lines }] : [])),
    );
    const from = { image: stage.image, lines: { start: stage.lines.start, end: stage.lines.start } };
    for (const { image, lines } of [from, ...uses]) {
      if (image === null || image === 'scratch') continue;
      if (!vertex.name.endsWith(` ${asEngineNames(image)}`)) continue;
      const near = nearest(
        image,
        hierarchy.stages.map(({ name }) => name),
      );
      const unreachable = outOfReach.test(vertex.error);
      const why = unreachable ? ': its registry cannot be reached' : '';
      const sentence = `The image ${image}, which line ${lines.start} names, cannot be pulled${why}.`;
      return new DwtError(unreachable ? 'REGISTRY_UNREACHABLE' : code, sentence, {
        hint:
          near === null
            ? 'Check its name, and with `dwt doctor` what can be reached from here; `dwt base` makes a Debian base image without pulling.'
            : `Did you mean the stage ${near}? Otherwise see with \`dwt doctor\` what can be reached from here.`,
        location: { file: hierarchy.file, line: lines.start },
        excerpt: excerpt(hierarchy, lines),
        detail: vertex.error.replace(/ \(did you mean [^()]*\?\)$/, ''),
        cause,
      });
    }
  }
  return null;
}
