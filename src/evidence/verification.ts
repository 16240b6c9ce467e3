/** What the documents that are attached to an image prove of it. */
import pLimit from 'p-limit';
import { DwtError } from '../errors.ts';
import type { RegistryClient } from '../registry/client.ts';
import { type Descriptor, referrersOf } from '../registry/referrers.ts';
import { parseJson, type ReadDocument, readDocument } from './document.ts';
import type { RemoteImage } from './image-config.ts';
import { inputsDigest, provenanceType, provenLabels, readProvenance } from './provenance.ts';
import { sbomType } from './sbom-type.ts';
import { readSmokeReport, type SmokeReport, smokeReportType } from './smoke-report.ts';

export interface ProofResult {
  readonly name: 'smoke-test' | 'provenance' | 'sbom';
  readonly verdict: 'pass' | 'fail';
  /** What was seen, in one line. */
  readonly detail: string;
  /** When it was made; null where that is not said. */
  readonly at: string | null;
  /** The version of dwt that made it. */
  readonly tool: string | null;
  /** Digest of the document's manifest; null where there is none. */
  readonly digest: string | null;
  readonly error?: DwtError;
}

export interface Verification {
  readonly verdict: 'pass' | 'fail';
  readonly proofs: readonly ProofResult[];
  /** The smoke test that counts. */
  readonly report: SmokeReport | null;
}

interface Attached extends ReadDocument {
  readonly digest: string;
}

const readAtOnce = 8;
const kinds: ReadonlySet<string> = new Set([smokeReportType, provenanceType, sbomType]);

/** Reads all that is attached to the image, and judges it against the image itself. */
export async function verifyImage(
  client: RegistryClient,
  path: string,
  image: RemoteImage,
): Promise<Verification> {
  const { digest } = image.manifest;
  const attached = await readAttached(client, path, await referrersOf(client, path, digest));
  const of = (type: string) => attached.filter(({ artifactType }) => artifactType === type);
  const smoke = judgeSmokeReports(of(smokeReportType), image);
  const proofs = [smoke.result, judgeProvenance(of(provenanceType), image), judgeSbom(of(sbomType), image)];
  return {
    verdict: proofs.every(({ verdict }) => verdict === 'pass') ? 'pass' : 'fail',
    proofs,
    report: smoke.report,
  };
}

async function readAttached(
  client: RegistryClient,
  path: string,
  descriptors: readonly Descriptor[],
): Promise<Attached[]> {
  const limit = pLimit(readAtOnce);
  const known = descriptors.filter(
    ({ artifactType }) => artifactType === undefined || kinds.has(artifactType),
  );
  const read = known.map(({ digest }) =>
    limit(async () => {
      const document = await readDocument(client, path, digest);
      return document ? [{ ...document, digest }] : [];
    }),
  );
  return (await Promise.all(read)).flat();
}

interface Finding {
  readonly wrong: string | null;
  readonly seen: string;
  readonly at: string | null;
  readonly tool: string | null;
}

const names = {
  'smoke-test': 'report of a smoke test',
  provenance: 'provenance',
  sbom: 'bill of materials',
} as const;

function judge(
  name: ProofResult['name'],
  documents: readonly Attached[],
  image: RemoteImage,
  read: (document: unknown) => Finding | null,
): ProofResult {
  const { digest } = image.manifest;
  const fail = (detail: string, at: Partial<ProofResult>, missing = false): ProofResult => ({
    ...{ name, at: null, tool: null, digest: null, ...at },
    verdict: 'fail',
    detail,
    error: new DwtError(missing ? 'EVIDENCE_MISSING' : 'EVIDENCE_WRONG', `${digest}: ${detail}.`, {
      hint: missing
        ? 'Only `dwt release` and `dwt promote` attach it; release the image again.'
        : 'Do not run this image: somebody changed it or what is said of it. Release it again from its sources.',
    }),
  });
  if (documents.length === 0) return fail(`no ${names[name]} is attached`, {}, true);
  const elsewhere = documents.find(({ subject }) => subject !== digest);
  if (elsewhere)
    return fail(`the ${names[name]} speaks of ${elsewhere.subject ?? 'nothing'}`, {
      digest: elsewhere.digest,
    });
  const findings = documents.map((document) => ({ document, finding: read(parseJson(document.bytes)) }));
  // An image may be tested again and again: what was said last counts, and nothing may be unreadable.
  const broken = findings.find(({ finding }) => finding === null);
  if (broken) return fail(`the ${names[name]} cannot be read`, { digest: broken.document.digest });
  const sorted = findings.sort((a, b) => ((a.finding?.at ?? '') < (b.finding?.at ?? '') ? 1 : -1));
  const [newest] = sorted;
  if (!newest?.finding) return fail(`no ${names[name]} is attached`, {}, true);
  const { wrong, seen, at, tool } = newest.finding;
  const facts = { at, tool, digest: newest.document.digest };
  return wrong === null ? { name, verdict: 'pass', detail: seen, ...facts } : fail(wrong, facts);
}

