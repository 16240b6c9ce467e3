/** The engine, and the room that it has for images. */
import { statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import { officialBase, ownBase } from '../debian-base/reference.ts';
import type { Engine } from '../engine/engine.ts';
import { asDwtError, DwtError } from '../errors.ts';
import { type Check, fail, ok, warn } from './check.ts';
import { inContainer } from './container.ts';

export async function checkEngine(engine: Engine | DwtError): Promise<Check> {
  if (engine instanceof DwtError)
    return fail('engine', engine.message, engine.hint ?? 'Run dwt engine up to start a private one.');
  try {
    const { version, api, os, architecture } = await engine.version();
    return ok(
      'engine',
      `Docker ${version} (API ${api}, ${os}/${architecture}) at ${engine.url}, from ${engine.source}`,
    );
  } catch (thrown) {
    const error = asDwtError(thrown);
    return fail('engine', error.message, error.hint ?? null);
  }
}

/** Below the first, a build of one tool is likely to fail; below the second, one of all of them. In bytes. */
const tooLittle = 5e9;
const little = 20e9;

export async function checkDisk(engine: Engine): Promise<Check> {
  const free = await freeBytes(engine);
  if (free === null) {
    return warn('disk', 'the free space for images is not known: the engine has no image to look with', null);
  }
  const detail = `${(free / 1e9).toFixed(1)} GB free for images`;
  const hint = 'Remove images that nobody needs (docker image prune), or move the engine to a larger disk.';
  if (free < tooLittle)
    return fail('disk', `${detail}; one tool takes about ${tooLittle / 1e9} GB while it is built`, hint);
  return free < little
    ? warn('disk', `${detail}; all tools together take about ${little / 1e9} GB`, hint)
    : ok('disk', detail);
}

/** On the file system of the engine's images, which a container's root lies on; null where there is no way to look. */
async function freeBytes(engine: Engine): Promise<number | null> {
  const seen = await inContainer(engine, ['df', '-Pk', '/'], 'none').catch(() => null);
  const kilobytes = Number(
    /^\S+\s+\d+\s+\d+\s+(\d+)/m.exec(seen?.stdout.split('\n').slice(1).join('\n') ?? '')?.[1],
  );
  if (seen?.exitCode === 0 && Number.isFinite(kilobytes)) return kilobytes * 1024;
  if (!engine.url.startsWith('unix://')) return null;
  // An engine of this machine keeps its images beside its socket's machine: Docker's own folder, or the default disk.
  const disk = await statfs('/var/lib/docker').catch(() => statfs(dirname('/var/lib/docker')));
  return disk.bavail * disk.bsize;
}

/** Whether builds find their base image; where they do not, the engine pulls it if it can, which is not tried here. */
export async function checkBase(engine: Engine): Promise<Check> {
  for (const reference of [officialBase, ownBase]) {
    if ((await engine.inspectImage(reference)) !== null)
      return ok('base image', `${reference} is on the engine`);
  }
  return warn(
    'base image',
    `${officialBase} is not on the engine, so the first build pulls it`,
    'Where it cannot be pulled, run dwt base: it makes one of Debian packages, and builds take that.',
  );
}
