/** A client of a test's registry, as the program has it. */
import { type RegistryClient, registryClient } from '../../src/registry/client.ts';
import { renewable } from '../../src/registry/login.ts';

export const registryOf = (
  domain: string,
  auth: { username: string; password: string } | null = null,
  timeoutMs = 5000,
): RegistryClient =>
  registryClient({
    domain,
    auth: renewable(async () => ({ auth, source: 'the test', expiresAt: null })),
    timeoutMs,
    signal: new AbortController().signal,
  });
