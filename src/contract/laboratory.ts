/**
 * Where images are judged, and tools run: a network of the engine with no way out, and a peer on it that looks at a
 * container from outside. All that is made here carries the run's label and is removed at the end, whatever happens.
 */
import { randomBytes } from 'node:crypto';
import type { Duplex } from 'node:stream';
import { setTimeout as pause } from 'node:timers/promises';
import type { ContainerSpec, Engine, EngineResource } from '../engine/engine.ts';
import { DwtError } from '../errors.ts';
import { untilAborted } from '../until-aborted.ts';
import { firstEntry } from './archive.ts';
import { longestRunSeconds, removeAll, runLabel, runLabels } from './leftovers.ts';
import { peerScript } from './scripts/peer.ts';
import { relayScript } from './scripts/relay.ts';

export interface LaboratoryOptions {
  readonly engine: Engine;
  /** With perl; on the engine. */
  readonly probeImage: string;
  /** Whether there is a way out all the same. */
  readonly internet?: boolean;
  /** Seconds after which all of it is over in any case. */
  readonly lifetime?: number;
  readonly signal: AbortSignal;
}

/** In the peer; a file, since an engine's log of a container lags behind what it says. */
const namesFile = '/tmp/names';
const mostNameBytes = 1_000_000;

export class Laboratory {
  readonly engine: Engine;
  readonly run = randomBytes(5).toString('hex');
  readonly signal: AbortSignal;
  readonly #probeImage: string;
  readonly #internet: boolean;
  readonly #lifetime: number;
  readonly #labels: Readonly<Record<string, string>>;
  readonly #made: EngineResource[] = [];
  /** Creations under way: what they make must be known before everything is removed. */
  readonly #making = new Set<Promise<unknown>>();
  #count = 0;
  #network = '';
  #networkId = '';
  #peer = '';
  #peerAddress = '';

  private constructor({
    engine,
    probeImage,
    internet = false,
    lifetime = longestRunSeconds,
    signal,
  }: LaboratoryOptions) {
    this.engine = engine;
    this.signal = signal;
    this.#probeImage = probeImage;
    this.#internet = internet;
    this.#lifetime = lifetime;
    this.#labels = runLabels(this.run, lifetime);
  }

  static async open(options: LaboratoryOptions): Promise<Laboratory> {
    const laboratory = new Laboratory(options);
    try {
      await laboratory.#furnish();
      return laboratory;
    } catch (error) {
      await laboratory.close();
      throw error;
    }
  }

