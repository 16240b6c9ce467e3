/** What can go wrong between here and an engine, told apart by status and code. */
import { DwtError } from '../errors.ts';

/** An engine's answer other than the wanted one: `ENGINE_REFUSED`, or `DISK_FULL` where that is the reason. */
export class EngineRefusal extends DwtError {
  /** HTTP status, or the code that a progress stream gave; null where it gave none. */
  readonly status: number | null;
  /** What the engine said, as it said it. */
  readonly said: string;

  constructor(said: string, status: number | null) {
    const sentence = said.replace(/[.\s]+$/, '');
    if (meansDiskFull(said))
      super('DISK_FULL', `The engine's disk is full: ${sentence}.`, { hint: diskFullHint });
    else super('ENGINE_REFUSED', `The engine refused${status === null ? '' : ` (${status})`}: ${sentence}.`);
    this.status = status;
    this.said = said;
  }
}

/** Waits for a call; an answer with one of these statuses is as good as done. */
export async function unless(statuses: readonly number[], call: Promise<unknown>): Promise<void> {
  try {
    await call;
  } catch (error) {
    if (!(error instanceof EngineRefusal && error.status !== null && statuses.includes(error.status)))
      throw error;
  }
}

export const diskFullHint =
  'Make room where the engine keeps its images, for example with `docker system prune`, and run again.';

// The engine gives these facts as text alone. But for failed pushes, nothing else judges by what the engine's text says.
const diskFullTexts = ['no space left on device', 'disk quota exceeded'];
/** The engine did not reach the registry that it asked. */
export const outOfReach =
  /connection refused|no such host|i\/o timeout|handshake timeout|no route to host|network is unreachable|deadline exceeded|Client\.Timeout|server misbehaving/i;
const cancelledTexts = ['context canceled', 'context cancelled'];

export const meansDiskFull = (said: string): boolean =>
  diskFullTexts.some((text) => said.toLowerCase().includes(text));

/** A step that ended because another one failed or because the build was ended from outside. */
export const meansCancelled = (said: string): boolean =>
  cancelledTexts.some((text) => said.trimEnd().endsWith(text));

/** The connection to an engine failed before a full answer was there. `code` is node's or ssh's. */
export class ConnectionFailure extends Error {
  override readonly name = 'ConnectionFailure';
  readonly code: string;

  constructor(cause: unknown) {
    const { code, message } = cause as NodeJS.ErrnoException;
    super(message, { cause });
    this.code = code ?? 'UNKNOWN';
  }
}

export const engineLost = (url: string, cause: unknown): DwtError =>
  new DwtError('ENGINE_LOST', `The engine at ${url} was lost: ${plainly(cause)}.`, {
    hint: 'See whether the engine still runs (`dwt doctor`) and look at its log; then run again, what was built is kept.',
    cause,
  });

/** The reason that a signal carries as an error of the program. */
export function interruption(signal: AbortSignal): DwtError {
  return signal.reason instanceof DwtError
    ? signal.reason
    : new DwtError('INTERRUPTED', 'Interrupted.', { cause: signal.reason });
}

const reasons: Readonly<Record<string, string>> = {
  ENOENT: 'no such file',
  ECONNREFUSED: 'nothing listens there',
  EACCES: 'permission denied',
  EPERM: 'permission denied',
  ECONNRESET: 'the connection was cut',
  EPIPE: 'the connection was cut',
  ENOTFOUND: 'the host name is not known',
  EAI_AGAIN: 'the host name cannot be looked up',
  ETIMEDOUT: 'no answer in time',
  EHOSTUNREACH: 'there is no route to the host',
  ENETUNREACH: 'there is no route to the network',
  HPE_INVALID_CONSTANT: 'what answers does not speak HTTP',
  EPROTO: 'what answers does not speak TLS',
  CERT_HAS_EXPIRED: 'its certificate has expired',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'its certificate is signed by an unknown authority',
  SELF_SIGNED_CERT_IN_CHAIN: 'its certificate is signed by an unknown authority',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'its certificate is signed by an unknown authority',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'its certificate is signed by an unknown authority',
  ERR_TLS_CERT_ALTNAME_INVALID: 'its certificate is for another host',
  ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED: 'it asks for a client certificate',
  'ERR_SSL_SSL/TLS_ALERT_BAD_CERTIFICATE': 'it does not accept the client certificate',
};

/** The cause in words for a sentence's end, without a full stop. */
export function plainly(cause: unknown): string {
  const code = errorCode(cause);
  const known = code && (reasons[code] ?? (isTlsFailure(code) ? 'TLS failed' : undefined));
  const message = cause instanceof Error ? cause.message : String(cause);
  const said = message.replace(/[.\s]+$/, '');
  return known ? (message ? `${known} (${said})` : known) : said;
}

export function errorCode(cause: unknown): string | null {
  const code = (cause as { code?: unknown } | null)?.code;
  return typeof code === 'string' ? code : null;
}

/** Whether node gave this code to a failed TLS handshake or certificate. */
export const isTlsFailure = (code: string): boolean =>
  /^(ERR_TLS|ERR_SSL|CERT_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO|EPROTO)/.test(code);
