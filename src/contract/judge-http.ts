/** Check 1: it answers HTTP on all interfaces, from outside the container, in time. */
import { fail, inSeconds, type Judgement, pass } from './check.ts';
import type { EndEvidence, HttpAnswer, HttpEvidence, HttpFault, ListenerEvidence } from './evidence.ts';
import { platform } from './platform.ts';

export interface HttpExpectation {
  /** Statuses that are right; null for any but a server's failure (5xx). */
  readonly status: readonly number[] | null;
  /** Seconds. */
  readonly readyWithin: number;
  readonly port: number;
}

/** `listeners`: what was seen to listen on the port when waiting ended; null where nobody could look. */
export function judgeHttp(
  evidence: HttpEvidence,
  listeners: readonly ListenerEvidence[] | null,
  expected: HttpExpectation,
): Judgement {
  const { answer, path, seconds } = evidence;
  const where = `${expected.port}${path}`;
  if (answer && evidence.tls) {
    return fail(
      `${expected.port} speaks HTTPS; plain HTTP got ${named(answer)}`,
      "Serve plain HTTP: the platform's proxy ends TLS.",
    );
  }
  if (answer && isRight(answer.status, expected)) {
    return pass(`${where} answered ${named(answer)} ${inSeconds(seconds)} after the start`);
  }
  if (evidence.ended) {
    return fail(
      `it ended by itself ${howEnded(evidence.ended)}, before anything answered on ${expected.port}`,
      'Its last lines say why.',
    );
  }
  const waited = `in ${inSeconds(expected.readyWithin)}`;
  if (evidence.unwanted) {
    const wanted = expected.status ? `, wanted ${expected.status.join(' or ')}` : '';
    return fail(
      `${where} answered only ${named(evidence.unwanted)} ${waited}${wanted}`,
      'If this status is right, name it under checks: http: status: in dwt.yaml.',
    );
  }
  if (evidence.tls)
    return fail(
      `${expected.port} speaks HTTPS, not HTTP`,
      "Serve plain HTTP: the platform's proxy ends TLS.",
    );
  if (evidence.fault)
    return fail(
      `${expected.port} accepts connections, but ${faultText(evidence.fault)}`,
      'It must answer in HTTP.',
    );
  if (evidence.connected)
    return fail(
      `${expected.port} accepts connections, but nothing answered ${waited}`,
      'It must answer in HTTP.',
    );
  return fail(unreached(evidence, listeners, expected, waited), `Listen on 0.0.0.0:${expected.port}.`);
}

export const isRight = (status: number, { status: wanted }: Pick<HttpExpectation, 'status'>): boolean =>
  wanted ? wanted.includes(status) : status < 500;

const named = ({ status, reason }: HttpAnswer): string =>
  reason ? `${status} ${reason.slice(0, 40)}` : `${status}`;

export function howEnded({ exitCode, outOfMemory, seconds }: EndEvidence): string {
  return `${inSeconds(seconds)} after its start with exit code ${exitCode}${outOfMemory ? ', out of memory' : ''}`;
}

function faultText({ fault, status, sample, bytes }: HttpFault): string {
  switch (fault) {
    case 'closed':
      return 'closes them without an answer';
    case 'cut':
      return "closes them in the middle of the answer's headers";
    case 'not-http':
      return `says something that is not HTTP: ${JSON.stringify(sample.slice(0, 40))}`;
    case 'truncated':
      return `its answer ${status} ends after ${bytes} bytes, before what its headers announce`;
    case 'stalled':
      return `its answer ${status} stops after ${bytes} bytes of its body`;
  }
}

function unreached(
  { refusal }: HttpEvidence,
  listeners: readonly ListenerEvidence[] | null,
  { port }: HttpExpectation,
  waited: string,
): string {
  if (!listeners) return `nothing answered on ${port} ${waited} (${refusal ?? 'no connection'})`;
  if (listeners.length === 0) return `nothing listens on ${port} ${waited}`;
  const addresses = [...new Set(listeners.map(({ address }) => address))].join(', ');
  if (listeners.every(({ address }) => isLoopback(address))) {
    return `${port} listens on ${addresses} only, which nothing outside the container can reach`;
  }
  if (listeners.every(({ family }) => family === 6)) {
    return `${port} listens on IPv6 (${addresses}) only; over IPv4: ${refusal ?? 'no connection'}`;
  }
  return `${port} listens on ${addresses}, but cannot be reached from outside: ${refusal ?? 'no connection'}`;
}

const isLoopback = (address: string): boolean =>
  address.startsWith('127.') || address === '::1' || address.startsWith('::ffff:127.');

/** The port that tools answer on. */
export const toolHttp = (readyWithin: number, status: readonly number[] | null): HttpExpectation => ({
  status,
  readyWithin,
  port: platform.port,
});
