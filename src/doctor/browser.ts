/** The browser that looks at pages. */
import { findBrowser } from '../browser/chromium.ts';
import { asDwtError } from '../errors.ts';
import { type Check, ok, warn } from './check.ts';

/** Only `dwt smoke-test --page` needs one, so that a machine without stops nothing else. */
export function checkBrowser(environment: NodeJS.ProcessEnv): Check {
  try {
    return ok('browser', `${findBrowser(environment)}, for dwt smoke-test --page`);
  } catch (thrown) {
    const { message, hint } = asDwtError(thrown);
    return warn('browser', message.replace(/\.$/, ''), hint ?? null);
  }
}
