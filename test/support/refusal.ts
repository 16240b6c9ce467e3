/** The error with which an action refuses; whatever else it does is a failed test. */
import { DwtError } from '../../src/errors.ts';

export function refusalOf(action: () => unknown): DwtError {
  try {
    action();
  } catch (error) {
    if (error instanceof DwtError) return error;
    throw error;
  }
  throw new Error('it was accepted');
}
