/**
 * Turns what BuildKit tells of several builds at once into events of stages. Builds that share a stage each report its
 * steps; here every step is told once, under the stage that it belongs to.
 */
import { StringDecoder } from 'node:string_decoder';
import type { BuildProgress } from '../engine/engine.ts';
import { meansCancelled } from '../engine/failure.ts';
import type { Emit } from '../events.ts';
import type { Hierarchy } from '../hierarchy/hierarchy.ts';
import { readStep, type Step } from '../hierarchy/step.ts';

/** How much of a step's output is kept for the case that it fails: enough for a compiler's last words. */
const tailLength = 8 * 1024;

export interface FailedStep {
  readonly step: Step | null;
  /** The last output of the step, whole lines, at most 8 KiB. */
  readonly output: string;
}

type Finished = Extract<BuildProgress, { type: 'vertex-finished' }>;

interface Vertex {
  readonly task: string;
  readonly step: Step | null;
  /** The build whose reports are told; the others' repeat them. */
  owner: number;
  readonly decoder: StringDecoder;
  tail: string;
}

export interface StepTracker {
  /** What the build with this number reports; `target` is the stage that it builds. */
  report(build: number, target: string, progress: BuildProgress): void;
  /** A build has ended: its running steps may be told by another one. */
  end(build: number): void;
  /** What is known of the step that failed, by its vertex's digest; null where it was not seen to fail. */
  failure(vertex: string): FailedStep | null;
}

/**
 * @param onStage Called when a step of a stage starts or is found in the cache, with the stage's name.
 */
export function trackSteps(hierarchy: Hierarchy, emit: Emit, onStage: (stage: string) => void): StepTracker {
  // Each build has a context of its own, and so vertices of its own: what they share is the stage and the step's number.
  const keys = new Map<string, string>();
  const running = new Map<string, Vertex>();
  const finished = new Set<string>();
  const failures = new Map<string, FailedStep>();
  const orphan = -1;

  const keyOf = (digest: string, name: string): string => {
    let key = keys.get(digest);
    if (key === undefined) {
      const step = readStep(hierarchy, name);
      key = step ? `${step.stage.name} ${step.number}` : digest;
      keys.set(digest, key);
    }
    return key;
  };

  const open = (build: number, target: string, key: string, name: string): Vertex => {
    const step = readStep(hierarchy, name);
    const vertex = {
      task: step?.stage.name ?? target,
      step,
      owner: build,
      decoder: new StringDecoder('utf8'),
      tail: '',
    };
    running.set(key, vertex);
    if (step) onStage(step.stage.name);
    const internal = step === null && !movesMuch.test(name);
    emit({
      type: 'step-started',
      task: vertex.task,
      step: key,
      title: titleOf(step, name),
      ...(internal && { internal }),
    });
    return vertex;
  };

  const finish = (build: number, target: string, key: string, progress: Finished) => {
    const { name, cached, seconds, error } = progress;
    const vertex = running.get(key) ?? open(build, target, key, name);
    running.delete(key);
    if (error === null) finished.add(key);
    const cancelled = error !== null && meansCancelled(error);
    if (error !== null && !cancelled) failures.set(key, { step: vertex.step, output: vertex.tail.trim() });
    const outcome = error === null ? (cached ? 'cached' : 'done') : cancelled ? 'cancelled' : 'failed';
    emit({ type: 'step-finished', task: vertex.task, step: key, outcome, seconds });
  };

  return {
    report(build, target, progress) {
      if (progress.type === 'warning') {
        emit({ type: 'warning', message: progress.message });
        return;
      }
      const key = 'name' in progress ? keyOf(progress.vertex, progress.name) : keys.get(progress.vertex);
      if (key === undefined || finished.has(key) || failures.has(key)) return;
      const known = running.get(key);
      if (known?.owner === orphan) known.owner = build;
      if (known && known.owner !== build) return;
      if (progress.type === 'vertex-started') {
        if (!known) open(build, target, key, progress.name);
      } else if (progress.type === 'vertex-finished') {
        finish(build, target, key, progress);
      } else if (known && progress.type === 'vertex-status') {
        const { item, current, total } = progress;
        emit({ type: 'step-progress', task: known.task, step: key, item, current, total });
      } else if (known && progress.type === 'vertex-log') {
        const text = known.decoder.write(Buffer.from(progress.data));
        known.tail = lastOf(known.tail, text);
        emit({ type: 'step-log', task: known.task, step: key, text });
      }
    },
    end(build) {
      for (const vertex of running.values()) if (vertex.owner === build) vertex.owner = orphan;
    },
    failure: (vertex) => failures.get(keys.get(vertex) ?? '') ?? null,
  };
}

/** What is no step of the Dockerfile and is worth a line all the same: it can take minutes in silence. */
const movesMuch = /^exporting to image|^\[\d+\/\d+\] FROM /;

/** One line for people: what runs, without the mounts and other flags that fill a line and tell nothing of progress. */
const titleOf = (step: Step | null, name: string): string =>
  step
    ? `${step.number}/${step.of} ${step.title.replace(/^(RUN|COPY|ADD)(?:\s+--\S+)+/, '$1').replaceAll(/\s+/g, ' ')}`
    : name.replace(/^\[internal\] /, '');

/** The end of `tail + text`, cut at a line where one is near. */
function lastOf(tail: string, text: string): string {
  const whole = text.length >= tailLength ? text.slice(-tailLength) : tail + text;
  if (whole.length <= 2 * tailLength) return whole;
  const cut = whole.slice(-tailLength);
  const line = cut.indexOf('\n');
  return line === -1 ? cut : cut.slice(line + 1);
}
