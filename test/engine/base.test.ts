/** The base image, really made. It needs root; elsewhere it must say so. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { connectEngine } from '../../src/engine/connect.ts';
import type { Engine } from '../../src/engine/engine.ts';
import { ensureBase, makeBase } from '../../src/workflows/base.ts';
import { testEngine } from '../support/engine.ts';

const root = process.getuid?.() === 0;
const { signal } = new AbortController();
let engine: Engine;
beforeAll(async () => {
  engine = await connectEngine({ engine: testEngine(), environment: process.env });
});
afterAll(() => engine.close());
const make = (refresh: boolean) =>
  makeBase({ engine, environment: process.env, emit: () => undefined, signal, refresh });

if (root) {
  describe('with root', () => {
    test('two makings of the same packages are one image', async () => {
      const first = await make(true);
      const again = await make(true);
      expect(again).toEqual({ ...first, action: 'reused' });
      expect(first.reference).toBe('dwt/debian:trixie');
      expect(first.size).toBeLessThan(150e6);
    }, 240_000);

    test('it is found where it is', async () => {
      expect(await make(false)).toMatchObject({ reference: 'dwt/debian:trixie', action: 'reused' });
    });

    test('it is a Debian trixie with sources of its own and nothing of this machine', async () => {
      const id = await engine.createContainer({
        name: `dwt-test-base-${process.pid}`,
        image: (await make(false)).reference,
        command: ['sleep', '60'],
        network: 'none',
      });
      try {
        await engine.startContainer(id);
        const { stdout } = await engine.exec(id, [
          'sh',
          '-c',
          '. /etc/os-release; echo $VERSION_CODENAME; grep -rh ^deb /etc/apt/sources.list* | grep -o "trixie[a-z-]*" | sort -u; ls /etc/apt/apt.conf.d /var/lib/apt/lists /var/log',
        ]);
        expect(stdout).toMatch(/^trixie\ntrixie\ntrixie-security\ntrixie-updates\n/);
        expect(stdout).not.toMatch(/99mmdebstrap|_Packages|dpkg\.log/);
      } finally {
        await engine.removeContainer(id);
      }
    }, 60_000);
  });
} else {
  test('without root it is refused with what to do', async () => {
    await expect(make(true)).rejects.toMatchObject({ code: 'SETUP_FAILED', hint: expect.any(String) });
  });
}

test('a base image that the engine has is taken as it is', async () => {
  const { reference, action } = await ensureBase({
    engine,
    environment: process.env,
    emit: () => undefined,
    signal,
  });
  expect(['debian:trixie', 'dwt/debian:trixie']).toContain(reference);
  expect(action).toBe('present');
});
