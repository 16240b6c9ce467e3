/** What a command hands to its report beside the events: results as the workflows answer them. */
import type { BuiltImage } from '../../workflows/build.ts';
import type { PushedImage } from '../../workflows/push-result.ts';
import type { ReleasedImage } from '../../workflows/release-result.ts';
import type { TestedImage } from '../../workflows/smoke-test.ts';

export type PublishedImage = Pick<
  PushedImage | ReleasedImage,
  'stage' | 'reference' | 'digest' | 'action' | 'error'
>;

export interface RunResults {
  readonly built?: readonly BuiltImage[];
  readonly tested?: readonly TestedImage[];
  readonly published?: readonly PublishedImage[];
  /** What else is to be known of the run, such as the environment: name and value. */
  readonly facts?: readonly (readonly [string, string])[];
}
