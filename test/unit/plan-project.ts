/** Small projects on disk, for tests of contexts and plans. */
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { Engine, EngineImage } from '../../src/engine/engine.ts';
import { parseDockerfile } from '../../src/hierarchy/parse.ts';
import type { Project, StageSettings } from '../../src/project/project.ts';

/** Content of a file, or what else is to be there. */
export type Item = string | { readonly link: string } | { readonly program: string } | 'FOLDER';

export type Tree = Readonly<Record<string, Item>>;

const made: string[] = [];

export function makeFolder(tree: Tree): string {
  const folder = mkdtempSync(join(tmpdir(), 'dwt-plan-'));
  made.push(folder);
  writeTree(folder, tree);
  return folder;
}

export function writeTree(folder: string, tree: Tree): void {
  for (const [path, item] of Object.entries(tree)) {
    const absolute = join(folder, path);
    mkdirSync(dirname(absolute), { recursive: true });
    if (item === 'FOLDER') mkdirSync(absolute, { recursive: true });
    else if (typeof item === 'string') writeFileSync(absolute, item);
    else if ('link' in item) symlinkSync(item.link, absolute);
    else {
      writeFileSync(absolute, item.program);
      chmodSync(absolute, 0o755);
    }
  }
}

export function removeFolders(): void {
  for (const folder of made.splice(0)) rmSync(folder, { recursive: true, force: true });
}

/** Leaves are tools, all else is shared, as without a project file. */
export function readProject(
  folder: string,
  buildArguments: Readonly<Record<string, string>> = {},
  dockerfile = 'Dockerfile',
): Project {
  const source = readFileSync(join(folder, dockerfile), 'utf8');
  const hierarchy = parseDockerfile(source, { file: dockerfile, buildArguments });
  const settings = new Map(
    hierarchy.stages.map(({ name, children }): [string, StageSettings] => [
      name,
      {
        kind: children.length > 0 ? 'shared' : 'tool',
        description: null,
        publish: null,
        needs: [],
        features: new Map(),
        checks: {},
      },
    ]),
  );
  return {
    folder,
    name: 'tools',
    dockerfile,
    hierarchy,
    settings,
    environments: new Map(),
    artifacts: new Map(),
    without: new Set(),
    asked: new Set(),
  };
}

export const makeProject = (dockerfile: string, tree: Tree = {}): Project =>
  readProject(makeFolder({ ...tree, Dockerfile: dockerfile }));

/** An engine that has these images and knows these base images; all else that is asked of it fails. */
export function engineWith(
  images: readonly EngineImage[],
  bases: Readonly<Record<string, string>> = {},
  remote: (reference: string) => Promise<string | null> = async () => null,
): Engine {
  const answers: Partial<Engine> = {
    version: async () => ({ version: '28.5.2', api: '1.51', os: 'linux', architecture: 'amd64' }),
    imagesByLabel: async () => [...images],
    inspectImage: async (reference) => {
      const id = bases[reference];
      if (id === undefined) return null;
      return {
        id,
        references: [reference],
        digests: [],
        labels: {},
        size: 1,
        user: '',
        entrypoint: [],
        command: [],
        environment: [],
        exposedPorts: [],
        layers: [],
        architecture: 'amd64',
        os: 'linux',
        created: '2026-01-01T00:00:00Z',
      };
    },
    remoteDigest: remote,
  };
  return answers as Engine;
}
