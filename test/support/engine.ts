/** The engine that the tests run on. `npm test` finds or starts one and names it here; nothing is skipped without. */
export function testEngine(): string {
  const url = process.env['DWT_TEST_ENGINE'];
  if (!url) {
    throw new Error(
      'These tests need a Docker engine and DWT_TEST_ENGINE does not name one. Run them through `npm test`, which starts one, ' +
        'or set DWT_TEST_ENGINE to its URL, such as unix:///var/run/docker.sock.',
    );
  }
  return url;
}

/** A small Debian image that the test engine has: what `npm test` pulled or made. */
export const testBase = (): string => process.env['DWT_TEST_BASE'] ?? 'debian:trixie';
