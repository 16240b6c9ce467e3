/** Small projects on disk for tests: written to a folder of their own, their images taken from the engine at the end. */
import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { connectEngine } from '../../src/engine/connect.ts';
import { type CliResult, type RunningCli, startCli } from './cli.ts';
import { testEngine } from './engine.ts';

export interface ProjectRun extends CliResult {
  /** stdout as JSON; throws where it is none. */
  json<T = unknown>(): T;
}

export interface TestProject {
  readonly folder: string;
  /** Unique: also the first part of its images' names. */
  readonly name: string;
  write(path: string, content: string | Uint8Array): Promise<void>;
  /** `dwt WORDS --project FOLDER --engine TEST-ENGINE`, started. */
  start(words: readonly string[], environment?: Readonly<Record<string, string>>): RunningCli;
  /** The same, ended. */
  dwt(words: readonly string[], environment?: Readonly<Record<string, string>>): Promise<ProjectRun>;
  remove(): Promise<void>;
}

/** Files by path; a `dwt.yaml` that only names the project is added where none is given. */
export async function makeProject(
  files: Readonly<Record<string, string | Uint8Array>>,
): Promise<TestProject> {
  const name = `test-${randomBytes(5).toString('hex')}`;
  const folder = await mkdtemp(join(tmpdir(), 'dwt-test-'));
  const home = await mkdtemp(join(tmpdir(), 'dwt-test-home-'));
  const write = async (path: string, content: string | Uint8Array) => {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), content);
  };
  const { 'dwt.yaml': yaml = 'version: 1\n', ...others } = files;
  await write('dwt.yaml', `${yaml}name: ${name}\n`);
  for (const [path, content] of Object.entries(others)) await write(path, content);
  const start: TestProject['start'] = (words, environment = {}) =>
    startCli(
      [
        ...words,
        ...(words.includes('--engine') ? [] : ['--engine', testEngine()]),
        ...(words.includes('--project') ? [] : ['--project', folder]),
      ],
      { home, cwd: folder, environment },
    );
  return {
    folder,
    name,
    write,
    start,
    dwt: async (words, environment) => withJson(await start(words, environment).result),
    async remove() {
      await rm(folder, { recursive: true, force: true });
      await rm(home, { recursive: true, force: true });
      const engine = await connectEngine({ engine: testEngine(), environment: process.env });
      try {
        for (const image of await engine.imagesByLabel([`dwt.project=${name}`])) {
          for (const reference of image.references) await engine.removeImage(reference);
          if (image.references.length === 0) await engine.removeImage(image.id);
        }
      } finally {
        engine.close();
      }
    },
  };
}

export const withJson = (result: CliResult): ProjectRun => ({
  ...result,
  json: () => JSON.parse(result.stdout),
});
