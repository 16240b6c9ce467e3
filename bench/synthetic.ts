/** Hierarchies for measurement: the shape of the real one, with steps that cost next to nothing. */
import { randomBytes } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

export interface Synthetic {
  readonly name: string;
  readonly stages: readonly string[];
  /** The stages that are images: those that no other stage stands on. */
  readonly leaves: readonly string[];
  /** A file that only the last leaf copies, relative to the folder. */
  readonly leafFile: string;
}

export interface Shape {
  readonly name: string;
  readonly stages: number;
  /** How many stages stand on one: 4 gives 149 leaves for 200 stages. */
  readonly fan: number;
  readonly filesPerStage: number;
  /** Changes every key and every step, so that a run is cold without pruning the engine. */
  readonly nonce: string;
  readonly steps: boolean;
  /** Of a file that cannot be compressed, in each stage; none where not given. */
  readonly bytesPerStage?: number;
  /** Of the images; a job is judged without anything that answers. Tools where not given. */
  readonly kind?: 'tool' | 'job';
  /** Lines of dwt.yaml beside the stages. */
  readonly settings?: string;
}

/** Writes Dockerfile, bake file and the copied files into `folder`. */
export async function writeSynthetic(folder: string, shape: Shape): Promise<Synthetic> {
  const stages = Array.from({ length: shape.stages }, (_, index) => `s${index}`);
  const parentOf = (index: number) => (index === 0 ? null : `s${Math.floor((index - 1) / shape.fan)}`);
  const parents = new Set(stages.map((_, index) => parentOf(index)));
  const leaves = stages.filter((stage) => !parents.has(stage));
  const lines: string[] = [];
  for (const [index, stage] of stages.entries()) {
    lines.push(`FROM ${parentOf(index) ?? 'debian:trixie'} AS ${stage}`);
    lines.push(`COPY ${stage}/ /opt/${stage}/`);
    if (shape.steps) lines.push(`RUN echo ${shape.nonce}-${index} > /etc/${stage}`);
    lines.push(`ENV STAGE=${stage}`, '');
    await mkdir(join(folder, stage), { recursive: true });
    if (shape.bytesPerStage) await writeFile(join(folder, stage, 'bytes'), randomBytes(shape.bytesPerStage));
    await Promise.all(
      Array.from({ length: shape.filesPerStage }, (_, file) =>
        writeFile(join(folder, stage, `${file}.txt`), `${shape.nonce} ${stage} ${file}\n`),
      ),
    );
  }
  await writeFile(join(folder, 'Dockerfile'), lines.join('\n'));
  const kinds = stages.map(
    (stage) =>
      `  ${stage}: {kind: ${leaves.includes(stage) ? (shape.kind ?? 'tool') : 'shared'}${leaves.includes(stage) ? `, publish: {suffix: ${stage}, tag: master}` : ''}}`,
  );
  await writeFile(
    join(folder, 'dwt.yaml'),
    `version: 1\nname: ${shape.name}\nstages:\n${kinds.join('\n')}\n${shape.settings ?? ''}`,
  );
  const target = Object.fromEntries(
    leaves.map((leaf) => [
      leaf,
      {
        context: '.',
        target: leaf,
        tags: [`${shape.name}-bake/${leaf}:latest`],
        labels: { bench: shape.name },
        output: ['type=docker'],
      },
    ]),
  );
  await writeFile(
    join(folder, 'bake.json'),
    JSON.stringify({ group: { default: { targets: leaves } }, target }),
  );
  const last = leaves.at(-1) ?? 's0';
  return { name: shape.name, stages, leaves, leafFile: join(last, '0.txt') };
}
