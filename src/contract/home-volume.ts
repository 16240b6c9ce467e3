/** The volume that the platform mounts on the home: new, empty, root's. */
import { type ArchiveEntry, firstEntry } from './archive.ts';
import type { Laboratory } from './laboratory.ts';
import { platform } from './platform.ts';

const where = '/volume';

export async function homeVolume(laboratory: Laboratory, image: string, user: string): Promise<string> {
  const volume = await laboratory.createVolume();
  await handOver(laboratory, volume, image, user);
  return volume;
}

/** Gives a volume to the user that its image starts as. */
export async function handOver(
  laboratory: Laboratory,
  volume: string,
  image: string,
  user: string,
): Promise<void> {
  // What starts as root can take the volume over. What does not never could: for it the platform, as every engine does
  // with a volume that an image declares, keeps the owner and mode that the folder has in the image. It stays empty.
  const owner = startsAsRoot(user) ? null : await ownerInImage(laboratory, image);
  if (owner) await hand(laboratory, volume, owner);
}

/** The mount of a home volume; without the copy of the image's own files that engines make by default. */
export const homeMount = (volume: string) => ({
  Mounts: [{ Type: 'volume', Source: volume, Target: platform.home, VolumeOptions: { NoCopy: true } }],
});

export const startsAsRoot = (user: string): boolean => ['', '0', 'root'].includes(user.split(':')[0] ?? '');

/** Null where the image has no such folder. */
async function ownerInImage(laboratory: Laboratory, image: string): Promise<ArchiveEntry | null> {
  const { engine } = laboratory;
  const container = await laboratory.createSubject({ image, entrypoint: ['none'] });
  try {
    const tar = await laboratory.race(engine.readArchive(container, platform.home));
    const folder = await firstEntry(tar, 0);
    return folder.isFolder ? folder : null;
  } catch {
    laboratory.signal.throwIfAborted();
    return null;
  } finally {
    await laboratory.remove([container]);
  }
}

async function hand(laboratory: Laboratory, volume: string, { uid, gid, mode }: ArchiveEntry): Promise<void> {
  const { engine } = laboratory;
  const container = await laboratory.createProbe({
    network: 'none',
    volumes: { [volume]: where },
    entrypoint: [
      'perl',
      '-e',
      'chown($ARGV[0], $ARGV[1], $ARGV[3]) && chmod($ARGV[2], $ARGV[3]) or die $!',
      `${uid}`,
      `${gid}`,
      `${mode}`,
      where,
    ],
  });
  await laboratory.race(engine.startContainer(container));
  await laboratory.race(engine.waitContainer(container));
  await laboratory.remove([container]);
}
