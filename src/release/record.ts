/** What a release writes down of itself, for the next commands and for people. */
import * as z from 'zod';
import { smokeReportSchema } from '../evidence/smoke-report.ts';

const imageSchema = z.object({
  stage: z.string(),
  /** Within the environment's registry. */
  repository: z.string(),
  /** The tag that people use. */
  tag: z.string(),
  /** The tag that stays. */
  releaseTag: z.string(),
  /** As the engine called it that built it; null in a rollback. */
  imageId: z.string().nullable(),
  /** Null until it is in the registry. */
  digest: z.string().nullable(),
  /** What `tag` pointed to before; null for nothing, and not known before the tags move. */
  former: z.string().nullable().optional(),
  /** The content key. */
  key: z.string().nullable(),
  revision: z.string().nullable(),
  /** What its smoke test saw; null in a rollback. */
  report: smokeReportSchema.nullable(),
});

const recordSchema = z.object({
  version: z.literal(1),
  id: z.string(),
  kind: z.enum(['release', 'promotion', 'rollback']),
  /**
   * begun: images go up. prepared: all of them are up. moving: tags move. completed: they have. undone: some did, and
   * were put back. broken: some could not be put back.
   */
  state: z.enum(['begun', 'prepared', 'moving', 'completed', 'undone', 'broken']),
  project: z.string(),
  environment: z.string(),
  revision: z.string().nullable(),
  by: z.string(),
  tool: z.string(),
  startedAt: z.string(),
  /** When it reached its state. */
  at: z.string(),
  /** The release that was in force before; null for none. */
  previous: z.string().nullable(),
  /** The release that is in force after it: its own id, or that which a rollback went back to; null for none. */
  inForce: z.string().nullable(),
  /** Of a promotion. */
  from: z.object({ environment: z.string(), id: z.string().nullable() }).optional(),
  images: z.array(imageSchema),
});

/** One release, promotion or rollback in one environment. */
export type ReleaseRecord = z.infer<typeof recordSchema>;
export type RecordedImage = z.infer<typeof imageSchema>;

export const recordType = 'application/vnd.dwt.release.v1+json';

/** What was written; null for what is no record, or that of a version that is not known here. */
export function readRecord(document: unknown): ReleaseRecord | null {
  const { data } = recordSchema.safeParse(document);
  return data ?? null;
}

/** Whether its tags may be half moved. */
export const isHalfMoved = ({ state }: ReleaseRecord): boolean => state === 'moving' || state === 'broken';
