/** The project's own images for tests: built by dwt under a name of the run's own, and what is run from them. */
import { randomBytes } from 'node:crypto';
import { cp, readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { jest } from '@jest/globals';
import Docker from 'dockerode';
import { pack } from 'tar-stream';
import { connectEngine } from '../../src/engine/connect.ts';
import type { ContainerSpec, Engine, ExecResult } from '../../src/engine/engine.ts';
import { testBase, testEngine } from '../support/engine.ts';
import { makeProject, type TestProject } from '../support/project.ts';
import { withStandIn } from './rstudio-standin.ts';

jest.setTimeout(120_000);

const dockerfiles = resolve(import.meta.dirname, '../../dockerfiles');

/** Long enough for a build from nothing on a small machine. */
export const buildTimeout = 20 * 60_000;

/** Leaves out the features whose package sources or artifacts cannot be reached from everywhere. */
export const without: readonly string[] = ['--without', 'cran'];

/** What a file of tests has on the engine, all of it removed by `close`. */
export class Lab {
  readonly #containers: string[] = [];
  readonly #networks: string[] = [];
  readonly #volumes: string[] = [];
  readonly #projects: TestProject[] = [];

  readonly engine: Engine;

  private constructor(engine: Engine) {
    this.engine = engine;
  }

  static async open(): Promise<Lab> {
    return new Lab(await connectEngine({ engine: testEngine(), environment: process.env }));
  }

  /** A copy of the project, under a name of its own, with the stand-in for RStudio. */
  async copy(): Promise<TestProject> {
    const project = await makeProject({});
    this.#projects.push(project);
    await cp(dockerfiles, project.folder, { recursive: true });
    const yaml = await readFile(join(dockerfiles, 'dwt.yaml'), 'utf8');
    const named = yaml.replace(/^name: .*$/m, `name: ${project.name}`);
    await project.write('dwt.yaml', await withStandIn(named, project.folder));
    return project;
  }

  /** Builds stages of the project's own Dockerfile; answers the reference of each. */
  async build(...stages: string[]): Promise<(stage: string) => string> {
    const project = await this.copy();
    await dwtBuild(project, [...stages, ...without, '--build-arg', `BASE_IMAGE=${testBase()}`]);
    return (stage) => `${project.name}/${stage}`;
  }

  /** Builds an image from a Dockerfile folder; answers its reference. */
  async extend(files: Readonly<Record<string, string>>, stage: string): Promise<string> {
    const project = await makeProject(files);
    this.#projects.push(project);
    await dwtBuild(project, [stage]);
    return `${project.name}/${stage}`;
  }

  /** A network with no way out. */
  async isolated(): Promise<string> {
    const id = await this.engine.createNetwork(name(), { internal: true });
    this.#networks.push(id);
    return id;
  }

  /** An empty volume, owned by root as the engine makes it; or of memory, of so many bytes, while a container uses it. */
  async volume(bytes?: number): Promise<string> {
    const volume = name();
    if (bytes === undefined) await this.engine.createVolume(volume);
    else {
      const options = { type: 'tmpfs', device: 'tmpfs', o: `size=${bytes}` };
      await docker().createVolume({ Name: volume, Driver: 'local', DriverOpts: options });
    }
    this.#volumes.push(volume);
    return volume;
  }

  /** Creates a container, puts files into it, and starts it. */
  async start(
    spec: Omit<ContainerSpec, 'name'>,
    files: Readonly<Record<string, string>> = {},
  ): Promise<Container> {
    const id = await this.engine.createContainer({ name: name(), ...spec });
    this.#containers.push(id);
    for (const [path, content] of Object.entries(files)) {
      const tar = pack();
      tar.entry({ name: path.replace(/^\//, ''), mode: 0o644 }, content);
      tar.finalize();
      await this.engine.writeArchive(id, '/', tar as unknown as NodeJS.ReadableStream);
    }
    await this.engine.startContainer(id);
    return new Container(this.engine, id);
  }

  async close(): Promise<void> {
    for (const id of this.#containers) await this.engine.removeContainer(id);
    for (const id of this.#networks) await this.engine.removeNetwork(id);
    for (const volume of this.#volumes) await this.engine.removeVolume(volume);
    for (const project of this.#projects.reverse()) await project.remove();
    this.engine.close();
  }
}

export class Container {
  readonly engine: Engine;
  readonly id: string;

  constructor(engine: Engine, id: string) {
    this.engine = engine;
    this.id = id;
  }

  /** Runs a program as dw-user if no other user is named; its environment is what a terminal would have. */
  run(
    command: readonly string[],
    options: { user?: string; environment?: Record<string, string> } = {},
  ): Promise<ExecResult> {
    const environment = {
      HOME: '/home/dw-user',
      USER: 'dw-user',
      SHELL: '/bin/bash',
      ...options.environment,
    };
    return this.engine.exec(this.id, command, { user: options.user ?? 'dw-user', environment });
  }

  /** Output of a shell command that has to succeed. */
  async shell(script: string, user = 'root'): Promise<string> {
    const { exitCode, stdout, stderr } = await this.run(['bash', '-c', script], { user });
    if (exitCode !== 0) throw new Error(`"${script}" ended with ${exitCode}: ${stdout}${stderr}`);
    return stdout;
  }

  /** Status and body of a GET from inside the container's network, once it answers. */
  async get(url: string, seconds = 60): Promise<{ status: number; body: string }> {
    const script = `curl -s --retry ${seconds * 4} --retry-delay 1 --retry-all-errors --retry-max-time ${seconds} -w '\\n%{http_code}' '${url}'`;
    const lines = (await this.shell(script)).split('\n');
    return { status: Number(lines.pop()), body: lines.join('\n') };
  }

  logs = (): Promise<string> => this.engine.containerLogs(this.id, 1000);

  /** Seconds until SIGTERM has ended it, and with what. */
  async stop(): Promise<{ seconds: number; exitCode: number }> {
    const begun = performance.now();
    await this.engine.signalContainer(this.id, 'SIGTERM');
    const exitCode = await this.engine.waitContainer(this.id);
    return { seconds: (performance.now() - begun) / 1000, exitCode };
  }
}

/** The engine's own interface, for what the program needs nowhere. */
export function docker(): Docker {
  const url = new URL(testEngine());
  return url.protocol === 'unix:'
    ? new Docker({ socketPath: url.pathname })
    : new Docker({ host: url.hostname, port: Number(url.port) });
}

const name = (): string => `dwt-test-${randomBytes(6).toString('hex')}`;

async function dwtBuild(project: TestProject, words: readonly string[]): Promise<void> {
  const run = await project.dwt(['build', ...words, '--progress', 'plain']);
  if (run.status !== 0) throw new Error(`dwt build ended with ${run.status}:\n${run.stderr.slice(-4000)}`);
}
