/** What the tests of the engine's client share: a connection, names of their own, and builds of a Dockerfile given as text. */
import { randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import { pack } from 'tar-stream';
import { connectEngine } from '../../src/engine/connect.ts';
import type { BuildProgress, BuildRequest, Engine } from '../../src/engine/engine.ts';
import { testEngine } from '../support/engine.ts';

export const connected = (): Promise<Engine> => connectEngine({ engine: testEngine(), environment: {} });

export const ownName = (): string => `dwt-engine-test-${randomBytes(5).toString('hex')}`;

export function context(files: Readonly<Record<string, string>>): NodeJS.ReadableStream {
  const tar = pack();
  for (const [name, content] of Object.entries(files)) tar.entry({ name, mtime: new Date(0) }, content);
  tar.finalize();
  return Readable.from(tar);
}

const made: string[] = [];

/** Removes every image that `build` made, and those named. */
export async function removeImages(engine: Engine, references: readonly string[] = []): Promise<void> {
  for (const image of [...references, ...new Set(made.splice(0))])
    await engine.removeImage(image).catch(() => {});
}

export interface Built {
  readonly id: string;
  readonly progress: BuildProgress[];
  readonly log: string;
}

/** Builds and keeps what was told; a failure is thrown with it in `progress` of the given array. */
export async function build(
  engine: Engine,
  dockerfile: string,
  request: Partial<BuildRequest> = {},
  progress: BuildProgress[] = [],
): Promise<Built> {
  const { id } = await engine.build({
    context: () => context({ Dockerfile: dockerfile }),
    dockerfile: 'Dockerfile',
    target: '',
    tags: [],
    labels: {},
    buildArguments: {},
    platform: null,
    noCache: false,
    pull: false,
    session: null,
    signal: new AbortController().signal,
    onProgress: (each) => void progress.push(each),
    ...request,
  });
  made.push(id);
  return { id, progress, log: logOf(progress) };
}

export const logOf = (progress: readonly BuildProgress[]): string =>
  progress.map((each) => (each.type === 'vertex-log' ? Buffer.from(each.data).toString() : '')).join('');

/** Names of the steps that ran, and of those that were there. */
export function steps(progress: readonly BuildProgress[]): { ran: string[]; cached: string[] } {
  const finished = progress.flatMap((each) =>
    each.type === 'vertex-finished' && each.name.includes('RUN') ? [each] : [],
  );
  return {
    ran: finished.filter(({ cached }) => !cached).map(({ name }) => name),
    cached: finished.filter(({ cached }) => cached).map(({ name }) => name),
  };
}
