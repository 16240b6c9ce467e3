/** A repository with the program of this checkout and a small hierarchy, and what an agent needs to build it. */
import { execFile } from 'node:child_process';
import { chmod, cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { repository } from '../support/cli.ts';
import { testEngine } from '../support/engine.ts';

const run = promisify(execFile);

export class CiRepository {
  readonly folder: string;
  readonly #environment: Readonly<Record<string, string>>;

  private constructor(folder: string, environment: Readonly<Record<string, string>>) {
    this.folder = folder;
    this.#environment = environment;
  }

  get repository(): string {
    return join(this.folder, 'repository');
  }

  /** @param files of `dockerfiles/` in place of the shipped hierarchy */
  static async open(
    files: Readonly<Record<string, string>>,
    environment: Readonly<Record<string, string>>,
  ): Promise<CiRepository> {
    const made = new CiRepository(await mkdtemp(join(tmpdir(), 'dwt-ci-')), environment);
    await made.#copyCheckout();
    await rm(join(made.repository, 'dockerfiles'), { recursive: true });
    await made.git('init', '--quiet', '--initial-branch=master');
    await made.commit(files, 'First');
    await made.#makeNpm();
    return made;
  }

  /** Variables of an agent, beside those that its server sets. */
  get agent(): Readonly<Record<string, string>> {
    const home = join(this.folder, 'agent');
    return {
      PATH: `${home}:${dirname(process.execPath)}:${process.env['PATH']}`,
      HOME: home,
      DOCKER_HOST: testEngine(),
      ...this.#environment,
    };
  }

  async close(): Promise<void> {
    await rm(this.folder, { recursive: true, force: true });
  }

  async git(...words: string[]): Promise<string> {
    const identity = ['-c', 'user.name=Test', '-c', 'user.email=test@example.com'];
    const { stdout } = await run('git', ['-C', this.repository, ...identity, ...words]);
    return stdout.trim();
  }

  /** Answers the commit. */
  async commit(files: Readonly<Record<string, string>>, message: string): Promise<string> {
    for (const [name, content] of Object.entries(files)) {
      const file = join(this.repository, 'dockerfiles', name);
      await mkdir(dirname(file), { recursive: true });
      await writeFile(file, content);
    }
    await this.git('add', '--all');
    await this.git('commit', '--quiet', '--message', message);
    return this.git('rev-parse', 'HEAD');
  }

  async #copyCheckout(): Promise<void> {
    const { stdout } = await run(
      'git',
      ['-C', repository, 'ls-files', '-z', '--cached', '--others', '--exclude-standard'],
      { maxBuffer: 64 * 1024 * 1024 },
    );
    for (const name of stdout.split('\0').filter((each) => each !== '' && !each.startsWith('test/'))) {
      await cp(join(repository, name), join(this.repository, name)).catch((error: NodeJS.ErrnoException) => {
        // Deleted and not committed yet.
        if (error.code !== 'ENOENT') throw error;
      });
    }
  }

  /**
   * An agent's npm: a stand-in that links what `npm ci` would fetch from this checkout, and builds dwt once for all agents.
   */
  async #makeNpm(): Promise<void> {
    const agent = join(this.folder, 'agent');
    const built = join(this.folder, 'built');
    await mkdir(agent);
    await cp(this.repository, built, { recursive: true });
    await run('sh', ['-ec', linked(join(repository, 'node_modules'), join(built, 'node_modules'))]);
    await run(process.execPath, ['scripts/build.js'], { cwd: built });
    const npm = join(agent, 'npm');
    await writeFile(
      npm,
      `#!/bin/sh -e\ncase "$1" in\nci) ${linked(`${built}/node_modules`, 'node_modules')} ;;\nrun) cp -a '${built}/dist' dist ;;\n*) exit 64 ;;\nesac\n`,
    );
    await chmod(npm, 0o755);
  }
}

/** Shell that makes a copy in no time, or where that is on another disk in some. */
const linked = (from: string, to: string): string =>
  `cp -al '${from}' '${to}' 2>/dev/null || { rm -rf '${to}'; cp -a '${from}' '${to}'; }`;
