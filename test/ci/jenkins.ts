/** A job of the Jenkinsfile: run by the stand-in for Jenkins, on agents of this machine, with the real dwt, engine and registry. */
import { type ChildProcess, spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { CiRepository } from './repository.ts';

/** The Groovy that Jenkins has too, as Debian installs it. */
const groovy = '/usr/share/java/groovy-all.jar';

export type JenkinsEvent = { readonly type: string } & Readonly<Record<string, unknown>>;

export interface JenkinsRun {
  readonly events: readonly JenkinsEvent[];
  /** What the shells said. */
  readonly console: string;
  /** Undefined where the Jenkinsfile was refused. */
  readonly result: string | undefined;
}

export interface StartedRun {
  readonly child: ChildProcess;
  readonly result: Promise<JenkinsRun>;
}

export interface JobOptions {
  readonly parameters?: Readonly<Record<string, string | boolean>>;
  /** How much time passes at once for its time-outs when it is sent SIGUSR2. */
  readonly jumpMinutes?: number;
  /** Another Jenkinsfile than the repository's. */
  readonly file?: string;
}

let builds = 0;

export function startJob(
  { folder, repository, agent }: Pick<CiRepository, 'folder' | 'repository' | 'agent'>,
  { parameters = {}, jumpMinutes = 0, file = join(repository, 'Jenkinsfile') }: JobOptions = {},
): StartedRun {
  const buildNumber = ++builds;
  const events: JenkinsEvent[] = [];
  let console = '';
  const settings = {
    parameters,
    jumpMinutes,
    buildNumber,
    labels: ['docker'],
    work: join(folder, `build-${buildNumber}`),
    repository,
    agent,
  };
  const job = join(folder, `settings-${buildNumber}.json`);
  writeFileSync(job, JSON.stringify(settings));
  const server = join(import.meta.dirname, 'jenkins.groovy');
  const words = ['-cp', groovy, 'groovy.ui.GroovyMain', server, file, job];
  const child = spawn('java', words, { stdio: ['ignore', 'pipe', 'pipe'] });
  createInterface({ input: child.stdout }).on('line', (line) => events.push(JSON.parse(line)));
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    console += text;
  });
  const result = new Promise<JenkinsRun>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', () => {
      const last = events.find(({ type }) => type === 'result');
      resolve({ events, console, result: last?.['result'] as string | undefined });
    });
  });
  return { child, result };
}

export const runJob = (ci: CiRepository, options?: JobOptions): Promise<JenkinsRun> =>
  startJob(ci, options).result;

/** The JUnit files, reports and logs that a run archived, by their path in the workspace. */
export async function archived({ events }: JenkinsRun): Promise<Map<string, string>> {
  const files = events.filter(({ type }) => type === 'archive').flatMap(({ files }) => files as string[]);
  const texts = await Promise.all(
    files.map(async (file) => [file.replace(/^.*\/agent-\d+\//, ''), await readFile(file, 'utf8')] as const),
  );
  return new Map(texts);
}
