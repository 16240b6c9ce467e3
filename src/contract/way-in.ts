/** The way from this machine to a port of a container of a laboratory, whatever engine it is on. */
import { connect } from 'node:net';
import { networkInterfaces } from 'node:os';
import type { Duplex } from 'node:stream';
import type { Laboratory } from './laboratory.ts';

/** Opens one connection to the port. */
export type Dial = () => Promise<Duplex>;

/** Milliseconds; an address that can be reached answers at once. */
const patience = 1000;

/**
 * By its address where the engine's network is on this machine, else through the peer beside it. Nothing is published:
 * an engine does not publish ports of a network without a way out, and a remote one would publish them far from here.
 *
 * @param halfOpen Whether a side that has said all may go on listening; who dials then ends the connection itself.
 */
export async function wayIn(
  laboratory: Laboratory,
  address: string,
  port: number,
  { halfOpen = false }: { halfOpen?: boolean } = {},
): Promise<Dial> {
  const direct = () => connectTo(address, port, halfOpen);
  if (bridgeIsHere(laboratory.network.id)) {
    try {
      (await direct()).destroy();
      return direct;
    } catch {
      // A firewall of this machine, say; the peer has none before it.
    }
  }
  return () => laboratory.dial(address, port);
}

/** The same address may be another machine's; the bridge, named by the network's id, is nobody else's. */
const bridgeIsHere = (network: string): boolean => `br-${network.slice(0, 12)}` in networkInterfaces();

function connectTo(host: string, port: number, allowHalfOpen: boolean): Promise<Duplex> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port, allowHalfOpen, noDelay: true, timeout: patience });
    socket.once('timeout', () => socket.destroy(new Error(`${host}:${port} does not answer`)));
    socket.once('error', reject);
    socket.once('connect', () => {
      socket.setTimeout(0);
      socket.removeListener('error', reject);
      resolve(socket);
    });
  });
}
