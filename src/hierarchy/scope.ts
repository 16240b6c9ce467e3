/** The variables that a stage sees while it is built. */
import type { Lookup } from './expand.ts';

/** A value of undefined is one that cannot be known from the Dockerfile. */
type Values = Map<string, string | undefined>;

/** What BuildKit gives every stage whose image sets no PATH. */
const defaultPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

export class Scope {
  readonly #values: Values;
  /** Whether an image outside of the Dockerfile may set variables that nobody here knows. */
  readonly #open: boolean;

  private constructor(values: Values, open: boolean) {
    this.#values = values;
    this.#open = open;
  }

  /** Of a stage on an image: that image's environment is not known, but for `scratch`, which has none. */
  static onImage(image: string): Scope {
    return image === 'scratch'
      ? new Scope(new Map([['PATH', defaultPath]]), false)
      : new Scope(new Map(), true);
  }

  /** Of a stage on a stage: everything that ENV and ARG have set there. */
  inherited(): Scope {
    return new Scope(new Map(this.#values), this.#open);
  }

  set(name: string, value: string | undefined): void {
    this.#values.set(name, value);
  }

  readonly lookup: Lookup = (name) => {
    if (this.#values.has(name)) return this.#values.get(name);
    return this.#open ? undefined : null;
  };
}
