/** `dwt release`: builds, proves and publishes the same bits; no tag moves before every image has passed and is up. */
import { createHash } from 'node:crypto';
import type { Engine } from '../engine/engine.ts';
import { DwtError } from '../errors.ts';
import type { SmokeReport } from '../evidence/smoke-report.ts';
import type { RepositorySettings } from '../project/project.ts';
import { judgeFailure } from '../registry/push-failure.ts';
import { whoami } from '../release/ledger.ts';
import type { RecordedImage, ReleaseRecord } from '../release/record.ts';
import { newReleaseId, releaseTag } from '../release/release-id.ts';
import { toolVersion } from '../tool-version.ts';
import type { BuildOptions } from './build.ts';
import { planBuild } from './plan.ts';
import { refuseLabelled } from './push-features.ts';
import { type PushTarget, pushTargets } from './push-targets.ts';
import { type Candidate, upload } from './release-images.ts';
import { prove } from './release-prove.ts';
import { inState, publish } from './release-publish.ts';
import { environmentRegistry, type ReleaseRegistry, type TagWork } from './release-registry.ts';
import {
  dryEntry,
  presentEntry,
  type ReleasedImage,
  type ReleaseResult,
  recordedEntries,
  stoppedEntries,
  tellPresent,
} from './release-result.ts';
import { type Before, isThere, stateOf } from './release-state.ts';
import type { PageOptions } from './smoke-test.ts';

export interface ReleaseOptions extends TagWork {
  readonly engine: Engine;
  /** Names and globs; empty for every published image. */
  readonly stages: readonly string[];
  /** Environment of the project file. */
  readonly env: string;
  /** Null for one of the moment. */
  readonly id: string | null;
  /** Whether the tags are left where they are, for another run to move. */
  readonly prepare: boolean;
  readonly dryRun: boolean;
  /** How repositories that are missing are made; null where they are not. */
  readonly createRepositories: RepositorySettings | null;
  readonly build: Omit<
    BuildOptions,
    'project' | 'engine' | 'stages' | 'emit' | 'signal' | 'environment' | 'revision'
  >;
  /** How many images are judged at once. */
  readonly trials: number;
  /** How many images are sent at once. */
  readonly uploads: number;
  /** Null where pages are not looked at. */
  readonly pages: PageOptions | null;
  readonly revision: () => Promise<string | null>;
}

/**
 * One release from its sources to its tags. An image that fails is an entry with an error, and no tag moves.
 *
 * @throws DwtError whatever keeps the whole release from being made
 */
export async function release(options: ReleaseOptions): Promise<ReleaseResult> {
  const { project, engine, env, environment, signal, prepare, emit } = options;
  const targets = pushTargets(project, options.stages, { env }, environment);
  const registry = await environmentRegistry(project, env, options);
  refuseRecordsAmongImages(targets, registry);
  const stages = targets.map(({ stage }) => stage);
  const [plan, before] = await Promise.all([
    planBuild({ ...options.build, project, engine, stages, environment, emit }),
    stateOf(env, targets, registry),
  ]);
  if (options.id !== null) await refuseKnownId(options.id, registry);
  const planned = new Map(plan.stages.map((stage) => [stage.name, stage]));
  refuseLabelled(project, targets, (stage) => planned.get(stage)?.labels ?? null);
  const withPages = options.pages !== null;
  const result = (
    images: readonly ReleasedImage[],
    id: string | null,
    way: Partial<Pick<ReleaseResult, 'built' | 'tested'>> = {},
  ): ReleaseResult => ({ id, environment: env, images, tested: [], ...way });

  const expected = targets.filter(({ stage }) =>
    isThere(planned.get(stage)?.image?.id ?? null, stage, before, project, withPages),
  );
  if (options.dryRun) {
    return result(
      targets.map((target) => (expected.includes(target) ? presentEntry(target, before) : dryEntry(target))),
      null,
    );
  }
  // A part that has nothing to do is still a part: what puts the parts together has to know of it.
  if (expected.length === targets.length && !prepare) {
    for (const target of targets) tellPresent(target, before, emit);
    return result(
      targets.map((target) => presentEntry(target, before)),
      null,
    );
  }
  await createMissing(targets, registry, options);
  await refuseUnlessPushable(targets, registry);

  const revision = await options.revision();
  const id = options.id ?? newReleaseId(new Date(), revision);
  const { buildImages } = await import('./build.ts');
  const built = await buildImages({ ...options, ...options.build, stages, revision: async () => revision });
  const unbuilt = built.images.flatMap(({ stage, error }) => (error ? [[stage, error] as const] : []));
  if (unbuilt.length > 0)
    return result(stoppedEntries(targets, new Map(unbuilt)), id, { built: built.images });
  const ids = new Map(built.images.map((image) => [image.stage, image.id ?? '']));

  const going = targets.filter(
    ({ stage }) => !isThere(ids.get(stage) ?? '', stage, before, project, withPages),
  );
  const proved = await prove(going, {
    project,
    environment,
    engine,
    jobs: options.trials,
    pages: options.pages,
    emit,
    signal,
  });
  const way = { built: built.images, tested: proved.tested };
  const stopped = (failed: ReadonlyMap<string, DwtError>) => result(stoppedEntries(targets, failed), id, way);
  if (proved.failed.size > 0) return stopped(proved.failed);
  for (const target of targets) if (!going.includes(target)) tellPresent(target, before, emit);

  const candidates = await Promise.all(
    going.map((target) => candidateOf(target, id, proved.reports, engine)),
  );
  const changed = new Map<string, RecordedImage>(candidates.map((image) => [image.stage, image]));
  const draft: ReleaseRecord = {
    version: 1,
    id,
    kind: 'release',
    state: 'begun',
    project: project.name,
    environment: env,
    revision,
    by: whoami(environment),
    tool: toolVersion(),
    startedAt: new Date().toISOString(),
    at: new Date().toISOString(),
    previous: before.inForce,
    inForce: id,
    images: targets.flatMap(({ stage }) => changed.get(stage) ?? unchanged(stage, before)),
  };
  if (!prepare) await registry.ledger.write(draft);
  const ready = await uploadAll(draft, candidates, targets, registry, options);
  if (ready instanceof Map) return stopped(ready);
  if (prepare) {
    await registry.ledger.writePart(ready, partOf(stages));
    return result(recordedEntries(ready, registry.domain, 'prepared'), id, way);
  }
  const completed = await publish(ready, { ...options, registry });
  return result(recordedEntries(completed, registry.domain, 'released'), id, way);
}

