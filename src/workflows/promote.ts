/** `dwt promote`: what one environment has, by digest and with its evidence, becomes what another one has. */
import pLimit from 'p-limit';
import { asDwtError, DwtError } from '../errors.ts';
import { readDocument } from '../evidence/document.ts';
import { remoteImage } from '../evidence/image-config.ts';
import { verifyImage } from '../evidence/verification.ts';
import { copyImage } from '../registry/copy-image.ts';
import { formatReference } from '../registry/reference.ts';
import { type Attachment, attach, referrersOf } from '../registry/referrers.ts';
import { whoami } from '../release/ledger.ts';
import type { RecordedImage, ReleaseRecord } from '../release/record.ts';
import { newReleaseId, releaseTag } from '../release/release-id.ts';
import { type RunStep, runTask } from '../task.ts';
import { toolVersion } from '../tool-version.ts';
import { refuseLabelled } from './push-features.ts';
import { type PushTarget, pushTargets } from './push-targets.ts';
import { publish } from './release-publish.ts';
import { environmentRegistry, type ReleaseRegistry, type TagWork } from './release-registry.ts';
import {
  dryEntry,
  presentEntry,
  type ReleaseResult,
  recordedEntries,
  stoppedEntries,
  tellPresent,
} from './release-result.ts';
import { type Before, stateOf } from './release-state.ts';

export interface PromoteOptions extends TagWork {
  /** Names and globs; empty for all that the first environment has. */
  readonly stages: readonly string[];
  readonly from: string;
  readonly to: string;
  /** How many images are copied at once. */
  readonly jobs: number;
  readonly dryRun: boolean;
}

export interface PromoteResult extends ReleaseResult {
  readonly from: { readonly environment: string; readonly id: string | null };
}

/** One image on its way. */
interface Promoted {
  readonly source: PushTarget;
  readonly target: PushTarget;
  readonly image: RecordedImage & { readonly digest: string };
  readonly labels: Readonly<Record<string, string>>;
}

/**
 * Copies and moves tags. An image that cannot be copied, or is not proved, is an entry with an error, and no tag moves.
 *
 * @throws DwtError RELEASE_UNKNOWN, FEATURE_MISSING, and what `publish` throws
 */
export async function promote(options: PromoteOptions): Promise<PromoteResult> {
  const { project, from, to, environment, dryRun, emit } = options;
  if (from === to)
    throw new DwtError('USAGE', `${from} already has what ${to} has.`, { hint: 'Name two environments.' });
  const [sources, all] = [from, to].map((env) => pushTargets(project, options.stages, { env }, environment));
  const [source, registry] = await Promise.all([
    environmentRegistry(project, from, { ...options, readOnly: true }),
    environmentRegistry(project, to, options),
  ]);
  const [there, before] = await Promise.all([
    stateOf(from, sources ?? [], source),
    stateOf(to, all ?? [], registry),
  ]);
  refuseUnreleased(sources ?? [], there, options);
  const pairs = (all ?? []).flatMap((target, index) => {
    const image = there.images.get(target.stage);
    const own = sources?.[index];
    return image?.digest && own ? [{ source: own, target, image: { ...image, digest: image.digest } }] : [];
  });
  const targets = pairs.map(({ target }) => target);
  const result = (images: ReleaseResult['images'], id: string | null): PromoteResult => ({
    id,
    environment: to,
    from: { environment: from, id: there.inForce },
    images,
    tested: [],
  });
  const isPresent = ({ target, image }: (typeof pairs)[number]): boolean =>
    before.images.get(target.stage)?.digest === image.digest;
  const going = pairs.filter((pair) => !isPresent(pair));
  if (dryRun)
    return result(
      pairs.map((pair) => (isPresent(pair) ? presentEntry(pair.target, before) : dryEntry(pair.target))),
      null,
    );
  for (const pair of pairs) if (isPresent(pair)) tellPresent(pair.target, before, emit);
  if (going.length === 0)
    return result(
      targets.map((target) => presentEntry(target, before)),
      null,
    );

  const failed = new Map<string, DwtError>();
  const limit = pLimit(options.jobs);
  const proved = await Promise.all(
    going.map((pair) =>
      limit(async (): Promise<Promoted[]> => {
        try {
          return [{ ...pair, labels: await demandProof(pair, source) }];
        } catch (thrown) {
          failed.set(pair.target.stage, asDwtError(thrown));
          return [];
        }
      }),
    ),
  );
  options.signal.throwIfAborted();
  const labels = new Map(proved.flat().map(({ target, labels: own }) => [target.stage, own]));
  refuseLabelled(project, targets, (stage) => labels.get(stage) ?? null);
  if (failed.size > 0) return result(stoppedEntries(targets, failed), null);

  const now = new Date();
  const id = newReleaseId(now, going[0]?.image.revision ?? null);
  await Promise.all(
    proved.flat().map((each) =>
      limit(() => copy(each, id, source, registry, options)).catch((thrown: unknown) => {
        failed.set(each.target.stage, asDwtError(thrown));
      }),
    ),
  );
  options.signal.throwIfAborted();
  if (failed.size > 0) return result(stoppedEntries(targets, failed), id);
  const draft: ReleaseRecord = {
    version: 1,
    id,
    kind: 'promotion',
    state: 'prepared',
    project: project.name,
    environment: to,
    revision: going[0]?.image.revision ?? null,
    by: whoami(environment),
    tool: toolVersion(),
    startedAt: now.toISOString(),
    at: now.toISOString(),
    previous: before.inForce,
    inForce: id,
    from: { environment: from, id: there.inForce },
    images: pairs.map((pair) =>
      recorded(pair, id, isPresent(pair) ? before.images.get(pair.target.stage) : undefined),
    ),
  };
  const completed = await publish(draft, { ...options, registry });
  return result(recordedEntries(completed, registry.domain, 'released'), id);
}

