/**
 * The one error type of the program. Every failure that a user can act on is a `DwtError`; anything else that
 * reaches the top is a defect and is reported as `INTERNAL`.
 */

/** The exit statuses of `dwt`: 1 the work failed, 2 wrong usage or project file, 3 engine or registry out of reach, 130 interrupted. */
export type ExitStatus = 1 | 2 | 3 | 130;

/** Every error code and the exit status that it ends the program with. */
export const exitStatuses = {
  // wrong usage or project file
  USAGE: 2,
  PROJECT_NOT_FOUND: 2,
  PROJECT_INVALID: 2,
  DOCKERFILE_NOT_FOUND: 2,
  DOCKERFILE_INVALID: 2,
  STAGE_UNKNOWN: 2,
  STAGE_DUPLICATE: 2,
  STAGE_MISMATCH: 2,
  VARIABLE_UNSET: 2,
  ENVIRONMENT_UNKNOWN: 2,
  REFERENCE_INVALID: 2,
  SECRET_INVALID: 2,
  CONTEXT_INVALID: 2,
  FEATURE_UNKNOWN: 2,
  ARTIFACT_MISSING: 2,
  // the work failed
  BUILD_FAILED: 1,
  BUILD_NO_IMAGE: 1,
  BUILD_CANCELLED: 1,
  CONTEXT_CHANGED: 1,
  ARTIFACT_INVALID: 1,
  ARTIFACT_UNAVAILABLE: 1,
  FEATURE_MISSING: 1,
  NOT_PROVED: 1,
  IMAGE_NOT_FOUND: 1,
  IMAGE_NOT_BUILT: 1,
  CHECK_FAILED: 1,
  PUSH_FAILED: 1,
  PUSH_DENIED: 1,
  PULL_DENIED: 1,
  TAG_IMMUTABLE: 1,
  REGISTRY_BROKEN: 1,
  REGISTRY_FAILED: 1,
  RELEASE_LOCKED: 1,
  RELEASE_OVERTAKEN: 1,
  RELEASE_UNFINISHED: 1,
  RELEASE_UNKNOWN: 1,
  RELEASE_UNREADABLE: 1,
  RELEASE_HALF_MOVED: 1,
  MANIFEST_GONE: 1,
  EVIDENCE_MISSING: 1,
  EVIDENCE_WRONG: 1,
  CREDENTIALS_UNAVAILABLE: 1,
  DISK_FULL: 1,
  SETUP_FAILED: 1,
  NOT_READY: 1,
  TOOL_ENDED: 1,
  PORT_TAKEN: 1,
  ENGINE_REFUSED: 1,
  INTERNAL: 1,
  // out of reach
  ENGINE_UNREACHABLE: 3,
  ENGINE_LOST: 3,
  ENGINE_TOO_OLD: 3,
  REGISTRY_UNREACHABLE: 3,
  INTERRUPTED: 130,
} as const satisfies Record<string, ExitStatus>;

export type ErrorCode = keyof typeof exitStatuses;

/** A place in a text file; line and column count from 1. */
export interface Location {
  readonly file: string;
  readonly line: number;
  readonly column?: number;
}

export interface DwtErrorOptions {
  /** What the user can do about it, as a sentence that can be followed. */
  readonly hint?: string;
  readonly location?: Location;
  /** The source lines that it is about, numbered; always shown whole. */
  readonly excerpt?: string;
  /** What helps to understand it and does not fit in a sentence, such as the last output of a step. */
  readonly detail?: string;
  readonly cause?: unknown;
}

/** A failure with a code, one sentence, a hint and its cause. */
export class DwtError extends Error {
  override readonly name = 'DwtError';
  readonly code: ErrorCode;
  readonly hint: string | undefined;
  readonly location: Location | undefined;
  readonly excerpt: string | undefined;
  readonly detail: string | undefined;

  constructor(code: ErrorCode, message: string, options: DwtErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.hint = options.hint;
    this.location = options.location;
    this.excerpt = options.excerpt;
    this.detail = options.detail;
  }

  get exitStatus(): ExitStatus {
    return exitStatuses[this.code];
  }

  /** The form that `--json` results carry. */
  toJSON(): { code: ErrorCode; message: string; hint: string | null; location?: Location; detail?: string } {
    return {
      code: this.code,
      message: this.message,
      hint: this.hint ?? null,
      ...(this.location && { location: this.location }),
      ...(this.wholeDetail !== '' && { detail: this.wholeDetail }),
    };
  }

  /** Excerpt and detail as one text; empty where there is neither. */
  get wholeDetail(): string {
    return [this.excerpt, this.detail].filter(Boolean).join('\n\n');
  }
}

/** Any thrown value as a `DwtError`: itself if it is one, else a defect reported as `INTERNAL`. */
export function asDwtError(thrown: unknown): DwtError {
  if (thrown instanceof DwtError) return thrown;
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  return new DwtError('INTERNAL', `Unexpected failure: ${message}.`, {
    hint: 'This is a defect of dwt: run again with --log-level debug --log-file dwt.log and report it with that file.',
    cause: thrown,
  });
}
