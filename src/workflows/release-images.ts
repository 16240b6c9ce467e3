/** Brings the images of a release into the registry: each under a tag that stays, with what was proved of it. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import pLimit from 'p-limit';
import { runLabels } from '../contract/leftovers.ts';
import type { Engine, ImageDetails } from '../engine/engine.ts';
import { DwtError } from '../errors.ts';
import type { Emit } from '../events.ts';
import {
  attachDocuments,
  provenanceDocument,
  sbomDocument,
  smokeDocument,
} from '../evidence/attach-evidence.ts';
import { provenanceStatement } from '../evidence/provenance.ts';
import type { SmokeReport } from '../evidence/smoke-report.ts';
import type { Project } from '../project/project.ts';
import type { Manifest } from '../registry/client.ts';
import type { RecordedImage } from '../release/record.ts';
import { type RunStep, runTask } from '../task.ts';
import { toolVersion } from '../tool-version.ts';
import { pushImages } from './push.ts';
import type { PushTarget } from './push-targets.ts';
import type { ReleaseRegistry } from './release-registry.ts';

export interface UploadOptions {
  readonly project: Project;
  readonly engine: Engine;
  readonly registry: ReleaseRegistry;
  readonly targets: readonly PushTarget[];
  readonly buildArguments: Readonly<Record<string, string>>;
  readonly jobs: number;
  readonly environment: NodeJS.ProcessEnv;
  readonly emit: Emit;
  readonly signal: AbortSignal;
}

/** An image that is on the engine and passed, on its way. */
export type Candidate = RecordedImage & { readonly imageId: string; readonly report: SmokeReport };

/** Reading a whole image is work for the engine's disk, and for one of this machine's processors. */
const readAtOnce = 2;

export interface Uploaded {
  readonly images: readonly RecordedImage[];
  /** By stage. */
  readonly failed: ReadonlyMap<string, DwtError>;
}

/** Sends the images and attaches the evidence. One that fails keeps none of the others from being sent. */
export async function upload(candidates: readonly Candidate[], options: UploadOptions): Promise<Uploaded> {
  const { project, engine, registry, targets, jobs, environment, emit, signal } = options;
  const byStage = new Map(candidates.map((candidate) => [candidate.stage, candidate]));
  const pushed = await pushImages({
    project,
    engine,
    targets: targets.flatMap((target) => {
      const tag = byStage.get(target.stage)?.releaseTag;
      // What the environment demands was looked at before: what passed elsewhere is not known to this machine.
      const { stage, image, reference } = target;
      return tag === undefined ? [] : [{ stage, image, reference: { ...reference, tag } }];
    }),
    jobs,
    dryRun: false,
    compareSources: false,
    environment,
    emit,
    signal,
  });
  const failed = new Map<string, DwtError>();
  for (const { stage, error } of pushed.images) if (error) failed.set(stage, error);
  const limit = pLimit(readAtOnce);
  const images = await Promise.all(
    candidates.map((candidate) =>
      limit(async (): Promise<RecordedImage> => {
        if (failed.has(candidate.stage)) return candidate;
        try {
          const digest = await runTask(emit, candidate.stage, candidate.stage, async (step) => {
            const attached = await attachEvidence(candidate, step, options);
            return { value: attached, detail: `${candidate.repository}@${attached}` };
          });
          return { ...candidate, digest };
        } catch (error) {
          if (!(error instanceof DwtError)) throw error;
          failed.set(candidate.stage, error);
          return candidate;
        }
      }),
    ),
  );
  signal.throwIfAborted();
  registry.host.signal.throwIfAborted();
  return { images, failed };
}

async function attachEvidence(candidate: Candidate, step: RunStep, options: UploadOptions): Promise<string> {
  const { engine, registry, signal } = options;
  const { repository: path, releaseTag: tag, report } = candidate;
  const { client, reliably } = registry;
  const manifest = await reliably(path, tag, () => client.manifest(path, tag));
  const image = await engine.inspectImage(candidate.imageId);
  if (!image || !isThisImage(manifest, candidate)) throw somethingElse(candidate, registry, manifest);
  const bill = await step('reading the packages of the image', async () => {
    const [{ imagePackages }, { billOfMaterials }] = await Promise.all([
      import('../evidence/image-packages.ts'),
      import('../evidence/sbom.ts'),
    ]);
    const contents = await imagePackages({
      engine,
      image: image.id,
      labels: runLabels(`release-${candidate.releaseTag}`),
      signal,
    });
    const described = {
      name: `${registry.domain}/${path}`,
      id: manifest.config ?? manifest.digest,
      created: image.created,
    };
    return billOfMaterials(described, contents, toolVersion());
  });
  const statement = await provenanceOf(candidate, manifest, image, options);
  const subject = { mediaType: manifest.mediaType, digest: manifest.digest, size: manifest.bytes.byteLength };
  await step('attaching what was proved', () =>
    reliably(path, tag, () =>
      attachDocuments(client, path, subject, [
        smokeDocument(report),
        sbomDocument(bill, image.created),
        provenanceDocument(statement, image.created),
      ]),
    ),
  );
  return manifest.digest;
}

/** Engines call an image by the digest of its configuration, or of its manifest. */
const isThisImage = (manifest: Manifest | null, { imageId }: Candidate): manifest is Manifest =>
  manifest !== null && (manifest.config === imageId || manifest.digest === imageId);

const somethingElse = (
  { repository, releaseTag: tag, imageId }: Candidate,
  { domain }: ReleaseRegistry,
  manifest: Manifest | null,
): DwtError =>
  new DwtError(
    'PUSH_FAILED',
    `${domain} has ${manifest?.config ?? 'nothing'} as ${repository}:${tag}, and what was proved is ${imageId}.`,
    {
      hint: 'This machine and the engine may mean different registries by that name, or somebody else pushed to that tag.',
    },
  );

async function provenanceOf(
  { repository }: Candidate,
  { digest }: Manifest,
  { labels, os, architecture }: ImageDetails,
  { project, registry, buildArguments }: UploadOptions,
): Promise<string> {
  return provenanceStatement({
    name: `${registry.domain}/${repository}`,
    digest,
    labels,
    dockerfile: { path: project.dockerfile, bytes: await readFile(join(project.folder, project.dockerfile)) },
    buildArguments,
    artifacts: [...project.artifacts.values()],
    platform: `${os}/${architecture}`,
    tool: toolVersion(),
  });
}
