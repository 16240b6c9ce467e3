/** Runs one command where builds will run: in a container, from an image that the engine has already. */
import { randomBytes } from 'node:crypto';
import { officialBase, ownBase } from '../debian-base/reference.ts';
import type { Engine, ExecResult } from '../engine/engine.ts';

/** Longest time for a command, in milliseconds: package sources that take longer do not answer. */
const commandTimeoutMs = 60_000;

/** Null where the engine has neither the base image nor the one that `dwt base` makes; nothing is pulled to look. */
export async function inContainer(
  engine: Engine,
  command: readonly string[],
  network: 'none' | 'bridge',
): Promise<ExecResult | null> {
  for (const image of [officialBase, ownBase]) {
    if ((await engine.inspectImage(image)) === null) continue;
    const id = await engine.createContainer({
      name: `dwt-doctor-${randomBytes(6).toString('hex')}`,
      image,
      command: ['sleep', '120'],
      network,
      labels: { 'dwt.kind': 'doctor' },
      host: { Init: true },
    });
    try {
      await engine.startContainer(id);
      return await engine.exec(id, command, { timeoutMs: commandTimeoutMs });
    } finally {
      await engine.removeContainer(id);
    }
  }
  return null;
}
