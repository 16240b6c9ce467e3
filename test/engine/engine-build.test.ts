import { Readable } from 'node:stream';
import { afterAll, afterEach, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { BuildFailure } from '../../src/engine/build-failure.ts';
import type { BuildProgress, Engine, SessionProviders } from '../../src/engine/engine.ts';
import { DwtError } from '../../src/errors.ts';
import { testBase } from '../support/engine.ts';
import { startRegistry } from '../support/registry.ts';
import { build, connected, logOf, ownName, removeImages, steps } from './engine-fixture.ts';

jest.setTimeout(60_000);

let engine: Engine;
const images: string[] = [];
const closing: (() => unknown)[] = [];

beforeAll(async () => {
  engine = await connected();
});

afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

afterAll(async () => {
  await removeImages(engine, images);
  engine.close();
});

function image(): string {
  const name = `${ownName()}:1`;
  images.push(name);
  return name;
}

async function session(providers: Partial<SessionProviders>) {
  const opened = await engine.openSession({
    credentials: async () => null,
    secret: async () => null,
    ...providers,
  });
  closing.push(() => opened.close());
  return opened;
}

describe('a build', () => {
  test('tags, labels and names its steps; a second one finds them in the cache', async () => {
    const [tag, other, mark] = [image(), image(), ownName()];
    const dockerfile = `FROM ${testBase()} AS base\nARG WORD\nRUN echo ${mark} $WORD\nFROM base AS leaf\nRUN echo leaf ${mark}\n`;
    const request = {
      target: 'leaf',
      tags: [tag, other],
      labels: { 'dwt.test': mark },
      buildArguments: { WORD: 'a b' },
    };
    const first = await build(engine, dockerfile, request);
    expect(first.log).toContain(`${mark} a b\n`);
    expect(steps(first.progress).cached).toEqual([]);
    expect(steps(first.progress).ran).toEqual(
      [`[base 2/2] RUN echo ${mark} a b`, `[leaf 1/1] RUN echo leaf ${mark}`].map((name) =>
        expect.stringContaining(name.slice(0, 12)),
      ),
    );
    const found = await engine.imagesByLabel([`dwt.test=${mark}`]);
    expect(found).toEqual([
      expect.objectContaining({ id: first.id, references: expect.arrayContaining([tag, other]) }),
    ]);
    const second = await build(engine, dockerfile, request);
    expect(second.id).toBe(first.id);
    expect(steps(second.progress).ran).toEqual([]);
    expect(steps(second.progress).cached).toHaveLength(2);
    const third = await build(engine, dockerfile, { ...request, noCache: true });
    expect(steps(third.progress).ran).toHaveLength(2);
  });

  test('fails with the step and what it said', async () => {
    const progress: BuildProgress[] = [];
    const failure = await build(
      engine,
      `FROM ${testBase()} AS base\nRUN echo the reason >&2; exit 7\n`,
      {},
      progress,
    ).catch((error) => error);
    expect(failure).toBeInstanceOf(BuildFailure);
    expect(failure.code).toBe('BUILD_FAILED');
    expect(failure.message).toContain('exit code: 7');
    // BuildKit names the stage only where there is more than one.
    expect(failure.vertex.name).toBe('[2/2] RUN echo the reason >&2; exit 7');
    const logs = progress.filter(
      (each) => each.type === 'vertex-log' && each.vertex === failure.vertex.digest,
    );
    expect(logOf(logs)).toContain('the reason');
    const end = progress.find(
      (each) => each.type === 'vertex-finished' && each.vertex === failure.vertex.digest,
    );
    expect(end).toMatchObject({ error: expect.stringContaining('exit code: 7') });
  });

  test.each([
    ['a syntax error', 'FROM scratch\nRUNN x\n', /unknown instruction: RUNN/i],
    ['an empty Dockerfile', '', /empty|no build stage/i],
    ['a stage that is not there', 'FROM scratch AS a\n', /target/],
  ])('fails without a step for %s', async (_name, dockerfile, message) => {
    const failure = await build(engine, dockerfile, { target: 'nowhere' }).catch((error) => error);
    expect(failure).toMatchObject({ code: 'BUILD_FAILED', message: expect.stringMatching(message) });
  });

  test('passes bytes that are no UTF-8', async () => {
    const progress: BuildProgress[] = [];
    await build(
      engine,
      `FROM ${testBase()}\nRUN printf '\\377\\376\\303\\050'; : ${ownName()}\n`,
      {},
      progress,
    );
    const bytes = Buffer.concat(progress.flatMap((each) => (each.type === 'vertex-log' ? [each.data] : [])));
    expect([...bytes]).toEqual([0xff, 0xfe, 0xc3, 0x28]);
  });

  test('whose context breaks fails with the reason', async () => {
    const reason = new DwtError('CONTEXT_CHANGED', 'It changed.');
    async function* broken(): AsyncGenerator<Buffer> {
      yield Buffer.alloc(1_000_000);
      await new Promise((later) => setTimeout(later, 200));
      throw reason;
    }
    await expect(build(engine, '', { context: () => Readable.from(broken()) })).rejects.toBe(reason);
  });
});

describe('an abort', () => {
  test('ends the build on the engine within 2 s and tags nothing', async () => {
    const tag = image();
    const mark = ownName();
    const controller = new AbortController();
    // The heartbeat of the step goes to a cache mount, where a later build sees when it stopped.
    const mount = `--mount=type=cache,id=${mark},target=/beat`;
    const running = build(
      engine,
      `FROM ${testBase()}\nRUN ${mount} while :; do date +%s%N > /beat/last; echo beat; sleep 0.1; done\n`,
      {
        tags: [tag],
        signal: controller.signal,
        session: await session({}),
        onProgress: (each) => {
          if (each.type === 'vertex-log') controller.abort();
        },
      },
    );
    await expect(running).rejects.toMatchObject({ code: 'INTERRUPTED' });
    await new Promise((later) => setTimeout(later, 2000));
    const read = `FROM ${testBase()}\nRUN ${mount} date +%s%N; cat /beat/last; : `;
    const { log } = await build(engine, `${read}${mark}\n`);
    const [now = 0, last = 0] = log.trim().split('\n').map(Number);
    expect((now - last) / 1e9).toBeGreaterThan(0.5);
    expect(await engine.inspectImage(tag)).toBeNull();
  });
});

describe('a session', () => {
  const cat = (mark: string, options = ''): string =>
    `FROM ${testBase()}\nRUN --mount=type=secret,id=token${options} cat /run/secrets/token || echo none; : ${mark}\n`;

  test('gives a secret to the step that mounts it, and to nothing else', async () => {
    const asked: string[] = [];
    const opened = await session({
      secret: async (id) => {
        asked.push(id);
        return id === 'token' ? Buffer.from('s3cret') : null;
      },
    });
    const tag = image();
    const { log } = await build(engine, cat(ownName()), { session: opened, tags: [tag] });
    expect(log).toContain('s3cret');
    expect(asked).toContain('token');
    const id = await engine.createContainer({ name: ownName(), image: tag, command: ['true'] });
    closing.push(() => engine.removeContainer(id));
    await expect(engine.readArchive(id, '/run/secrets/token')).rejects.toMatchObject({ status: 404 });
  });

  test('that has no such secret lets a step go on without it', async () => {
    const { log } = await build(engine, cat(ownName()), { session: await session({}) });
    expect(log).toContain('none');
  });

  test('that has no such secret fails a step that requires it, by its name', async () => {
    const failure = await build(engine, cat(ownName(), ',required=true'), {
      session: await session({}),
    }).catch((error) => error);
    expect(failure).toMatchObject({ code: 'BUILD_FAILED', message: expect.stringContaining('token') });
  });

  test.each<[string, SessionProviders['secret'], RegExp]>([
    ['is too large', async () => Buffer.alloc(500 * 1024 + 1), /512001 bytes; BuildKit takes at most 512000/],
    ['cannot be read', async () => Promise.reject(new Error('the vault is sealed')), /the vault is sealed/],
  ])('fails a step whose secret %s, and says why', async (_name, secret, message) => {
    const failure = await build(engine, cat(ownName()), { session: await session({ secret }) }).catch(
      (error) => error,
    );
    expect(failure).toMatchObject({ code: 'BUILD_FAILED', message: expect.stringMatching(message) });
  });

  test('serves several builds at once, which share their steps', async () => {
    const opened = await session({ secret: async () => Buffer.from('shared') });
    const mark = ownName();
    const dockerfile = [
      `FROM ${testBase()} AS base`,
      `RUN --mount=type=secret,id=token sleep 0.3; cat /run/secrets/token; : ${mark}`,
      ...['a', 'b', 'c', 'd'].flatMap((leaf) => [`FROM base AS ${leaf}`, `RUN echo ${leaf} ${mark}`]),
    ].join('\n');
    const progress: BuildProgress[][] = [[], [], [], []];
    const targets = ['a', 'b', 'c', 'd'];
    const built = await Promise.all(
      targets.map((target, index) => build(engine, dockerfile, { target, session: opened }, progress[index])),
    );
    expect(new Set(built.map(({ id }) => id)).size).toBe(4);
    for (const [index, each] of built.entries()) expect(each.log).toContain(`${targets[index]} ${mark}`);
    const digests = progress
      .flat()
      .flatMap((each) =>
        each.type === 'vertex-finished' && each.name.includes('token') ? [each.vertex] : [],
      );
    expect(new Set(digests).size).toBe(1);
  });

  test('is asked for the credentials of the host that a FROM names, and the registry takes them', async () => {
    const credentials = { username: 'reader', password: 'pässwörd' };
    const registry = await startRegistry({ credentials });
    closing.push(() => registry.stop());
    const reference = `${registry.host}/${ownName()}:1`;
    await engine.tag(testBase(), reference);
    images.push(reference);
    const auth = { ...credentials, serverAddress: registry.host };
    const never = new AbortController().signal;
    const { digest } = await engine.push(reference, auth, () => {}, never);
    expect(await engine.remoteDigest(reference, auth)).toBe(digest);
    expect(await engine.remoteDigest(`${reference}x`, auth)).toBeNull();
    await engine.removeImage(reference);
    const asked: string[] = [];
    const opened = await session({
      credentials: async (host) => {
        asked.push(host);
        return host === registry.host
          ? { username: credentials.username, secret: credentials.password }
          : null;
      },
    });
    const from = `FROM ${reference}\nRUN echo ${ownName()}\n`;
    await build(engine, from, { session: opened, pull: true });
    expect(new Set(asked)).toEqual(new Set([registry.host]));
    const stranger = build(engine, `${from}RUN true\n`, { session: await session({}), pull: true });
    await expect(stranger).rejects.toMatchObject({ code: 'BUILD_FAILED' });
    await engine.pull(reference, auth, () => {}, never);
    await engine.removeImage(reference);
    await expect(engine.pull(reference, null, () => {}, never)).rejects.toMatchObject({
      code: 'ENGINE_REFUSED',
    });
  });
});
