/** `dwt run`: one tool on this machine, as the platform would run it, until it is stopped. */
import type { ListenerEvidence } from '../contract/evidence.ts';
import { judgeHttp, toolHttp } from '../contract/judge-http.ts';
import { Laboratory } from '../contract/laboratory.ts';
import { removeLeftovers } from '../contract/leftovers.ts';
import { platform } from '../contract/platform.ts';
import { probeImageAtHand } from '../contract/probe-image.ts';
import { lookInside, sendInspector } from '../contract/probe-inside.ts';
import { StartRefused, Subject, type SubjectSpec } from '../contract/subject.ts';
import { wayIn } from '../contract/way-in.ts';
import type { Engine, ImageDetails } from '../engine/engine.ts';
import { DwtError } from '../errors.ts';
import type { Emit } from '../events.ts';
import { selectStages } from '../hierarchy/select.ts';
import { standInNote, standInsOf } from '../plan/stand-ins.ts';
import type { CheckSettings, Project } from '../project/project.ts';
import { redactor } from '../redact.ts';
import { type HomeChoice, openHome, prepareHome } from '../run/home.ts';
import { complaintsOf } from '../run/output.ts';
import { Relay } from '../run/relay.ts';
import { platformVariables, type Variables } from '../run/variables.ts';
import { type RunStep, runTask } from '../task.ts';
import { untilAborted } from '../until-aborted.ts';
import { type Followed, followToEnd, shownLines, stop, takeAway } from './run-end.ts';
import { type ImageToTest, imageDetails, imagesToTest } from './smoke-test.ts';

/** Seconds. Nobody's session is longer; another machine may then take what it sees of it for left behind. */
const longestSession = 7 * 24 * 3600;
/** Of what a tool says until it answers. */
const startLines = 200;
/** Milliseconds that a tool which answered may take to answer once more. */
const addressPatience = 20_000;

export interface RunOptions {
  readonly engine: Engine;
  readonly image: Pick<ImageToTest, 'stage' | 'reference' | 'checks'>;
  readonly variables: Variables;
  readonly home: HomeChoice;
  /** Null for the platform's own if it is free, else any. */
  readonly port: number | null;
  readonly internet: boolean;
  readonly emit: Emit;
  /** Stops the tool. */
  readonly signal: AbortSignal;
  /** Ends it at once, while it is being stopped. */
  readonly atOnce: AbortSignal;
}

export interface RunResult {
  readonly stage: string | null;
  readonly url: string;
  readonly container: string;
  readonly network: string;
  readonly home: string;
}

export interface RunningTool {
  readonly result: RunResult;
  /** What it is called where people read. */
  readonly name: string;
  readonly homeIsKept: boolean;
  /** Resolves when it has ended or was stopped, and nothing of it is left; answers what failed. */
  readonly follow: () => Promise<readonly DwtError[]>;
}

/**
 * The image of the stage that is to run.
 *
 * @throws DwtError STAGE_UNKNOWN; USAGE where it is several, or none that a user opens.
 */
export function imageToRun(project: Project, stage: string): ImageToTest {
  const names = project.hierarchy.stages.map(({ name }) => name);
  const [name = '', ...more] = selectStages([stage], names);
  const opened = imagesToTest(project, []).filter(({ kind }) => kind === 'tool' || kind === 'visualisation');
  const hint = `Those of this project are ${opened.map((each) => each.stage).join(', ')}.`;
  if (more.length > 0)
    throw new DwtError('USAGE', `"${stage}" is ${more.length + 1} stages, and one tool is run at a time.`, {
      hint,
    });
  const found = opened.find((each) => each.stage === name);
  if (found) return found;
  const kind = project.settings.get(name)?.kind;
  const what = kind === 'shared' ? 'what others are built on' : `a ${kind}`;
  throw new DwtError('USAGE', `The stage "${name}" is ${what}; what runs is a tool or a visualisation.`, {
    hint,
  });
}

/** Resolves when the tool answers; from then on `follow` is to be called, whatever happens. */
export function runTool(options: RunOptions): Promise<RunningTool> {
  const { image, engine, home, port, emit } = options;
  const name = image.stage ?? image.reference;
  return runTask(emit, name, name, async (step) => {
    const details = await imageDetails(engine, image);
    const note = standInNote(standInsOf(details.labels));
    if (note) emit({ type: 'warning', message: `${name} is a ${note}.` });
    await prepareHome(home, engine, details.user);
    const relay = await Relay.listen(port, platform.port);
    if (port === null && relay.port !== platform.port) {
      emit({ type: 'warning', message: `Port ${platform.port} is taken; it is ${relay.port} instead.` });
    }
    const running = await onEngine(name, details, relay, options, step).catch((error) => {
      relay.close();
      throw error;
    });
    return { value: running, detail: running.result.url };
  });
}

