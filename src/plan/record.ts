/**
 * What an image's label `dwt.inputs` keeps of the inputs of its stage and of the stages that it stands on, so that the
 * next plan can say in people's words what has changed. Hashes are cut: they explain, the key decides. A label has a
 * bound; what does not fit is told less exactly, farther stages first.
 */
import * as z from 'zod';
import { featureText, type StageInputs, sha256 } from './inputs.ts';

/** Bytes of JSON; engines and registries hand labels around with every list of images. */
const mostBytes = 8192;

const mostFiles = 100;

const hash = z.string();

const recordSchema = z.object({
  key: hash,
  parent: z.tuple([z.string(), hash]).optional(),
  images: z.record(z.string(), z.string().nullable()).optional(),
  platforms: z.tuple([z.string().nullable(), z.string().nullable()]).optional(),
  /** One hash for each instruction; one hash of all where they are too many. */
  instructions: z.union([z.array(hash), hash]).optional(),
  arguments: z.record(z.string(), hash.nullable()).optional(),
  /** By path; one hash of all where they are too many. */
  files: z.union([z.record(z.string(), hash), hash]).optional(),
  uses: z.record(z.string(), hash).optional(),
  /** `cran`, or `-cran` where it is left out. */
  features: z.array(z.string()).optional(),
  /** sha256 by name, whole: some are written nowhere else. */
  artifacts: z.record(z.string(), hash.nullable()).optional(),
});

const labelSchema = z.object({ version: z.literal(1), stages: z.record(z.string(), recordSchema) });

export type StageRecord = z.infer<typeof recordSchema>;

/** As many digits of a key as a record keeps. */
export const shortKey = (key: string): string => key.slice(0, 16);

const short = (digest: string): string => digest.slice(0, 8);

const hashText = (text: string): string => short(sha256(text));

export function recordOf(key: string, inputs: StageInputs): StageRecord {
  const { parent, images, platforms, files, uses, features } = inputs;
  return {
    key: shortKey(key),
    ...(parent && { parent: [parent.name, shortKey(parent.key)] }),
    ...(images.length > 0 && {
      images: Object.fromEntries(images.map(({ reference, identity }) => [reference, identity])),
    }),
    platforms: [...platforms],
    instructions: inputs.instructions.map(({ text }) => hashText(text)),
    ...(inputs.arguments.length > 0 && {
      arguments: Object.fromEntries(
        inputs.arguments.map(([name, value]) => [name, value === null ? null : hashText(value)]),
      ),
    }),
    ...(files.count > 0 && {
      files:
        files.count > mostFiles
          ? short(files.digest)
          : Object.fromEntries(files.list().map(({ path, digest }) => [path, short(digest)])),
    }),
    ...(uses.length > 0 && { uses: Object.fromEntries(uses.map(({ name, key }) => [name, shortKey(key)])) }),
    ...(features.length > 0 && { features: features.map(featureText) }),
    ...(files.artifacts.length > 0 && {
      artifacts: Object.fromEntries(files.artifacts.map(({ name, sha256: sum }) => [name, sum])),
    }),
  };
}

/** The same, in fewer bytes. */
function compact(record: StageRecord): StageRecord {
  const { files, instructions } = record;
  return {
    ...record,
    ...(Array.isArray(instructions) && { instructions: hashText(JSON.stringify(instructions)) }),
    ...(typeof files === 'object' && { files: hashText(JSON.stringify(files)) }),
  };
}

/**
 * The label's text.
 *
 * @param records The image's stage first, then what it stands on, nearest first; read only as far as they fit.
 */
export function writeRecords(records: Iterable<readonly [stage: string, record: StageRecord]>): string {
  const written: string[] = [];
  const frame = JSON.stringify({ version: 1, stages: {} }).length;
  let size = frame;
  for (const [stage, record] of records) {
    const forms = [record, compact(record), { key: record.key }];
    const fitting = forms
      .map((form) => `${JSON.stringify(stage)}:${JSON.stringify(form)}`)
      .find((text) => size + Buffer.byteLength(text) + 1 <= mostBytes);
    if (fitting === undefined) break;
    written.push(fitting);
    size += Buffer.byteLength(fitting) + 1;
  }
  return `{"version":1,"stages":{${written.join(',')}}}`;
}

/** What a label says, by stage; nothing where it is another version's, or not ours at all. */
export function readRecords(label: string | undefined): ReadonlyMap<string, StageRecord> {
  if (label === undefined) return new Map();
  try {
    const parsed = labelSchema.safeParse(JSON.parse(label));
    return new Map(parsed.success ? Object.entries(parsed.data.stages) : []);
  } catch {
    return new Map();
  }
}
