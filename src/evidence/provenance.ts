/** How an image was built, as a statement of in-toto with the predicate of SLSA. Equal builds make equal statements. */
import { createHash } from 'node:crypto';
import * as z from 'zod';
import { redact, soundsSecret } from '../redact.ts';

export const provenanceType = 'application/vnd.in-toto+json';
export const predicateType = 'https://slsa.dev/provenance/v1';
/** Says how the parameters below are to be read. */
const buildType = 'https://slsa.dev/container-based-build/v0.1?tool=dwt';

type Labels = Readonly<Record<string, string>>;

/** Labels that the statement repeats, so that neither can be changed alone. */
export const provenLabels = {
  key: 'dwt.key',
  stage: 'dwt.stage',
  project: 'dwt.project',
  features: 'dwt.features',
  created: 'org.opencontainers.image.created',
  revision: 'org.opencontainers.image.revision',
  base: 'org.opencontainers.image.base.name',
  baseDigest: 'org.opencontainers.image.base.digest',
} as const;

export interface BuildFacts {
  /** Without tag. */
  readonly name: string;
  /** Of the manifest. */
  readonly digest: string;
  readonly labels: Labels;
  readonly dockerfile: { readonly path: string; readonly bytes: Uint8Array };
  readonly buildArguments: Readonly<Record<string, string>>;
  readonly artifacts: readonly { readonly url: string; readonly sha256: string | null }[];
  readonly platform: string;
  readonly tool: string;
}

export function provenanceStatement(facts: BuildFacts): string {
  const { labels } = facts;
  const revision = labels[provenLabels.revision] ?? null;
  const [commit = '', dirty] = revision?.split('-') ?? [];
  const base = labels[provenLabels.base];
  const baseDigest = labels[provenLabels.baseDigest];
  return JSON.stringify(
    {
      _type: 'https://in-toto.io/Statement/v1',
      subject: [{ name: facts.name, digest: { sha256: withoutAlgorithm(facts.digest) } }],
      predicateType,
      predicate: {
        buildDefinition: {
          buildType,
          externalParameters: {
            stage: labels[provenLabels.stage] ?? null,
            dockerfile: facts.dockerfile.path,
            platform: facts.platform,
            features: labels[provenLabels.features] ?? null,
            buildArguments: Object.fromEntries(
              Object.entries(facts.buildArguments)
                .filter(([name]) => !soundsSecret(name))
                .map(([name, value]) => [name, redact(value)]),
            ),
          },
          internalParameters: {
            project: labels[provenLabels.project] ?? null,
            key: labels[provenLabels.key] ?? null,
            inputs: inputsDigest(labels),
            revision,
          },
          resolvedDependencies: [
            { uri: facts.dockerfile.path, digest: { sha256: sha256(facts.dockerfile.bytes) } },
            ...(commit === ''
              ? []
              : [{ uri: 'git', digest: { gitCommit: commit }, annotations: { dirty: dirty === 'dirty' } }]),
            ...(base === undefined
              ? []
              : [{ uri: base, ...(baseDigest && { digest: { sha256: withoutAlgorithm(baseDigest) } }) }]),
            ...facts.artifacts.map(({ url, sha256: sum }) => ({
              uri: redact(url),
              ...(sum && { digest: { sha256: sum } }),
            })),
          ],
        },
        runDetails: {
          builder: {
            id: 'https://slsa.dev/container-based-build/v0.1?tool=dwt',
            version: { dwt: facts.tool },
          },
          metadata: { finishedOn: labels[provenLabels.created] ?? null },
        },
      },
    },
    null,
    1,
  );
}

const statementSchema = z.looseObject({
  subject: z.array(z.looseObject({ name: z.string(), digest: z.looseObject({ sha256: z.string() }) })),
  predicateType: z.literal(predicateType),
  predicate: z.looseObject({
    buildDefinition: z.looseObject({
      externalParameters: z.looseObject({ stage: z.string().nullable(), features: z.string().nullable() }),
      internalParameters: z.looseObject({
        key: z.string().nullable(),
        inputs: z.string().nullable(),
        revision: z.string().nullable(),
      }),
    }),
    runDetails: z.looseObject({
      builder: z.looseObject({ version: z.record(z.string(), z.string()).optional() }),
      metadata: z.looseObject({ finishedOn: z.string().nullable() }),
    }),
  }),
});

export interface Provenance {
  /** Digests of what it speaks of. */
  readonly subjects: readonly string[];
  readonly stage: string | null;
  readonly features: string | null;
  readonly key: string | null;
  readonly inputs: string | null;
  readonly revision: string | null;
  readonly tool: string | null;
  readonly finishedOn: string | null;
}

export function readProvenance(document: unknown): Provenance | null {
  const { data } = statementSchema.safeParse(document);
  if (!data) return null;
  const { buildDefinition, runDetails } = data.predicate;
  const { stage, features } = buildDefinition.externalParameters;
  const { key, inputs, revision } = buildDefinition.internalParameters;
  return {
    subjects: data.subject.map(({ digest }) => `sha256:${digest.sha256}`),
    stage,
    features,
    key,
    inputs,
    revision,
    tool: runDetails.builder.version?.['dwt'] ?? null,
    finishedOn: runDetails.metadata.finishedOn,
  };
}

/** Of the label that says what went into the image; null where it has none. */
export const inputsDigest = (labels: Labels): string | null =>
  labels['dwt.inputs'] === undefined ? null : `sha256:${sha256(labels['dwt.inputs'])}`;

const sha256 = (bytes: Uint8Array | string): string => createHash('sha256').update(bytes).digest('hex');
const withoutAlgorithm = (digest: string): string => digest.slice(digest.indexOf(':') + 1);
