/** Between the names that BuildKit gives to stages and steps and those of the Dockerfile. */
import { DwtError } from '../errors.ts';
import type { Hierarchy, Instruction, LineRange, Stage } from './hierarchy.ts';

/** What a vertex of BuildKit's graph stands for. */
export interface Step {
  readonly stage: Stage;
  /** Position among the stage's steps as BuildKit counts them, from 1, and how many there are. */
  readonly number: number;
  readonly of: number;
  /** Null for the step that FROM is. */
  readonly instruction: Instruction | null;
  readonly lines: LineRange;
  /** The step without stage and number: `RUN apt-get update`. */
  readonly title: string;
}

/** The instructions that BuildKit makes a step of; all others only change the image's configuration. */
const makesStep = new Set(['RUN', 'COPY', 'ADD', 'WORKDIR']);

/**
 * Reads vertex names of the form `[python 2/5] RUN …` (`[2/5]` where the Dockerfile has one stage, `[stage-1 2/5]`
 * for a stage without a name). Null for what is no step of a stage, such as `[internal] load build context`.
 */
export function readStep(hierarchy: Hierarchy, vertex: string): Step | null {
  const [, label, number, of, title] = /^\[(?:(\S.*?) +)?(\d+)\/(\d+)\] +([\s\S]*)$/.exec(vertex) ?? [];
  if (number === undefined || of === undefined || title === undefined) return null;
  const stage = findStage(hierarchy, label);
  if (!stage) return null;
  const steps = stage.instructions.filter(({ keyword }) => makesStep.has(keyword));
  // FROM counts as the first step where it names an image, and not at all where it names a stage or scratch.
  const from = Number(of) - steps.length;
  const instruction = steps[Number(number) - 1 - from] ?? null;
  return {
    stage,
    number: Number(number),
    of: Number(of),
    instruction,
    lines: instruction?.lines ?? { start: stage.lines.start, end: stage.lines.start },
    title,
  };
}

function findStage(hierarchy: Hierarchy, label: string | undefined): Stage | undefined {
  if (label === undefined) return hierarchy.stages.length === 1 ? hierarchy.stages[0] : undefined;
  // With --platform other than the engine's, BuildKit writes the platform before the stage's name.
  const name = label.split(' ').at(-1)?.toLowerCase();
  const unnamed = /^stage-(\d+)$/.exec(name ?? '')?.[1];
  return (
    hierarchy.stages.find((stage) => stage.name === name) ??
    (unnamed === undefined ? undefined : hierarchy.stages[Number(unnamed)])
  );
}

/** Lines of the Dockerfile around a place, numbered, the place itself marked: what a failed build shows. */
export function excerpt(hierarchy: Hierarchy, lines: LineRange, around = 2): string {
  const all = hierarchy.source.split(/\r?\n/);
  const first = Math.max(1, lines.start - around);
  const last = Math.min(all.length, lines.end + around);
  const width = String(last).length;
  const shown: string[] = [];
  for (let line = first; line <= last; line++) {
    const marked = line >= lines.start && line <= lines.end;
    shown.push(`${marked ? '>' : ' '} ${String(line).padStart(width)} | ${all[line - 1] ?? ''}`.trimEnd());
  }
  return shown.join('\n');
}

/**
 * What the engine calls a stage; null for the last one where it has no AS, which is what the engine builds when none is
 * named.
 *
 * @throws DwtError STAGE_UNKNOWN for another stage without a name
 */
export function engineTarget(stage: string, { stages, file }: Hierarchy): string | null {
  if (!/^\d+$/.test(stage)) return stage;
  if (stages.at(-1)?.name === stage) return null;
  throw new DwtError(
    'STAGE_UNKNOWN',
    `Stage ${stage} of ${file} has no name, so it cannot be built by itself.`,
    {
      hint: 'Give it one: FROM … AS name.',
    },
  );
}
