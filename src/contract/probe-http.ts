/** Speaks HTTP to a judged container, from the peer beside it. */
import type { HttpAnswer, HttpEvidence, HttpFault } from './evidence.ts';
import type { HttpExpectation } from './judge-http.ts';
import type { Laboratory } from './laboratory.ts';
import { text } from './probe-text.ts';
import { httpScript } from './scripts/http.ts';

interface Said {
  readonly answer: HttpAnswer | null;
  readonly lastStatus: HttpAnswer | null;
  readonly lastFailure: {
    readonly fault: HttpFault['fault'];
    readonly status?: string;
    readonly sample?: string;
    readonly got?: number;
  } | null;
  readonly lastRefusal: string | null;
  readonly connected: 0 | 1;
  readonly tls: 0 | 1;
}

export async function askHttp(
  laboratory: Laboratory,
  address: string,
  path: string,
  { port, status }: HttpExpectation,
  seconds: number,
): Promise<Omit<HttpEvidence, 'path' | 'seconds' | 'ended'>> {
  const words = [address, `${port}`, path, status?.join(',') ?? 'any', seconds.toFixed(2)];
  const said = text(await laboratory.observe(httpScript, words, seconds)) as Said;
  const { lastFailure: fault } = said;
  return {
    answer: said.answer,
    unwanted: said.lastStatus,
    fault: fault && {
      fault: fault.fault,
      status: fault.status === undefined ? null : Number(fault.status),
      sample: fault.sample ?? '',
      bytes: fault.got ?? 0,
    },
    refusal: said.lastRefusal,
    connected: said.connected === 1,
    tls: said.tls === 1,
  };
}
