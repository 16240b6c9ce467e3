/** What a command hands to its report beside the events: results as the workflows answer them. */
import type { BuiltImage } from '../../workflows/build.ts';
import type { PushedImage } from '../../workflows/push-result.ts';
import type { TestedImage } from '../../workflows/smoke-test.ts';

export interface RunResults {
  readonly built?: readonly BuiltImage[];
  readonly tested?: readonly TestedImage[];
  readonly pushed?: readonly Pick<PushedImage, 'stage' | 'reference' | 'digest' | 'action' | 'error'>[];
  /** What else is to be known of the run, such as the environment: name and value. */
  readonly facts?: readonly (readonly [string, string])[];
}
