/** One container of a judged image: started, talked to, ended. */
import { setTimeout as pause } from 'node:timers/promises';
import type { ContainerSpec } from '../engine/engine.ts';
import { EngineRefusal } from '../engine/failure.ts';
import type { EndEvidence, HttpEvidence, StopEvidence } from './evidence.ts';
import type { HttpExpectation } from './judge-http.ts';
import type { Laboratory } from './laboratory.ts';
import { platform } from './platform.ts';
import { askHttp } from './probe-http.ts';

export type SubjectSpec = Omit<ContainerSpec, 'name' | 'labels' | 'network'>;

/** The engine could not start the image's program at all. */
export class StartRefused extends Error {
  /** What the engine said. */
  readonly said: string;

  constructor(cause: EngineRefusal) {
    super(cause.message, { cause });
    this.said = cause.said;
  }
}

/** A refusal that is about the image becomes `StartRefused`: its program is not there, or it names none (400). */
async function startable<T>(work: Promise<T>, isAboutImage: (status: number | null) => boolean): Promise<T> {
  try {
    return await work;
  } catch (error) {
    const is = error instanceof EngineRefusal && error.code !== 'DISK_FULL' && isAboutImage(error.status);
    throw is ? new StartRefused(error) : error;
  }
}

export class Subject {
  readonly id: string;
  /** Null where it ended too early to have one. */
  readonly address: string | null;
  readonly #laboratory: Laboratory;
  readonly #started: number;
  readonly #watch = new AbortController();
  readonly #end: Promise<EndEvidence>;
  #ended: EndEvidence | null = null;

  private constructor(laboratory: Laboratory, id: string, address: string | null, started: number) {
    this.#laboratory = laboratory;
    this.id = id;
    this.address = address;
    this.#started = started;
    this.#end = this.#awaitEnd();
    this.#end.catch(() => {});
  }

  static async start(laboratory: Laboratory, spec: SubjectSpec): Promise<Subject> {
    const id = await startable(laboratory.createSubject(spec), (status) => status === 400);
    await startable(laboratory.race(laboratory.engine.startContainer(id)), () => true);
    const started = performance.now();
    return new Subject(laboratory, id, await laboratory.addressOf(id), started);
  }

  async #awaitEnd(): Promise<EndEvidence> {
    const { engine } = this.#laboratory;
    const exitCode = await engine.waitContainer(this.id, this.#watch.signal);
    const seconds = this.age;
    const { oomKilled } = await engine.containerState(this.id);
    this.#ended = { exitCode, outOfMemory: oomKilled, seconds };
    return this.#ended;
  }

  /** Seconds since it was started. */
  get age(): number {
    return (performance.now() - this.#started) / 1000;
  }

  get ended(): EndEvidence | null {
    return this.#ended;
  }

  whenEnded(): Promise<EndEvidence> {
    return this.#laboratory.race(this.#end);
  }

  /** Waits for a right answer from outside, until the time is over or the container has ended. */
  async converse(path: string, expected: HttpExpectation): Promise<HttpEvidence> {
    const silent = {
      path,
      answer: null,
      unwanted: null,
      fault: null,
      refusal: null,
      connected: false,
      tls: false,
    };
    const ended = this.#end.then((end): HttpEvidence => ({ ...silent, seconds: end.seconds, ended: end }));
    if (this.address === null) return this.#laboratory.race(ended);
    const heard = askHttp(
      this.#laboratory,
      this.address,
      path,
      expected,
      Math.max(1, expected.readyWithin - this.age),
    ).then((said): HttpEvidence => ({ ...said, path, seconds: this.age, ended: null }));
    heard.catch(() => {});
    return this.#laboratory.race(Promise.race([heard, ended]));
  }

  /** Whether it is still there after some seconds. */
  async staysUp(seconds: number): Promise<EndEvidence | null> {
    const timer = new AbortController();
    const waited = pause(seconds * 1000, null, { signal: timer.signal });
    waited.catch(() => {});
    try {
      return await this.#laboratory.race(Promise.race([this.#end, waited]));
    } finally {
      timer.abort();
    }
  }

  async stop(): Promise<StopEvidence> {
    if (this.#ended) return { end: null, before: this.#ended };
    const signalled = performance.now();
    await this.#laboratory.race(this.#laboratory.engine.signalContainer(this.id, 'SIGTERM'));
    const end = await this.staysUp(platform.stopWithin);
    if (end)
      return {
        end: { ...end, seconds: Math.max(0, end.seconds - (signalled - this.#started) / 1000) },
        before: null,
      };
    await this.kill();
    return { end: null, before: null };
  }

  async kill(): Promise<void> {
    if (this.#ended) return;
    await this.#laboratory.race(this.#laboratory.engine.signalContainer(this.id, 'SIGKILL'));
    await this.#laboratory.race(this.#end);
  }

  lastLines(count = 20): Promise<string> {
    return this.#laboratory.race(this.#laboratory.engine.containerLogs(this.id, count));
  }

  async remove(): Promise<void> {
    this.#watch.abort();
    await this.#laboratory.remove([this.id]);
  }
}
