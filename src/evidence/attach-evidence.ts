/** Attaches what is known of an image to the image, in its registry. */
import type { RegistryClient } from '../registry/client.ts';
import { type Attachment, attach } from '../registry/referrers.ts';
import { type Document, type Subject, sendDocument } from './document.ts';
import { predicateType, provenanceType } from './provenance.ts';
import { sbomType } from './sbom-type.ts';
import { type SmokeReport, smokeReportType } from './smoke-report.ts';

const created = 'org.opencontainers.image.created';

export const smokeDocument = (report: SmokeReport): Document => ({
  artifactType: smokeReportType,
  mediaType: smokeReportType,
  bytes: Buffer.from(JSON.stringify(report, null, 1)),
  annotations: { [created]: report.testedAt },
});

export const sbomDocument = (bill: string, at: string): Document => ({
  artifactType: sbomType,
  mediaType: sbomType,
  bytes: Buffer.from(bill),
  annotations: { [created]: at },
});

export const provenanceDocument = (statement: string, at: string): Document => ({
  artifactType: provenanceType,
  mediaType: provenanceType,
  bytes: Buffer.from(statement),
  // The name that other tools look for.
  annotations: { [created]: at, 'in-toto.io/predicate-type': predicateType },
});

export async function attachDocuments(
  client: RegistryClient,
  path: string,
  subject: Subject,
  documents: readonly Document[],
): Promise<void> {
  const attachments: Attachment[] = [];
  for (const document of documents) {
    const { artifactType, annotations } = document;
    const manifest = await sendDocument(client, path, document, subject);
    attachments.push({ manifest, artifactType, annotations });
  }
  await attach(client, path, subject.digest, attachments);
}
