import { describe, expect, test } from '@jest/globals';
import type { RegistryAuth } from '../../src/engine/engine.ts';
import type { Login } from '../../src/registry/credentials.ts';
import { renewable } from '../../src/registry/login.ts';

const hour = 60 * 60_000;

/** A source that gives these logins in turn, and the last of them from then on. */
function source(...logins: (Partial<Login> | Error)[]) {
  const asked = { times: 0 };
  const provider = renewable(async () => {
    const next = logins[Math.min(asked.times++, logins.length - 1)];
    if (next instanceof Error) throw next;
    return { auth: null, source: 'the test', expiresAt: null, ...next };
  });
  return { asked, provider };
}

const login = (password: string): RegistryAuth => ({ username: 'a', password });

describe('a login', () => {
  test('is asked for once, however many need it', async () => {
    const { asked, provider } = source({ auth: login('one') }, { auth: login('two') });
    expect(provider.login).toBeNull();
    expect(await Promise.all([provider.current(), provider.current()])).toEqual([login('one'), login('one')]);
    expect(await provider.current()).toEqual(login('one'));
    expect([asked.times, provider.login?.source]).toEqual([1, 'the test']);
  });

  test('that could not be had is asked for again', async () => {
    const { provider } = source(new Error('locked'), { auth: login('one') });
    await expect(provider.current()).rejects.toThrow('locked');
    expect(await provider.current()).toEqual(login('one'));
  });

  test('is renewed before it ends, once for all who find it so', async () => {
    const { asked, provider } = source(
      { auth: login('one'), expiresAt: Date.now() + 60_000 },
      { auth: login('two'), expiresAt: Date.now() + hour },
    );
    expect(await Promise.all([provider.current(), provider.current(), provider.current()])).toEqual(
      Array(3).fill(login('two')),
    );
    expect(asked.times).toBe(2);
  });

  test('that is refused is asked for anew, once for all whom it failed', async () => {
    const { asked, provider } = source({ auth: login('one') }, { auth: login('two') });
    const first = await provider.current();
    expect(await Promise.all([provider.renewed(first), provider.renewed(first)])).toEqual([
      login('two'),
      login('two'),
    ]);
    expect(await provider.current()).toEqual(login('two'));
    expect(asked.times).toBe(2);
  });

  test('that is the same as before is no other login', async () => {
    const { provider } = source({ auth: login('one') });
    expect(await provider.renewed(await provider.current())).toBeNull();
  });

  test('of nobody may become one', async () => {
    const { provider } = source({ auth: null }, { auth: login('one') });
    expect(await provider.renewed(await provider.current())).toEqual(login('one'));
  });

  test('that is refused before anybody took it is refused for good', async () => {
    const { asked, provider } = source(...['one', 'two', 'three'].map((word) => ({ auth: login(word) })));
    const second = await provider.renewed(await provider.current());
    expect(await provider.renewed(second)).toBeNull();
    expect(asked.times).toBe(2);
    provider.accepted(second);
    expect(await provider.renewed(second)).toEqual(login('three'));
  });
});
