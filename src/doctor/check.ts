/** One thing that was looked at. */
export interface Check {
  /** `engine`, `disk`, `base image`, `certificates`, `credentials`, `browser`, `source NAME`, `artifact NAME`, `login`, or `repository NAME`. */
  readonly name: string;
  /** `warn` where it could not be looked at, or where it stops nothing. */
  readonly verdict: 'ok' | 'warn' | 'fail';
  /** What was seen, for people. */
  readonly detail: string;
  /** What can be done about it; null where there is nothing to do. */
  readonly hint: string | null;
}

export const ok = (name: string, detail: string): Check => ({ name, verdict: 'ok', detail, hint: null });
export const warn = (name: string, detail: string, hint: string | null): Check => ({
  name,
  verdict: 'warn',
  detail,
  hint,
});
export const fail = (name: string, detail: string, hint: string | null): Check => ({
  name,
  verdict: 'fail',
  detail,
  hint,
});
