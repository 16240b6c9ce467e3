/** The package has no types of its own. */
declare module 'spdx-expression-parse' {
  /** @throws where `expression` is no SPDX licence expression */
  export default function parse(expression: string): unknown;
}
