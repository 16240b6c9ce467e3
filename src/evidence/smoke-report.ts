/** What a smoke test saw, as it is attached to the image. */
import * as z from 'zod';

const checkSchema = z.object({
  name: z.string(),
  verdict: z.enum(['pass', 'fail']),
  detail: z.string(),
  seconds: z.number(),
});

export const smokeReportSchema = z.object({
  version: z.literal(1),
  /** As the engine called the image that was started: the digest of its configuration, or of its manifest. */
  image: z.string(),
  project: z.string(),
  stage: z.string(),
  verdict: z.enum(['pass', 'fail']),
  checks: z.array(checkSchema),
  /** `contractDigest` of what it was judged by. */
  contract: z.string(),
  /** Whether a browser looked at its page, where it has one. */
  withPages: z.boolean(),
  testedAt: z.string(),
  tool: z.string(),
});

export type SmokeReport = z.infer<typeof smokeReportSchema>;

export const smokeReportType = 'application/vnd.dwt.smoke-report.v1+json';

export const readSmokeReport = (document: unknown): SmokeReport | null =>
  smokeReportSchema.safeParse(document).data ?? null;
