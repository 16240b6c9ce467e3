/** Whether the files that no package source has can be had from here. */
import { access, constants } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { request } from 'undici';
import { addressOf, shownUrl } from '../artifacts/address.ts';
import { type WantedArtifact, waysOut } from '../artifacts/artifact.ts';
import { ArtifactCache } from '../artifacts/cache.ts';
import { openDispatcher } from '../artifacts/dispatcher.ts';
import { readFacts } from '../artifacts/file.ts';
import { cacheFolder } from '../host/cache-folder.ts';
import { type Check, fail, ok, warn } from './check.ts';

/** Longest time that a server may take, in milliseconds. */
const answerMs = 20_000;

export async function checkArtifact(
  wanted: WantedArtifact,
  environment: NodeJS.ProcessEnv,
  signal: AbortSignal,
): Promise<Check> {
  const { url, sha256 } = wanted;
  const name = `artifact ${wanted.name}`;
  const hint = `Else ${waysOut(wanted)}.`;
  if (sha256 === null) {
    const how = `Write its sha256 into dwt.yaml, or ${waysOut(wanted)}.`;
    return warn(name, 'has no sha256, so that a build takes it only where it is given', how);
  }
  const cached = new ArtifactCache(cacheFolder(environment)).file(sha256);
  if ((await readFacts(cached, signal).catch(() => null))?.sha256 === sha256)
    return ok(name, 'is in the cache, as its sha256 says');
  if (url.startsWith('file:')) {
    const isThere = await access(fileURLToPath(url), constants.R_OK).then(
      () => true,
      () => false,
    );
    return isThere ? ok(name, `${url} is there`) : fail(name, `${url} cannot be read`, hint);
  }
  const status = await statusOf(url, environment, signal);
  signal.throwIfAborted();
  if (status === 200) return ok(name, `${shownUrl(url)} answers`);
  // Some servers answer only who asks for the file itself.
  if (status === 405 || status === 501)
    return warn(name, 'not known: its server tells only who fetches it', null);
  const how = typeof status === 'number' ? `answers ${status}` : `does not answer: ${status}`;
  return fail(name, `${shownUrl(url)} ${how}`, hint);
}

/** The status, or why there is none. */
async function statusOf(
  url: string,
  environment: NodeJS.ProcessEnv,
  signal: AbortSignal,
): Promise<number | string> {
  const dispatcher = await openDispatcher(environment, null, answerMs);
  try {
    const limited = AbortSignal.any([signal, AbortSignal.timeout(answerMs)]);
    const { url: at, headers } = addressOf(url);
    const { statusCode, body } = await request(at, { method: 'HEAD', headers, dispatcher, signal: limited });
    await body.dump();
    return statusCode;
  } catch (error) {
    return (error as Error).message;
  } finally {
    await dispatcher.destroy();
  }
}
