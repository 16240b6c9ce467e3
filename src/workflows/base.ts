/** `dwt base`: the Debian base image out of Debian packages, where `debian:trixie` cannot be pulled. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { imageArchive } from '../debian-base/image-archive.ts';
import { baseSuite, officialBase, ownBase } from '../debian-base/reference.ts';
import { baseTime, makeDebianRoot } from '../debian-base/root.ts';
import type { Engine } from '../engine/engine.ts';
import { DwtError } from '../errors.ts';
import type { Emit } from '../events.ts';
import type { ProcessEnvironment } from '../host/command.ts';
import { installPackages, isRoot } from '../host/packages.ts';
import { runTask } from '../task.ts';

export interface BaseOptions {
  readonly engine: Engine;
  readonly environment: ProcessEnvironment;
  readonly emit: Emit;
  readonly signal: AbortSignal;
  /** Makes it anew though the engine has one, for security updates. */
  readonly refresh: boolean;
}

export interface BaseResult {
  /** The image's name on the engine. */
  readonly reference: string;
  readonly id: string;
  readonly action: 'made' | 'reused';
  /** Bytes. */
  readonly size: number;
}

/** Longest time that a pull of the official image may take before its packages are tried instead. */
const pullTimeoutMs = 120_000;

export interface EnsuredBase {
  /** What the Dockerfile's `BASE_IMAGE` is to be: the official image, or the one that `dwt base` makes. */
  readonly reference: string;
  readonly action: 'present' | 'pulled' | 'made';
}

/** Sees to it that the engine has a base image: the official one where it can be had, else our own. */
export async function ensureBase(options: Omit<BaseOptions, 'refresh'>): Promise<EnsuredBase> {
  const { engine, emit, signal } = options;
  for (const reference of [officialBase, ownBase]) {
    if ((await engine.inspectImage(reference)) !== null) return { reference, action: 'present' };
  }
  try {
    await runTask(emit, 'pull', `Base image ${officialBase}`, async (step) => {
      const limited = AbortSignal.any([signal, AbortSignal.timeout(pullTimeoutMs)]);
      await step(`Pulling ${officialBase}`, ({ progress }) =>
        engine.pull(officialBase, null, (p) => progress(p.layer, p.current ?? 0, p.total), limited),
      );
      return { value: null, detail: 'pulled' };
    });
    return { reference: officialBase, action: 'pulled' };
  } catch {
    if (signal.aborted) throw new DwtError('INTERRUPTED', 'Getting the base image was interrupted.');
    emit({
      type: 'warning',
      message: `${officialBase} cannot be pulled, so it is made of Debian's packages.`,
    });
  }
  const { reference } = await makeBase({ ...options, refresh: false });
  return { reference, action: 'made' };
}

const architectures: Readonly<Record<string, string>> = { x64: 'amd64', arm64: 'arm64' };
const engineArchitectures: Readonly<Record<string, string>> = { x86_64: 'amd64', aarch64: 'arm64' };

const megabytes = (bytes: number): string => `${Math.round(bytes / 1e6)} MB`;

/** Makes the base image and loads it into the engine, or finds it there. Equal packages give the same image id. */
export async function makeBase({
  engine,
  environment,
  emit,
  signal,
  refresh,
}: BaseOptions): Promise<BaseResult> {
  return await runTask<BaseResult>(emit, 'base', `Base image ${ownBase}`, async (step) => {
    const present = await engine.inspectImage(ownBase);
    if (present !== null && !refresh) {
      const value = { reference: ownBase, id: present.id, action: 'reused' as const, size: present.size };
      return { value, detail: `on the engine already, ${megabytes(present.size)}` };
    }
    const architecture = await sharedArchitecture(engine);
    await step('Installing mmdebstrap from Debian packages', ({ log }) =>
      installTools(environment, signal, log),
    );
    const scratch = await mkdtemp(join(tmpdir(), 'dwt-base-'));
    try {
      const layerFile = join(scratch, 'root.tar');
      const root = await step(`Making a root of Debian ${baseSuite}`, ({ log }) =>
        makeDebianRoot({
          suite: baseSuite,
          tarFile: layerFile,
          scratch,
          environment,
          signal,
          onLine: (line) => log(`${line}\n`),
        }),
      );
      const archive = await imageArchive({
        layerFile,
        reference: ownBase,
        architecture,
        created: baseTime,
        labels: {
          'dwt.kind': 'base',
          'dwt.packages': root.packagesDigest,
          'org.opencontainers.image.title': `Debian ${baseSuite}, made of its packages by dwt`,
        },
      });
      await step(`Loading ${ownBase} into the engine`, () => engine.loadImage(archive.open()));
      const loaded = await engine.inspectImage(ownBase);
      if (loaded === null) {
        throw new DwtError('SETUP_FAILED', `The engine loaded the base image, but has no ${ownBase}.`);
      }
      const action = present?.id === loaded.id ? ('reused' as const) : ('made' as const);
      const value = { reference: ownBase, id: loaded.id, action, size: loaded.size };
      return { value, detail: `${root.packages} packages, ${megabytes(loaded.size)}` };
    } finally {
      await rm(scratch, { recursive: true, force: true });
    }
  });
}

/** The architecture of engine and machine, which must be one: packages are configured by running their programs. */
async function sharedArchitecture(engine: Engine): Promise<string> {
  const { architecture } = await engine.version();
  const ofEngine = engineArchitectures[architecture] ?? architecture;
  const ofMachine = architectures[process.arch] ?? process.arch;
  if (ofEngine === ofMachine) return ofMachine;
  throw new DwtError(
    'SETUP_FAILED',
    `The engine runs ${ofEngine} images, and this machine can make ${ofMachine} ones only.`,
    {
      hint: `Run dwt base on a machine like the engine's, or let the engine pull ${officialBase}.`,
    },
  );
}

async function installTools(
  environment: ProcessEnvironment,
  signal: AbortSignal,
  log: (text: string) => void,
): Promise<void> {
  await installPackages(['mmdebstrap', 'debian-archive-keyring'], {
    environment,
    signal,
    purpose: 'make the base image',
    onLine: (line) => log(`${line}\n`),
  });
  if (!isRoot()) {
    throw new DwtError('SETUP_FAILED', 'Only root can make the base image.', {
      hint: `Run it with sudo, or let the engine pull ${officialBase}.`,
    });
  }
}
