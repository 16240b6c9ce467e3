/** Work that an engine does with a login, and does again with a newer one where the former expired meanwhile. */
import type { RegistryAuth } from '../engine/engine.ts';
import { EngineRefusal } from '../engine/failure.ts';
import { RegistryFailure } from './answer.ts';
import type { RegistryHost } from './observe.ts';

/** A registry that takes a new login and refuses it later on, again and again, is not believed for ever. */
const mostRenewals = 5;

/**
 * Does `work` with the login of the moment. Engines say in many words why they failed; so the registry itself is asked
 * whether it would let that login push, and where it wants a newer one that can be had, the work is done again with it.
 */
export async function withLogin<T>(
  host: Pick<RegistryHost, 'auth' | 'client'>,
  path: string,
  work: (auth: RegistryAuth | null) => Promise<T>,
): Promise<T> {
  for (let renewals = 0; ; renewals++) {
    const auth = await host.auth.current();
    try {
      const done = await work(auth);
      host.auth.accepted(auth);
      return done;
    } catch (thrown) {
      if (renewals === mostRenewals || !(thrown instanceof EngineRefusal)) throw thrown;
      if (!(await isRenewed(host, path, auth))) throw thrown;
    }
  }
}

async function isRenewed(
  { auth, client }: Pick<RegistryHost, 'auth' | 'client'>,
  path: string,
  former: RegistryAuth | null,
): Promise<boolean> {
  try {
    await client.tryUpload(path);
  } catch (error) {
    // What only the engine reaches cannot be asked: a newer login is tried where there is one.
    return error instanceof RegistryFailure && (await auth.renewed(former)) !== null;
  }
  return (await auth.current()) !== former;
}
