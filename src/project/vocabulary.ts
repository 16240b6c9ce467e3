/** The words of the project file that the rest of the program shares; apart from the schema, so that they cost nothing to load. */

export const kinds = ['shared', 'tool', 'visualisation', 'sidecar', 'job'] as const;
export const packageSources = ['debian', 'pypi', 'npm', 'conda', 'cran'] as const;

export const durationPattern = /^(?:\d+(?:\.\d+)?(?:ms|s|m|h))+$/;

/** Seconds of a duration such as `90s`, `1m30s` or `500ms`. */
export function seconds(duration: string): number {
  const units: Readonly<Record<string, number>> = { ms: 0.001, s: 1, m: 60, h: 3600 };
  let total = 0;
  for (const [, amount, unit = 's'] of duration.matchAll(/([\d.]+)(ms|s|m|h)/g))
    total += Number(amount) * (units[unit] ?? 0);
  return total;
}

/** What an environment may demand of an image to be pushed there: that it kept its contract, or its page too. */
export const proofs = ['contract', 'page'] as const;
