/**
 * What smoke tests found, by image id, kept on this machine: a file for each image and contract. An id is the digest of
 * all that an image is, so that a verdict is of these very bits, whatever they are called.
 */
import { randomUUID } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as z from 'zod';
import { stateFolder } from '../host/state-folder.ts';

const verdictSchema = z.object({
  /** The image's id. */
  image: z.string(),
  /** Null for an image of nobody's project. */
  stage: z.string().nullable(),
  kind: z.string(),
  /** `contractDigest` of what it was judged by. */
  contract: z.string(),
  verdict: z.enum(['pass', 'fail']),
  /** Names of the checks that were judged. */
  checks: z.array(z.string()),
  /** What each of them saw; absent in what older versions wrote. */
  results: z
    .array(
      z.object({
        name: z.string(),
        verdict: z.enum(['pass', 'fail']),
        detail: z.string(),
        seconds: z.number(),
      }),
    )
    .optional(),
  /** Names of those that failed or could not be judged. */
  failed: z.array(z.string()),
  /** When it was judged, in ISO 8601. */
  at: z.string(),
  /** When its page was last seen to be right; null where nobody looked. */
  pageAt: z.string().nullable(),
  /** The version of dwt that judged. */
  version: z.string(),
});

export type StoredVerdict = Readonly<z.infer<typeof verdictSchema>>;

type Environment = Readonly<Record<string, string | undefined>>;

/** A year: whatever was published has been built anew by then. */
const longestKeptMs = 365 * 24 * 3600_000;

/** Keeps a verdict in place of a former one of the same image by the same contract. */
export async function keepVerdict(verdict: StoredVerdict, environment: Environment): Promise<void> {
  const file = fileOf(verdict.image, verdict.contract, environment);
  const former = await storedVerdict(verdict.image, verdict.contract, environment);
  // Nobody has looked at the page this time: it is the same image, and was right.
  const pageAt = verdict.pageAt ?? (verdict.verdict === 'pass' ? (former?.pageAt ?? null) : null);
  await mkdir(join(file, '..'), { recursive: true });
  const draft = `${file}.${randomUUID()}`;
  try {
    await writeFile(draft, `${JSON.stringify({ ...verdict, pageAt }, null, 2)}\n`);
    await rename(draft, file);
  } finally {
    await rm(draft, { force: true });
  }
  await forgetOld(join(file, '..'));
}

/** Images come and go; their verdicts would stay for ever. */
async function forgetOld(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    const file = join(folder, name);
    const age = Date.now() - ((await stat(file).catch(() => null))?.mtimeMs ?? Date.now());
    if (age > longestKeptMs) await rm(file, { force: true });
  }
}

/** What the last smoke test of an image by a contract found; null where there was none, or what is kept is damaged. */
export async function storedVerdict(
  image: string,
  contract: string,
  environment: Environment,
): Promise<StoredVerdict | null> {
  try {
    const text = await readFile(fileOf(image, contract, environment), 'utf8');
    const verdict = verdictSchema.parse(JSON.parse(text));
    return verdict.image === image && verdict.contract === contract ? verdict : null;
  } catch {
    return null;
  }
}

/** The verdict where it is that the image passed, its page too where that is asked for; else null. */
export async function provedImage(
  image: string,
  contract: string,
  environment: Environment,
  page = false,
): Promise<StoredVerdict | null> {
  const verdict = await storedVerdict(image, contract, environment);
  return verdict?.verdict === 'pass' && (!page || verdict.pageAt !== null) ? verdict : null;
}

function fileOf(image: string, contract: string, environment: Environment): string {
  const id = image.replace(/^sha256:/, '').replace(/[^0-9A-Za-z]/g, '-');
  return join(stateFolder(environment), 'verdicts', `${id}-${contract.slice(0, 16)}.json`);
}