function recorded(
  { target, image }: Pick<Promoted, 'target' | 'image'>,
  id: string,
  present: RecordedImage | undefined,
): RecordedImage {
  const { path, tag } = target.reference;
  const { former: _, ...kept } = image;
  return {
    ...kept,
    repository: path,
    tag: tag ?? 'latest',
    releaseTag: present?.releaseTag ?? releaseTag(tag ?? 'latest', id),
  };
}

/** What was only pushed has no evidence; what somebody moved by hand is not what was released. */
function refuseUnreleased(
  sources: readonly PushTarget[],
  { images, moved }: Before,
  { stages, from }: PromoteOptions,
): void {
  const names = sources
    .map(({ stage }) => stage)
    .filter(
      (stage) => !images.has(stage) && (images.size === 0 || moved.has(stage) || stages.includes(stage)),
    );
  if (names.length === 0) return;
  const [are, they] = names.length === 1 ? ['is', 'it'] : ['are', 'they'];
  throw new DwtError(
    'RELEASE_UNKNOWN',
    names.some((name) => moved.has(name))
      ? `In ${from}, ${names.join(', ')} ${are} not what was released there last: somebody moved the tag since.`
      : `${names.join(', ')} ${are} not released to ${from}, where ${they} would be promoted from.`,
    { hint: `Release first: dwt release ${names.join(' ')} --env ${from}` },
  );
}

/** What is promoted has to be what was proved, today and by its own evidence. */
async function demandProof(
  { source: { reference }, target, image }: Omit<Promoted, 'labels'>,
  { client, reliably }: ReleaseRegistry,
): Promise<Promoted['labels']> {
  const { path } = reference;
  return reliably(path, reference.tag ?? 'latest', async () => {
    const remote = await remoteImage(client, path, image.digest);
    if (remote === null)
      throw new DwtError('MANIFEST_GONE', `${path}@${image.digest} is gone from the registry.`, {
        hint: 'A rule of the registry, or somebody, deleted it: release that image again.',
      });
    const { proofs, report } = await verifyImage(client, path, remote);
    const wrong = proofs.find(({ error }) => error)?.error;
    if (wrong) throw wrong;
    if (target.proof?.page && !report?.withPages) throw withoutPage(target);
    return remote.labels;
  });
}

const withoutPage = ({ stage, proof }: PushTarget): DwtError =>
  new DwtError(
    'NOT_PROVED',
    `${proof?.env} takes images whose page was looked at, and ${stage} was judged without --page.`,
    {
      hint: `Release it again with --page, then promote it.`,
    },
  );

async function copy(
  { source: { reference: from }, target: { stage, reference: to }, image }: Promoted,
  id: string,
  source: ReleaseRegistry,
  registry: ReleaseRegistry,
  { emit }: PromoteOptions,
): Promise<void> {
  const { digest } = image;
  const tag = to.tag ?? 'latest';
  const places = {
    from: { domain: source.domain, path: from.path, client: source.client },
    to: { domain: registry.domain, path: to.path, client: registry.client },
  };
  await runTask(emit, stage, stage, async (step) => {
    await step(`copying to ${formatReference(to)}`, (report) =>
      registry.reliably(to.path, tag, () =>
        copyImage({
          ...places,
          digest,
          onProgress: (blob, current, total) => report.progress(blob, current, total),
        }),
      ),
    );
    await copyEvidence(digest, places, step, registry, tag);
    const manifest = await source.reliably(from.path, tag, () => source.client.manifest(from.path, digest));
    if (manifest)
      await registry.reliably(to.path, tag, () =>
        registry.client.putManifest(to.path, releaseTag(tag, id), manifest),
      );
    return { value: undefined, detail: `${to.path}@${digest}` };
  });
}

async function copyEvidence(
  digest: string,
  { from, to }: { from: Parameters<typeof copyImage>[0]['from']; to: Parameters<typeof copyImage>[0]['to'] },
  step: RunStep,
  { reliably }: ReleaseRegistry,
  tag: string,
): Promise<void> {
  await step('copying what was proved', () =>
    reliably(to.path, tag, async () => {
      const attachments: Attachment[] = [];
      const known = await referrersOf(from.client, from.path, digest);
      for (const { digest: attached, artifactType, annotations } of known) {
        const [manifest, document] = await Promise.all([
          from.client.manifest(from.path, attached),
          readDocument(from.client, from.path, attached),
        ]);
        // What is attached by others, in forms that are not known here, stays where it is.
        if (manifest === null || document === null || document.subject !== digest) continue;
        await copyImage({ from, to, digest: attached, onProgress: () => {} });
        attachments.push({ manifest, artifactType, annotations });
      }
      await attach(to.client, to.path, digest, attachments);
    }),
  );
}
