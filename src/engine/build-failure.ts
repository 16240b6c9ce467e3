/** How a build on the engine fails. */
import { DwtError } from '../errors.ts';
import { diskFullHint, meansDiskFull } from './failure.ts';

/** A vertex of BuildKit's graph: its digest and the name that the engine shows, such as `[python 2/5] RUN …`. */
export interface FailedVertex {
  readonly digest: string;
  readonly name: string;
  /** What BuildKit says of this vertex. */
  readonly error: string;
}

/** `BUILD_FAILED` or `DISK_FULL` with the step that failed; null where no step did, such as a wrong Dockerfile. */
export class BuildFailure extends DwtError {
  readonly vertex: FailedVertex | null;

  constructor(message: string, vertex: FailedVertex | null) {
    const said = message.replace(/[.\s]+$/, '');
    if (meansDiskFull(message)) {
      super('DISK_FULL', `The engine's disk is full: ${said}.`, { hint: diskFullHint });
    } else {
      super('BUILD_FAILED', `The build failed: ${said}.`);
    }
    this.vertex = vertex;
  }
}
