/** A Docker engine that answered. Each part is loaded when it is first asked for: a command waits for what it uses. */
import type Docker from 'dockerode';
import type {
  BuildRequest,
  BuildSession,
  ContainerSpec,
  ContainerState,
  Engine,
  EngineVersion,
  SessionProviders,
} from './engine.ts';
import * as images from './images.ts';
import type { Transport } from './transport.ts';

type Of<Method extends keyof Engine> = Engine[Method] extends (...values: infer Values) => unknown
  ? Values
  : never;

export class DockerEngine implements Engine {
  readonly #transport: Transport;
  #docker: Promise<Docker> | null = null;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  get url(): string {
    return this.#transport.endpoint.url;
  }

  get source(): string {
    return this.#transport.endpoint.source;
  }

  async version(): Promise<EngineVersion> {
    const found = (await this.#transport.json({ method: 'GET', path: '/version' })) as {
      Version: string;
      Os: string;
      Arch: string;
    };
    return { version: found.Version, api: this.#transport.api ?? '', os: found.Os, architecture: found.Arch };
  }

  imagesByLabel = (...values: Of<'imagesByLabel'>) => images.imagesByLabel(this.#transport, ...values);
  inspectImage = (...values: Of<'inspectImage'>) => images.inspectImage(this.#transport, ...values);
  imageHistory = (...values: Of<'imageHistory'>) => images.imageHistory(this.#transport, ...values);
  remoteDigest = (...values: Of<'remoteDigest'>) => images.remoteDigest(this.#transport, ...values);
  pull = (...values: Of<'pull'>) => images.pull(this.#transport, ...values);
  push = (...values: Of<'push'>) => images.push(this.#transport, ...values);
  tag = (...values: Of<'tag'>) => images.tag(this.#transport, ...values);
  removeImage = (...values: Of<'removeImage'>) => images.removeImage(this.#transport, ...values);
  importImage = (...values: Of<'importImage'>) => images.importImage(this.#transport, ...values);

  loadImage = (...values: Of<'loadImage'>) => images.loadImage(this.#transport, ...values);

  async openSession(providers: SessionProviders): Promise<BuildSession> {
    const { openSession } = await import('./session.ts');
    return openSession(this.#transport, providers);
  }

  async build(request: BuildRequest): Promise<{ id: string }> {
    const { build } = await import('./build.ts');
    return build(this.#transport, request);
  }

  async createContainer(spec: ContainerSpec): Promise<string> {
    return (await containers()).createContainer(await this.#dockerode(), spec);
  }

  async startContainer(id: string): Promise<void> {
    await (await this.#dockerode()).getContainer(id).start();
  }

  async containerState(id: string): Promise<ContainerState> {
    return (await containers()).containerState(await this.#dockerode(), id);
  }

  async exec(...values: Of<'exec'>) {
    const { execute } = await import('./exec.ts');
    return execute(await this.#dockerode(), ...values);
  }

  async openExec(...values: Of<'openExec'>) {
    const { openExec } = await import('./exec-stream.ts');
    return openExec(await this.#dockerode(), ...values);
  }

  async signalContainer(...values: Of<'signalContainer'>): Promise<void> {
    await (await containers()).signalContainer(await this.#dockerode(), ...values);
  }

  async waitContainer(...values: Of<'waitContainer'>): Promise<number> {
    return (await containers()).waitContainer(await this.#dockerode(), ...values);
  }

  async containerLogs(...values: Of<'containerLogs'>): Promise<string> {
    return (await containers()).containerLogs(await this.#dockerode(), ...values);
  }

  async *followLogs(...values: Of<'followLogs'>) {
    yield* (await containers()).followLogs(await this.#dockerode(), ...values);
  }

  async readArchive(id: string, path: string): Promise<NodeJS.ReadableStream> {
    return (await this.#dockerode()).getContainer(id).getArchive({ path });
  }

  async writeArchive(id: string, path: string, tar: NodeJS.ReadableStream): Promise<void> {
    await (await this.#dockerode()).getContainer(id).putArchive(tar, { path });
  }

  async removeContainer(id: string): Promise<void> {
    await (await containers()).removeContainer(await this.#dockerode(), id);
  }

  async createNetwork(...values: Of<'createNetwork'>): Promise<string> {
    return (await networks()).createNetwork(await this.#dockerode(), ...values);
  }

  async connectNetwork(...values: Of<'connectNetwork'>): Promise<void> {
    await (await networks()).connectNetwork(await this.#dockerode(), ...values);
  }

  async removeNetwork(id: string): Promise<void> {
    await (await networks()).removeNetwork(await this.#dockerode(), id);
  }

  async createVolume(...values: Of<'createVolume'>): Promise<void> {
    await (await networks()).createVolume(await this.#dockerode(), ...values);
  }

  async removeVolume(name: string): Promise<void> {
    await (await networks()).removeVolume(await this.#dockerode(), name);
  }

  async resourcesByLabel(labels: readonly string[]) {
    return (await networks()).resourcesByLabel(await this.#dockerode(), labels);
  }

  close(): void {
    this.#transport.close();
  }

  #dockerode(): Promise<Docker> {
    this.#docker ??= import('./dockerode.ts').then(({ dockerodeOver }) => dockerodeOver(this.#transport));
    return this.#docker;
  }
}

const containers = () => import('./containers.ts');
const networks = () => import('./networks.ts');
