/** Opens the byte streams that HTTP to an engine runs on, whatever lies between. */
import { connect } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Endpoint, TlsMaterial } from './endpoint.ts';
import { Agent } from './http.ts';

/** An HTTP agent whose connections all lead to this endpoint; ssh runs in `environment`. `destroy()` closes what it holds. */
export async function agentFor(
  endpoint: Endpoint,
  environment: Readonly<Record<string, string | undefined>>,
): Promise<Agent> {
  const { address } = endpoint;
  if (address.kind === 'unix') return new EndpointAgent(() => connect({ path: address.path }));
  if (address.kind === 'ssh') {
    const { SshDialler } = await import('./ssh.ts');
    const dialler = new SshDialler(address, environment);
    return new EndpointAgent(
      () => dialler.dial(),
      () => dialler.close(),
    );
  }
  const { host, port, tls } = address;
  return new EndpointAgent(
    tls ? await tlsDialler(host, port, tls) : () => connect({ host, port, ...keepAlive }),
  );
}

async function tlsDialler(host: string, port: number, tls: TlsMaterial): Promise<() => Duplex> {
  const { connect: connectTls } = await import('node:tls');
  const { isIP } = await import('node:net');
  const { verify, ...material } = tls;
  const servername = isIP(host) ? {} : { servername: host };
  return () =>
    connectTls({ host, port, ...keepAlive, ...servername, ...material, rejectUnauthorized: verify });
}

/** A build may be silent for long; without probes a host that is gone would be waited for without end. */
const keepAlive = { keepAlive: true, keepAliveInitialDelay: 30_000 };

class EndpointAgent extends Agent {
  readonly #dial: () => Duplex;
  readonly #closed: () => void;

  constructor(dial: () => Duplex, closed: () => void = () => {}) {
    super({ keepAlive: true, maxFreeSockets: 4 });
    this.#dial = dial;
    this.#closed = closed;
  }

  override createConnection(): Duplex {
    return this.#dial();
  }

  override destroy(): void {
    super.destroy();
    this.#closed();
  }
}
