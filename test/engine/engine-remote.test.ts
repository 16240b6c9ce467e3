import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { connectEngine } from '../../src/engine/connect.ts';
import type { Engine } from '../../src/engine/engine.ts';
import { testBase, testEngine } from '../support/engine.ts';
import { certificates, tlsProxy } from '../wire/engine-tls-proxy.ts';
import { build, ownName, removeImages } from './engine-fixture.ts';
import { startSshd, type TestSshd } from './engine-sshd.ts';

jest.setTimeout(60_000);

/** Everything that uses the connection in a way of its own: answers, builds with a session, raw streams, aborts. */
async function worksThroughout(engine: Engine): Promise<void> {
  expect((await engine.version()).os).toBe('linux');
  const session = await engine.openSession({
    credentials: async () => null,
    secret: async () => Buffer.from('far'),
  });
  const dockerfile = (mark: string): string =>
    `FROM ${testBase()}\nRUN --mount=type=secret,id=token cat /run/secrets/token; : ${mark}\n`;
  const built = await Promise.all([1, 2, 3, 4].map(() => build(engine, dockerfile(ownName()), { session })));
  for (const { log } of built) expect(log).toContain('far');
  const controller = new AbortController();
  const stopped = build(engine, `FROM ${testBase()}\nRUN echo ${ownName()}; sleep 60\n`, {
    session,
    signal: controller.signal,
    onProgress: (each) => {
      if (each.type === 'vertex-log') controller.abort();
    },
  });
  await expect(stopped).rejects.toMatchObject({ code: 'INTERRUPTED' });
  await session.close();
  const container = await engine.createContainer({
    name: ownName(),
    image: testBase(),
    command: ['sleep', '60'],
  });
  try {
    await engine.startContainer(container);
    const echoed = await engine.exec(container, ['cat'], { stdin: 'x'.repeat(500_000) });
    expect(echoed).toEqual({ exitCode: 0, stdout: 'x'.repeat(500_000), stderr: '' });
  } finally {
    await engine.removeContainer(container);
    await removeImages(engine);
  }
}

test('an engine behind TLS that asks for a client certificate', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'dwt-remote-'));
  certificates(folder);
  const proxy = await tlsProxy(folder, testEngine());
  const engine = await connectEngine({
    environment: {
      DOCKER_HOST: `tcp://127.0.0.1:${proxy.port}`,
      DOCKER_TLS_VERIFY: '1',
      DOCKER_CERT_PATH: join(folder, 'client'),
    },
  });
  try {
    await worksThroughout(engine);
  } finally {
    engine.close();
    proxy.close();
    rmSync(folder, { recursive: true, force: true });
  }
});

describe('an engine behind ssh', () => {
  let sshd: TestSshd;
  let environment: Record<string, string | undefined>;

  beforeAll(async () => {
    sshd = await startSshd(testEngine());
    environment = { ...process.env, PATH: `${sshd.bin}:${process.env['PATH']}` };
  });

  afterAll(async () => {
    await sshd?.stop();
  });

  const sockets = (): string[] => readdirSync(tmpdir()).filter((name) => name.startsWith('dwt-ssh-'));

  test('by an alias of the user’s configuration, in one login for all that a server allows on one', async () => {
    const before = sockets();
    const engine = await connectEngine({ engine: `ssh://${sshd.host}`, environment });
    // Other tests use ssh at the same time: theirs may be among them.
    const made = sockets().filter((name) => !before.includes(name));
    for (let request = 0; request < 5; request += 1) await engine.imagesByLabel([`dwt.none=${request}`]);
    expect(sshd.logins()).toBe(1);
    // The server allows three channels on a login; this takes more of them.
    await worksThroughout(engine);
    engine.close();
    const gone = () => made.filter((name) => !sockets().includes(name));
    for (let tries = 0; tries < 40 && gone().length === 0; tries += 1) {
      await new Promise((later) => setTimeout(later, 50));
    }
    expect(gone()).not.toEqual([]);
  });

  test('that does not let us in', async () => {
    const refused = connectEngine({ engine: `ssh://nobody-${ownName()}@${sshd.host}`, environment });
    await expect(refused).rejects.toMatchObject({
      code: 'ENGINE_UNREACHABLE',
      message: expect.stringMatching(/Permission denied/),
      hint: expect.stringContaining('ssh nobody-'),
    });
  });

  test('on a host that is not there', async () => {
    const refused = connectEngine({ engine: 'ssh://no-such-host.invalid', environment });
    await expect(refused).rejects.toMatchObject({
      code: 'ENGINE_UNREACHABLE',
      message: expect.stringMatching(/no-such-host\.invalid/),
    });
  });
});
