/** What a registry has under a tag, by the best evidence that can be had from here. */
import type { Engine } from '../engine/engine.ts';
import { DwtError } from '../errors.ts';
import { isLoopback } from './address.ts';
import { RegistryFailure } from './answer.ts';
import { type RegistryClient, registryClient } from './client.ts';
import type { AuthProvider } from './login.ts';
import { formatReference, type Reference } from './reference.ts';

/** A registry and how it is talked to. */
export interface RegistryHost {
  readonly domain: string;
  readonly auth: AuthProvider;
  readonly client: RegistryClient;
  /** How long the engine may take to say what the registry has, in milliseconds. */
  readonly engineMs: number;
  readonly signal: AbortSignal;
  /**
   * Whether this program and the engine mean the same registry by its name; null until something was seen there.
   * Loopback is the engine's, and the engine may be on another machine than this program.
   */
  sharedView: Promise<boolean> | null;
}

/** @param answerMs for one question to the registry, in milliseconds */
export function registryHost(
  domain: string,
  auth: AuthProvider,
  signal: AbortSignal,
  answerMs = 10_000,
): RegistryHost {
  return {
    domain,
    auth,
    client: registryClient({ domain, auth, timeoutMs: answerMs, signal }),
    // The engine asks several questions for one of ours.
    engineMs: 3 * answerMs,
    signal,
    sharedView: isLoopback(domain) ? null : Promise.resolve(true),
  };
}

export interface Observed {
  readonly digest: string;
  /** The digest of the image's configuration, or null where it is not known. */
  readonly config: string | null;
}

/**
 * What the registry has under the reference's tag; null where it has nothing. Asked directly where that is possible,
 * else by the engine.
 *
 * @throws RegistryRefusal, or what the engine threw; DwtError PUSH_FAILED where the registry says one digest and serves
 * another.
 */
export async function observe(
  engine: Engine,
  host: RegistryHost,
  reference: Reference,
): Promise<Observed | null> {
  let seen: Observed | null;
  try {
    seen = await askDirectly(host, reference);
  } catch (error) {
    if (!(error instanceof RegistryFailure)) throw error;
    // The engine may reach what this machine does not: another network, its own certificates.
    return askEngine(engine, host, reference);
  }
  if (seen === null) return (await host.sharedView) ? null : askEngine(engine, host, reference);
  const { digest } = seen;
  host.sharedView ??= askEngine(engine, host, reference).then(
    (known) => known?.digest === digest,
    (error: unknown) => {
      host.sharedView = null;
      throw error;
    },
  );
  return (await host.sharedView) ? seen : askEngine(engine, host, reference);
}

async function askDirectly(host: RegistryHost, reference: Reference): Promise<Observed | null> {
  const manifest = await host.client.manifest(reference.path, reference.tag ?? 'latest');
  if (manifest?.stated && manifest.stated !== manifest.digest) {
    throw new DwtError(
      'PUSH_FAILED',
      `${host.domain} says that ${reference.path}:${reference.tag} is ${manifest.stated}, but what it serves is ${manifest.digest}.`,
      {
        hint: 'The registry, or a proxy before it, is broken: trust nothing that it serves until that is mended.',
      },
    );
  }
  return manifest;
}

async function askEngine(engine: Engine, host: RegistryHost, reference: Reference): Promise<Observed | null> {
  const limits = AbortSignal.any([host.signal, AbortSignal.timeout(host.engineMs)]);
  const late = new Promise<never>((_, reject) => {
    limits.addEventListener('abort', () => reject(limits.reason), { once: true });
  });
  try {
    const auth = await host.auth.current();
    const digest = await Promise.race([engine.remoteDigest(formatReference(reference), auth), late]);
    return digest === null ? null : { digest, config: null };
  } catch (error) {
    host.signal.throwIfAborted();
    throw limits.aborted ? new RegistryFailure(host.domain, limits.reason, host.engineMs) : error;
  }
}
