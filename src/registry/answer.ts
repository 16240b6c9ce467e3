/** A registry's answers that are not the wanted ones, told apart by status and code. */
import type { Answer } from './http.ts';

/** The registry answered, and refused. */
export class RegistryRefusal extends Error {
  override readonly name = 'RegistryRefusal';
  readonly domain: string;
  readonly status: number;
  /** How long the registry asks to be left alone, in milliseconds; null where it does not say. */
  readonly retryAfterMs: number | null;
  /** What the registry said, in its own words; may be empty. */
  readonly said: string;
  /** Its storage is full. */
  readonly full: boolean;

  private constructor(
    domain: string,
    status: number,
    retryAfterMs: number | null,
    said: string,
    full: boolean,
  ) {
    super(`${domain} answered ${status}${said && `: ${said}`}`);
    this.domain = domain;
    this.status = status;
    this.retryAfterMs = retryAfterMs;
    this.said = said;
    this.full = full;
  }

  static of(domain: string, { status, headers, text }: Answer): RegistryRefusal {
    const errors = errorsOf(text);
    const said = errors.map(({ code, message }) => [code, message].filter(Boolean).join(': ')).join('; ');
    const full = status === 507 || errors.some(({ detail }) => hasNoSpace(detail));
    return new RegistryRefusal(domain, status, retryAfter(headers['retry-after']), said.slice(0, 500), full);
  }
}

/** There was no answer: nothing listens, the connection was cut, TLS failed, or it took too long. */
export class RegistryFailure extends Error {
  override readonly name = 'RegistryFailure';
  readonly domain: string;
  /** node's code, such as ECONNREFUSED. */
  readonly code: string;
  /** A sentence's end, without a full stop. */
  readonly why: string;

  constructor(domain: string, cause: unknown, timeoutMs: number) {
    const timedOut = cause instanceof DOMException && cause.name === 'TimeoutError';
    const { code, message } = innermost(cause);
    const why = timedOut ? `no answer within ${timeoutMs / 1000} s` : (reasons[code] ?? message);
    super(`${domain}: ${why}`, { cause });
    this.domain = domain;
    this.code = timedOut ? 'ETIMEDOUT' : code;
    this.why = why;
  }
}

const reasons: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nothing listens there',
  ECONNRESET: 'the connection was cut',
  ENOTFOUND: 'the host name is not known',
  EAI_AGAIN: 'the host name cannot be looked up',
  EHOSTUNREACH: 'there is no route to it',
  ENETUNREACH: 'there is no route to it',
  EPROTO: 'TLS failed',
  HPE_INVALID_CONSTANT: 'what answers does not speak HTTP',
  ETIMEDOUT: 'no connection in time',
};

/** Failures wrap one another, and a host with several addresses fails with one error for each. */
function innermost(error: unknown): { code: string; message: string } {
  const { cause, errors } = error as { cause?: unknown; errors?: unknown[] };
  const inner = errors?.[0] ?? cause;
  if (inner) return innermost(inner);
  const { code, message } = error as { code?: unknown; message?: unknown };
  return { code: typeof code === 'string' ? code : 'UNKNOWN', message: String(message ?? error) };
}

interface StatedError {
  readonly code: string;
  readonly message: string;
  readonly detail: unknown;
}

/** The error list of the distribution specification. */
function errorsOf(body: string): StatedError[] {
  try {
    const { errors } = JSON.parse(body) as { errors?: unknown };
    if (!Array.isArray(errors)) return [];
    return errors.map(({ code, message, detail }) => ({
      code: String(code ?? ''),
      message: String(message ?? ''),
      detail,
    }));
  } catch {
    return [];
  }
}

const ENOSPC = 28;

/** The file system driver of Docker's registry passes on the system's error number. */
function hasNoSpace(detail: unknown): boolean {
  if (typeof detail !== 'object' || detail === null) return false;
  return Object.entries(detail).some(
    ([key, value]) => (key === 'Err' && value === ENOSPC) || hasNoSpace(value),
  );
}

function retryAfter(header: string | undefined): number | null {
  if (header === undefined) return null;
  const ms = /^\d+$/.test(header) ? Number(header) * 1000 : Date.parse(header) - Date.now();
  return Number.isNaN(ms) ? null : Math.max(0, ms);
}
