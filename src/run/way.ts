/** How a tool's port is reached from this machine. */
import { connect } from 'node:net';
import { networkInterfaces } from 'node:os';
import type { Duplex } from 'node:stream';
import type { Laboratory } from '../contract/laboratory.ts';
import type { Dial } from './relay.ts';

/** Milliseconds; the bridge is on this machine. */
const patience = 1000;

/**
 * By its address where the engine's network is on this machine, else through the peer beside it. Nothing is published:
 * an engine does not publish ports of a network without a way out, and a remote one would publish them far from here.
 */
export async function wayTo(laboratory: Laboratory, address: string, port: number): Promise<Dial> {
  const direct: Dial = () => dialled(address, port);
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

function dialled(host: string, port: number): Promise<Duplex> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port, allowHalfOpen: true, noDelay: true, timeout: patience });
    socket.once('timeout', () => socket.destroy(new Error('no answer in time')));
    socket.once('error', reject);
    socket.once('connect', () => {
      socket.setTimeout(0);
      socket.removeListener('error', reject);
      resolve(socket);
    });
  });
}
