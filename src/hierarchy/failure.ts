import { DwtError } from '../errors.ts';

/** What is wrong at one line of a Dockerfile, before the file's name is known. */
export class DockerfileFault extends Error {
  readonly line: number;
  readonly hint: string | undefined;

  constructor(line: number, message: string, hint?: string) {
    super(message);
    this.line = line;
    this.hint = hint;
  }
}

/** A fault that the word or flag grammar finds; whoever knows the line turns it into a `DockerfileFault`. */
export class SyntaxFault extends Error {
  readonly hint: string | undefined;

  constructor(message: string, hint?: string) {
    super(message);
    this.hint = hint;
  }
}

/** Runs `work` for the instruction at `line`, so that what is wrong in it is reported there. */
export function atLine<Result>(line: number, work: () => Result): Result {
  try {
    return work();
  } catch (thrown) {
    if (thrown instanceof SyntaxFault) throw new DockerfileFault(line, thrown.message, thrown.hint);
    throw thrown;
  }
}

/** The error that users see; it quotes the line. */
export function invalidDockerfile(file: string, source: string, fault: DockerfileFault): DwtError {
  const line = Math.max(fault.line, 1);
  const quoted = source.split('\n', line)[line - 1]?.trimEnd();
  return new DwtError('DOCKERFILE_INVALID', fault.message, {
    location: { file, line },
    ...(fault.hint && { hint: fault.hint }),
    ...(quoted && { detail: `${String(line).padStart(5)} | ${quoted.slice(0, 200)}` }),
  });
}
