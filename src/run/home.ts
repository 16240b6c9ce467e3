/** The home that a tool gets: a new and empty one, or one that is kept between runs. */
import { mkdir, readdir, stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { handOver, homeMount, homeVolume, startsAsRoot } from '../contract/home-volume.ts';
import type { Laboratory } from '../contract/laboratory.ts';
import { platform } from '../contract/platform.ts';
import type { Engine } from '../engine/engine.ts';
import { DwtError } from '../errors.ts';

/** Null for a new one that is removed at the end. */
export type HomeChoice = { readonly volume: string } | { readonly folder: string } | null;

export interface Home {
  /** The volume's name, or the folder. */
  readonly name: string;
  readonly kept: boolean;
  /** What a container is created with. */
  readonly host: Readonly<Record<string, unknown>>;
}

/**
 * A volume by its name, a folder by anything that looks like a path.
 *
 * @throws DwtError USAGE
 */
export function readHome(text: string | undefined, folder: string): HomeChoice {
  if (text === undefined) return null;
  if (text.includes('/') || text === '.' || text === '..') return { folder: resolve(folder, text) };
  if (/^[A-Za-z0-9][\w.-]+$/.test(text)) return { volume: text };
  throw new DwtError('USAGE', `--home "${text}" is neither a volume's name nor a path.`, {
    hint: `A volume's name has letters, digits, "_", "." and "-"; a folder is written with a "/", such as ./work.`,
  });
}

/** Refuses, before anything is started, a folder that cannot be the home or must not become it. */
export async function prepareHome(choice: HomeChoice, engine: Engine, user: string): Promise<void> {
  if (choice === null || 'volume' in choice) return;
  const { folder } = choice;
  if (!engine.url.startsWith('unix:'))
    throw new DwtError('USAGE', `The engine at ${engine.url} does not see ${folder} of this machine.`, {
      hint: 'Keep the home in a volume of that engine: --home NAME.',
    });
  try {
    await mkdir(folder, { recursive: true });
    const { uid } = await stat(folder);
    const taken = startsAsRoot(user) && uid !== platform.user.id && process.platform === 'linux';
    if (!taken || (await readdir(folder)).length === 0) return;
    throw new DwtError(
      'USAGE',
      `${folder} belongs to uid ${uid}, and the tool would make all that is in it its own: uid ${platform.user.id}.`,
      {
        hint: `Name an empty folder or a volume, or hand it over yourself: sudo chown -R ${platform.user.id}:${platform.group.id} ${folder}`,
      },
    );
  } catch (cause) {
    if (cause instanceof DwtError) throw cause;
    throw new DwtError('USAGE', `${folder} cannot be the home: ${(cause as Error).message}.`, {
      hint: 'Name a folder that you can read and write, or a volume.',
      cause,
    });
  }
}

export async function openHome(
  choice: HomeChoice,
  laboratory: Laboratory,
  image: string,
  user: string,
): Promise<Home> {
  if (choice === null) {
    const name = await homeVolume(laboratory, image, user);
    return { name, kept: false, host: homeMount(name) };
  }
  if ('folder' in choice) {
    const Mounts = [{ Type: 'bind', Source: choice.folder, Target: platform.home }];
    return { name: choice.folder, kept: true, host: { Mounts } };
  }
  const { volume } = choice;
  // One that is there stays as it is.
  await laboratory.race(laboratory.engine.createVolume(volume, { 'dwt.home': '' }));
  await handOver(laboratory, volume, image, user);
  return { name: volume, kept: true, host: homeMount(volume) };
}