function judgeSmokeReports(
  documents: readonly Attached[],
  image: RemoteImage,
): { result: ProofResult; report: SmokeReport | null } {
  let newest: SmokeReport | null = null;
  const result = judge('smoke-test', documents, image, (document) => {
    const report = readSmokeReport(document);
    if (report === null) return null;
    if (newest === null || newest.testedAt < report.testedAt) newest = report;
    const failed = report.checks.filter(({ verdict }) => verdict === 'fail').map(({ name }) => name);
    const wrong =
      report.image !== image.manifest.config && report.image !== image.manifest.digest
        ? `the smoke test was of ${report.image}, and this image is ${image.manifest.config}`
        : failed.length > 0 || report.verdict === 'fail' || report.checks.length === 0
          ? `the smoke test failed: ${failed.join(', ') || 'no check was made'}`
          : null;
    const seen = `${report.checks.length} checks passed: ${report.checks.map(({ name }) => name).join(', ')}`;
    return { wrong, seen, at: report.testedAt, tool: report.tool };
  });
  return { result, report: newest };
}

function judgeProvenance(documents: readonly Attached[], image: RemoteImage): ProofResult {
  const { labels, manifest } = image;
  return judge('provenance', documents, image, (document) => {
    const provenance = readProvenance(document);
    if (provenance === null) return null;
    const { subjects, stage, features, key, inputs, revision, tool, finishedOn } = provenance;
    const pairs = [
      ['stage', stage, labels[provenLabels.stage]],
      ['content key', key, labels[provenLabels.key]],
      ['revision', revision, labels[provenLabels.revision]],
      ['features', features, labels[provenLabels.features]],
      ['inputs', inputs, inputsDigest(labels) ?? undefined],
    ] as const;
    const different = pairs.find(([, said, label]) => said !== (label ?? null));
    const wrong = !subjects.includes(manifest.digest)
      ? `the provenance speaks of ${subjects.join(', ')}`
      : different
        ? `its ${different[0]} is ${different[2] ?? 'not said'} by its label, and ${different[1] ?? 'not said'} by the provenance`
        : null;
    const from = revision === null ? 'no known revision' : `revision ${revision}`;
    return { wrong, seen: `stage ${stage}, built from ${from}`, at: finishedOn, tool };
  });
}

function judgeSbom(documents: readonly Attached[], image: RemoteImage): ProofResult {
  return judge('sbom', documents, image, (document) => {
    const bom = bomOf(document);
    if (bom === null) return null;
    const wrong =
      bom.image === image.manifest.config || bom.image === image.manifest.digest
        ? null
        : `the bill of materials is of ${bom.image}, and this image is ${image.manifest.config}`;
    return { wrong, seen: `${bom.components} packages`, at: bom.at, tool: bom.tool };
  });
}

function bomOf(
  document: unknown,
): { image: string; components: number; at: string | null; tool: string | null } | null {
  const { bomFormat, metadata, components } = (document ?? {}) as {
    bomFormat?: unknown;
    metadata?: {
      timestamp?: unknown;
      component?: { version?: unknown };
      tools?: { components?: { name?: unknown; version?: unknown }[] };
    };
    components?: unknown;
  };
  const image = metadata?.component?.version;
  if (bomFormat !== 'CycloneDX' || typeof image !== 'string') return null;
  const tool = metadata?.tools?.components?.find(({ name }) => name === 'dwt')?.version;
  return {
    image,
    components: Array.isArray(components) ? components.length : 0,
    at: typeof metadata?.timestamp === 'string' ? metadata.timestamp : null,
    tool: typeof tool === 'string' ? tool : null,
  };
}