/** The record with all images in the registry, or what failed of them by stage. */
export async function uploadAll(
  draft: ReleaseRecord,
  candidates: readonly Candidate[],
  targets: readonly PushTarget[],
  registry: ReleaseRegistry,
  options: Pick<ReleaseOptions, 'project' | 'engine' | 'uploads' | 'environment' | 'emit' | 'signal'> & {
    readonly build: Pick<ReleaseOptions['build'], 'buildArguments'>;
  },
): Promise<ReleaseRecord | Map<string, DwtError>> {
  const { images, failed } = await upload(candidates, {
    ...options,
    registry,
    targets,
    buildArguments: options.build.buildArguments,
    jobs: options.uploads,
  });
  if (failed.size > 0) return new Map(failed);
  const sent = new Map(images.map((image) => [image.stage, image]));
  return inState(
    { ...draft, images: draft.images.map((image) => sent.get(image.stage) ?? image) },
    'prepared',
  );
}

/** The name of a part, the same for the same stages. */
const partOf = (stages: readonly string[]): string =>
  createHash('sha256')
    .update([...stages].sort().join(' '))
    .digest('hex')
    .slice(0, 12);

async function candidateOf(
  { stage, image, reference: { path, tag } }: PushTarget,
  id: string,
  reports: ReadonlyMap<string, SmokeReport>,
  engine: Engine,
): Promise<Candidate> {
  const details = await engine.inspectImage(image);
  const report = reports.get(stage);
  if (!details || report?.image !== details.id) {
    throw new DwtError(
      'IMAGE_NOT_BUILT',
      `The image of ${stage} was replaced on the engine since it was proved.`,
      {
        hint: 'Somebody built it at the same time; release again when that has ended.',
      },
    );
  }
  const { labels } = details;
  return {
    stage,
    repository: path,
    tag: tag ?? 'latest',
    releaseTag: releaseTag(tag ?? 'latest', id),
    imageId: details.id,
    digest: null,
    key: labels['dwt.key'] ?? null,
    revision: labels['org.opencontainers.image.revision'] ?? null,
    report,
  };
}

/** What its tag was before is not known before the tags move: it may be another image by then. */
function unchanged(stage: string, { images }: Before): RecordedImage[] {
  const image = images.get(stage);
  if (!image) return [];
  const { former: _, ...kept } = image;
  return [kept];
}

/** Two releases of one name would share the tags that are to stay. */
async function refuseKnownId(id: string, { ledger }: ReleaseRegistry): Promise<void> {
  const known = await ledger.read(id);
  if (known === null) return;
  throw new DwtError('USAGE', `There is a ${known.kind} ${id} already: it is ${known.state}.`, {
    hint: `Choose another --id, or go on with that one: dwt release --env ${known.environment} --id ${id} --resume`,
  });
}

/** Records and images have tags of their own each, and one repository for both would mix them. */
function refuseRecordsAmongImages(targets: readonly PushTarget[], { ledger }: ReleaseRegistry): void {
  const same = targets.find(({ reference }) => reference.path === ledger.path);
  if (!same) return;
  throw new DwtError(
    'PROJECT_INVALID',
    `Releases would be written down in ${ledger.path}, which is ${same.stage}'s.`,
    {
      hint: 'Name another repository as `releases` of the environment in dwt.yaml.',
    },
  );
}

/** Tags move, in the images' repositories and in that of the records. */
async function createMissing(
  targets: readonly PushTarget[],
  { ledger, domain }: ReleaseRegistry,
  { createRepositories: settings, emit }: ReleaseOptions,
): Promise<void> {
  if (settings === null) return;
  const { createRepositories } = await import('./push-repositories.ts');
  const records = { reference: { domain, path: ledger.path, tag: null, digest: null } };
  await createRepositories({
    targets: [...targets, records],
    settings: { ...settings, immutable: false },
    dryRun: false,
    emit,
  });
}

/** Told before an hour of building. */
async function refuseUnlessPushable(
  targets: readonly PushTarget[],
  { host, client, ledger }: ReleaseRegistry,
): Promise<void> {
  const paths = new Set([ledger.path, ...targets.map(({ reference }) => reference.path)]);
  await Promise.all(
    [...paths].map(async (path) => {
      try {
        await client.tryUpload(path);
      } catch (thrown) {
        throw (await judgeFailure(thrown, host, { domain: host.domain, path, tag: null, digest: null }))
          .error;
      }
    }),
  );
}
