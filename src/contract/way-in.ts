/** The way from this machine to a judged container's port, whatever engine it is on. */
import { connect } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Laboratory } from './laboratory.ts';

/** Opens one connection to the port. */
export type Dial = () => Promise<Duplex>;

/** Milliseconds; an address that can be reached answers at once. */
const patience = 1000;

/**
 * By its address where the engine is this machine's and the address answers; else from beside it, through the engine. The
 * address of a container on another machine's engine may be somebody else's here.
 */
export async function wayIn(laboratory: Laboratory, address: string, port: number): Promise<Dial> {
  const direct = () => connectTo(address, port);
  const local = laboratory.engine.url.startsWith('unix://');
  const first = local ? await direct().catch(() => null) : null;
  first?.destroy();
  return first ? direct : () => laboratory.relay(address, port);
}

function connectTo(host: string, port: number): Promise<Duplex> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port, timeout: patience });
    socket.once('connect', () => resolve(socket.setTimeout(0)));
    socket.once('timeout', () => socket.destroy(new Error(`${host}:${port} does not answer`)));
    socket.once('error', reject);
  });
}