async function onEngine(
  name: string,
  { id, user }: ImageDetails,
  relay: Relay,
  options: RunOptions,
  step: RunStep,
): Promise<RunningTool> {
  const { engine, image, internet, emit, signal, atOnce } = options;
  const laboratory = await step('make a network', async () => {
    const [probeImage] = await Promise.all([
      probeImageAtHand(engine, id),
      removeLeftovers(engine).catch(() => {}),
    ]);
    signal.throwIfAborted();
    const lifetime = longestSession;
    return Laboratory.open({ engine, probeImage, internet, lifetime, signal: atOnce });
  });
  try {
    signal.throwIfAborted();
    const home = await step('make a home', () => openHome(options.home, laboratory, id, user));
    signal.throwIfAborted();
    const environment = { ...platformVariables, ...options.variables };
    const subject = await step('start', () =>
      start(name, laboratory, { image: id, environment, host: home.host }),
    );
    const hide = redactor(Object.values(options.variables));
    const followed = { name, subject, laboratory, relay, home, hide, emit, signal };
    try {
      await untilReady(followed, image.checks, step);
    } catch (error) {
      // What it was about to write is worth the wait only where it stays.
      if (home.kept) await stop(subject).catch(() => {});
      throw error;
    }
    return {
      name,
      homeIsKept: home.kept,
      result: {
        stage: image.stage,
        url: relay.url,
        container: subject.id,
        network: laboratory.network.name,
        home: home.name,
      },
      follow: () => followToEnd(followed),
    };
  } catch (error) {
    await takeAway(laboratory, emit);
    throw error;
  }
}

async function start(name: string, laboratory: Laboratory, spec: SubjectSpec): Promise<Subject> {
  try {
    return await Subject.start(laboratory, spec);
  } catch (cause) {
    if (!(cause instanceof StartRefused)) throw cause;
    throw new DwtError('NOT_READY', `${name} does not start: ${cause.said.trim().replace(/\.$/, '')}.`, {
      hint: 'See ENTRYPOINT and CMD of its image.',
      cause,
    });
  }
}

/** Waits for an answer as its checks want it, and opens the way to it from this machine. */
async function untilReady(followed: Followed, checks: CheckSettings, step: RunStep): Promise<void> {
  const { name, subject, laboratory, relay, hide, emit, signal } = followed;
  const path = checks.http?.path ?? '/';
  const expected = toolHttp(checks.readyWithin ?? platform.readyWithin, checks.http?.status ?? null);
  await step(`wait for an answer on ${expected.port}${path}, ${expected.readyWithin} s at most`, async () => {
    const http = await untilAborted(signal, subject.converse(path, expected));
    if (judgeHttp(http, null, expected).verdict === 'pass' && subject.address !== null) {
      relay.lead(await wayIn(laboratory, subject.address, expected.port, { halfOpen: true }));
      await untilAborted(signal, proveAddress(name, relay.url, path));
      for (const complaint of complaintsOf(await subject.lastLines(startLines)))
        emit({ type: 'warning', message: `${name} says: ${hide(complaint)}` });
      return;
    }
    const inside = http.ended ? null : await untilAborted(signal, listenersOf(laboratory, subject));
    const { seen, hint } = judgeHttp(http, inside, expected);
    const detail = hide((await subject.lastLines(shownLines)).trimEnd());
    throw new DwtError(http.ended ? 'TOOL_ENDED' : 'NOT_READY', `${name} is not ready: ${seen}.`, {
      ...(hint && { hint }),
      ...(detail && { detail }),
    });
  });
}

/** What listens in the container tells why nothing answers; null where nobody could look. */
async function listenersOf(
  laboratory: Laboratory,
  { id }: Subject,
): Promise<readonly ListenerEvidence[] | null> {
  try {
    const inspector = await sendInspector(laboratory, id);
    return (await lookInside(laboratory, inspector, platform.port, []))?.listeners ?? null;
  } catch {
    return null;
  }
}

/** What is printed works from here, or it is not printed. */
async function proveAddress(name: string, url: string, path: string): Promise<void> {
  try {
    const answer = await fetch(new URL(path, url), {
      redirect: 'manual',
      signal: AbortSignal.timeout(addressPatience),
    });
    await answer.body?.cancel();
  } catch (cause) {
    throw new DwtError('NOT_READY', `${name} answers on the engine, but not at ${url}.`, {
      hint: 'See whether a firewall of this machine keeps it from its containers, and run again.',
      cause,
    });
  }
}
