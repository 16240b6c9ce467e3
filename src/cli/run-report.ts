/** `--report DIR`: follows a run, and writes what became of it as a page, whatever became of it. */
import type { Engine } from '../engine/engine.ts';
import { asDwtError, type DwtError } from '../errors.ts';
import type { Emit } from '../events.ts';
import type { Project } from '../project/project.ts';
import { cleanError } from '../report/clean-events.ts';
import { type RunVerdict, renderPage } from '../report/html/page.ts';
import { readPictures } from '../report/html/pictures.ts';
import { prepareFolder, writePage } from '../report/html/report-folder.ts';
import type { RunResults } from '../report/html/results.ts';
import { RunRecord } from '../report/html/run-record.ts';
import { measureImages } from '../workflows/image-sizes.ts';
import { gitRevision } from './revision.ts';

/** An engine that does not answer keeps nobody from a report; and whoever interrupts a run does not wait for long. */
const patienceMs = 10_000;
const hurriedMs = 1000;

export interface RunReportOptions {
  readonly folder: string;
  readonly command: string;
  /** Without values of variables. */
  readonly argv: readonly string[];
  /** Of dwt. */
  readonly version: string;
}

export interface RunEnd {
  readonly results: RunResults;
  readonly errors: readonly unknown[];
  readonly interrupted: boolean;
}

export interface RunReport {
  readonly emit: Emit;
  /** What the run works with, as soon as it has it. */
  project(project: Project): void;
  engine(engine: Engine): void;
  /** Answers what kept the page from being written. */
  write(end: RunEnd): Promise<DwtError | null>;
}

/**
 * Opens it before the work, so that a folder that cannot be written costs no work.
 *
 * @throws DwtError USAGE, DISK_FULL
 */
export async function openRunReport(options: RunReportOptions): Promise<RunReport> {
  const folder = await prepareFolder(options.folder);
  const record = new RunRecord();
  const started = new Date();
  const start = performance.now();
  const now = () => (performance.now() - start) / 1000;
  let project: Project | null = null;
  let engine: Engine | null = null;
  return {
    emit: (event) => record.apply(event, now()),
    project: (opened) => {
      project = opened;
    },
    engine: (opened) => {
      engine = opened;
    },
    async write({ results, errors, interrupted }) {
      const seconds = now();
      record.close(seconds);
      const patience = interrupted ? hurriedMs : patienceMs;
      const told = errors.map((error) => cleanError(asDwtError(error)));
      const pictures = (results.tested ?? []).flatMap(({ checks }) =>
        checks.flatMap(({ screenshot }) => screenshot ?? []),
      );
      const [sizes, surroundings, shown] = await Promise.all([
        sizesOf(project, engine, results, patience),
        surroundingsOf(options, project, engine, patience),
        readPictures(pictures),
      ]);
      const text = renderPage({
        command: options.command,
        verdict: verdictOf(told, interrupted),
        started,
        seconds,
        record,
        results,
        errors: told,
        sizes,
        pictures: shown,
        surroundings,
      });
      return writePage(folder, text);
    },
  };
}

const verdictOf = (errors: readonly DwtError[], interrupted: boolean): RunVerdict =>
  interrupted ? 'interrupted' : errors.length > 0 ? 'failed' : 'done';

async function sizesOf(
  project: Project | null,
  engine: Engine | null,
  { built = [] }: RunResults,
  patience: number,
) {
  const none: Awaited<ReturnType<typeof measureImages>> = new Map();
  if (!project || !engine) return none;
  return (await inTime(measureImages(engine, project.hierarchy, built), patience)) ?? none;
}

async function surroundingsOf(
  { command, argv, version }: RunReportOptions,
  project: Project | null,
  engine: Engine | null,
  patience: number,
): Promise<[string, string][]> {
  const [docker, revision] = await Promise.all([
    engine && inTime(engine.version(), patience),
    project && inTime(gitRevision(project.folder), patience),
  ]);
  const facts: [string, string | null][] = [
    ['Command', ['dwt', ...command.split(':'), ...argv].join(' ')],
    ['Project', project && `${project.name} in ${project.folder}`],
    ['Git revision', revision],
    ['Engine', engine && (docker ? `Docker ${docker.version}, ${engine.url}` : engine.url)],
    ['Platform', docker && `${docker.os}/${docker.architecture}`],
    ['dwt', version],
    ['Node', process.version],
  ];
  return facts.flatMap(([name, value]): [string, string][] => (value === null ? [] : [[name, value]]));
}

/** Null where it fails or takes too long. */
async function inTime<T>(work: Promise<T>, patience: number): Promise<T | null> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<null>((resolve) => {
    timer = setTimeout(() => resolve(null), patience);
  });
  try {
    return await Promise.race([work, late]);
  } catch {
    return null;
  } finally {
    clearTimeout(timer);
  }
}