  async #furnish(): Promise<void> {
    const network = `dwt-${this.run}`;
    const id = await this.#make('network', network, () =>
      this.engine.createNetwork(network, { internal: !this.#internet, labels: this.#labels }),
    );
    this.#network = network;
    this.#networkId = id;
    this.#peer = await this.createProbe({
      network,
      entrypoint: ['perl', '-e', peerScript, `${this.#lifetime}`, namesFile],
    });
    await this.race(this.engine.startContainer(this.#peer));
    const { addresses } = await this.race(this.engine.containerState(this.#peer));
    const address = addresses[network] ?? addresses[id];
    if (!address || !(await this.#peerIsReady())) {
      throw new DwtError('SETUP_FAILED', `The probe of ${this.#probeImage} does not run.`, {
        hint: 'It must be a Debian image with perl; make one with `dwt base`.',
        detail: await this.engine.containerLogs(this.#peer, 5),
      });
    }
    this.#peerAddress = address;
  }

  async #peerIsReady(): Promise<boolean> {
    for (let wait = 10; wait < 10_000; wait *= 1.5) {
      const ready = await this.#namesAsked().then(
        () => true,
        () => false,
      );
      if (ready) return true;
      this.signal.throwIfAborted();
      if (!(await this.race(this.engine.containerState(this.#peer))).running) return false;
      await this.race(pause(wait));
    }
    return false;
  }

  get peerAddress(): string {
    return this.#peerAddress;
  }

  get network(): { readonly id: string; readonly name: string } {
    return { id: this.#networkId, name: this.#network };
  }

  /** A container of the judged image on the network; created, not started. */
  createSubject(spec: Omit<ContainerSpec, 'name' | 'labels' | 'network'>): Promise<string> {
    return this.#createContainer({
      ...spec,
      network: this.#network,
      host: {
        // Where there is no way out, the peer knows no name and says so at once.
        ...(!this.#internet && { Dns: [this.#peerAddress] }),
        // A chatty image must not fill the engine's disk, and its last lines must be there whatever the engine logs to.
        LogConfig: { Type: 'json-file', Config: { 'max-size': '4m', 'max-file': '1' } },
        ...spec.host,
      },
    });
  }

  createProbe(spec: Omit<ContainerSpec, 'name' | 'labels' | 'image'>): Promise<string> {
    return this.#createContainer({ user: '0', ...spec, image: this.#probeImage });
  }

  /** An empty volume that belongs to root. */
  async createVolume(): Promise<string> {
    const name = this.#name();
    await this.#make('volume', name, () => this.engine.createVolume(name, this.#labels));
    return name;
  }

  #createContainer(spec: Omit<ContainerSpec, 'name' | 'labels'>): Promise<string> {
    const name = this.#name();
    return this.#make('container', name, () =>
      this.engine.createContainer({ ...spec, name, labels: this.#labels }),
    );
  }

  #name(): string {
    return `dwt-${this.run}-${++this.#count}`;
  }

  async #make<Made>(type: EngineResource['type'], name: string, create: () => Promise<Made>): Promise<Made> {
    this.signal.throwIfAborted();
    // By name, so that it can be removed even where the answer to its creation never came.
    this.#made.push({ type, id: name, name, labels: this.#labels });
    const making = create();
    this.#making.add(making);
    making.catch(() => {}).finally(() => this.#making.delete(making));
    return this.race(making);
  }

  async addressOf(container: string): Promise<string | null> {
    return (await this.race(this.engine.containerState(container))).addresses[this.#network] ?? null;
  }

  /** Runs a perl script in the peer, or in the probe given, and answers what it printed. */
  async observe(
    script: string,
    words: readonly string[],
    seconds: number,
    probe = this.#peer,
  ): Promise<unknown> {
    const ran = this.engine.exec(probe, ['perl', '-e', script, ...words], {
      user: '0',
      timeoutMs: (seconds + 30) * 1000,
    });
    const { exitCode, stdout, stderr } = await this.race(ran);
    if (exitCode !== 0) {
      throw new DwtError('SETUP_FAILED', `A probe failed with exit code ${exitCode}.`, {
        hint: `The probes need perl-base as in Debian; they ran in ${this.#probeImage}.`,
        detail: stderr,
      });
    }
    return JSON.parse(stdout);
  }

  /** A connection to an address of the network as the peer has it: on any engine, however far. */
  dial(address: string, port: number): Promise<Duplex> {
    const command = ['perl', '-e', relayScript, address, `${port}`];
    return this.race(this.engine.openExec(this.#peer, command, { user: '0' }));
  }

  /** How many names have been asked for so far, by anybody. */
  async namesAskedSoFar(): Promise<number> {
    const last = (await this.#namesAsked()).at(-1);
    return last ? last.number : 0;
  }

  /** Names of the outside that an address has asked for since; before, another container may have had it. */
  async namesAsked(address: string, since: number): Promise<string[]> {
    const asked = (await this.#namesAsked()).filter(({ number, who }) => number > since && who === address);
    return [...new Set(asked.map(({ name }) => name))];
  }

  async #namesAsked(): Promise<{ number: number; who: string; name: string }[]> {
    const tar = await this.race(this.engine.readArchive(this.#peer, namesFile));
    const { content } = await this.race(firstEntry(tar, mostNameBytes));
    return content
      .toString()
      .split('\n')
      .flatMap((line) => {
        const [number, who, name] = line.split(' ');
        return who && name ? [{ number: Number(number), who, name }] : [];
      });
  }

  async remove(containers: readonly string[]): Promise<void> {
    await Promise.allSettled(containers.map((id) => this.engine.removeContainer(id)));
  }

  /** The engine's answer, or the interruption as soon as there is one. */
  race<Answer>(answer: Promise<Answer>): Promise<Answer> {
    return untilAborted(this.signal, answer);
  }

  /** Removes everything; answers what resisted. Works after an interruption too. */
  async close(): Promise<unknown[]> {
    await removeAll(
      this.engine,
      this.#made.filter(({ type }) => type === 'container'),
    );
    await Promise.allSettled(this.#making);
    let failures = await removeAll(this.engine, this.#made);
    // A container that the engine is still taking down holds its network for a moment longer.
    for (let wait = 50; wait <= 800; wait *= 2) {
      const left = await this.#left();
      if (left === null) break;
      if (left.length === 0) return [];
      await pause(wait);
      failures = await removeAll(this.engine, left);
    }
    return failures;
  }

  /** Null where nobody can say: the engine is gone. */
  #left(): Promise<readonly EngineResource[] | null> {
    return this.engine.resourcesByLabel([`${runLabel}=${this.run}`]).catch(() => null);
  }
}
