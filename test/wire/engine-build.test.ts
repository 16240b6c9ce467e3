import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { afterEach, describe, expect, test } from '@jest/globals';
import type { BuildFailure } from '../../src/engine/build-failure.ts';
import { connectEngine } from '../../src/engine/connect.ts';
import type { BuildProgress, BuildRequest } from '../../src/engine/engine.ts';
import { DwtError } from '../../src/errors.ts';
import { json, type Script, type ScriptedEngine, scriptedEngine } from './engine-scripted.ts';
import { failure, imageId, log, status, trace, vertex, warning } from './engine-status.ts';

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

const id = `sha256:${'a'.repeat(64)}`;

interface Outcome {
  readonly engine: ScriptedEngine;
  readonly progress: BuildProgress[];
  readonly result: { id: string } | Error;
}

async function build(script: Script, overrides: Partial<BuildRequest> = {}): Promise<Outcome> {
  const engine = await scriptedEngine(script);
  closing.push(() => engine.close());
  const client = await connectEngine({ engine: engine.url, environment: {} });
  closing.push(() => client.close());
  const progress: BuildProgress[] = [];
  const request: BuildRequest = {
    context: () => Readable.from([Buffer.from('the tar')]),
    dockerfile: 'Dockerfile',
    target: 'python',
    tags: ['p/python:latest'],
    labels: {},
    buildArguments: {},
    platform: null,
    noCache: false,
    pull: false,
    session: null,
    signal: new AbortController().signal,
    onProgress: (each) => void progress.push(each),
    ...overrides,
  };
  const result = await client.build(request).catch((error: Error) => error);
  return { engine, progress, result };
}

const says =
  (...lines: (string | Uint8Array)[]): Script =>
  (_asked, answer) => {
    answer.writeHead(200, { 'Content-Type': 'application/json' });
    for (const line of lines) answer.write(line);
    answer.end();
  };

const cut =
  (...lines: string[]): Script =>
  (_asked, answer: ServerResponse) => {
    answer.writeHead(200, { 'Content-Type': 'application/json' });
    for (const line of lines) answer.write(line);
    setTimeout(() => answer.destroy(), 20);
  };

const code = (result: Outcome['result']): string =>
  result instanceof DwtError ? result.code : `not a DwtError: ${String(result)}`;

describe('what is sent', () => {
  test('a BuildKit build with every option, and the context as it is', async () => {
    const { engine, result } = await build(says(imageId(id)), {
      tags: ['p/python:latest', 'p/python:2'],
      labels: { 'dwt.key': 'k&=ü' },
      buildArguments: { PACKAGES_EPOCH: '0' },
      platform: 'linux/amd64',
      noCache: true,
      pull: true,
      session: { id: 'a-session', close: async () => {} },
    });
    expect(result).toEqual({ id });
    const [asked] = engine.asked;
    expect(asked?.method).toBe('POST');
    expect(asked?.path).toBe('/v1.45/build');
    expect([...(asked?.query ?? [])].sort()).toEqual(
      [
        ['version', '2'],
        ['dockerfile', 'Dockerfile'],
        ['target', 'python'],
        ['t', 'p/python:latest'],
        ['t', 'p/python:2'],
        ['labels', '{"dwt.key":"k&=ü"}'],
        ['buildargs', '{"PACKAGES_EPOCH":"0"}'],
        ['platform', 'linux/amd64'],
        ['nocache', '1'],
        ['pull', '1'],
        ['session', 'a-session'],
      ].sort(),
    );
    expect(asked?.headers['content-type']).toBe('application/x-tar');
    expect(asked?.body.toString()).toBe('the tar');
  });

  test('nothing that was not asked for', async () => {
    const { engine } = await build(says(imageId(id)));
    expect([...(engine.asked[0]?.query.keys() ?? [])].sort()).toEqual([
      'buildargs',
      'dockerfile',
      'labels',
      't',
      'target',
      'version',
    ]);
  });
});

describe('what is understood', () => {
  test('each change of a vertex once, however often it is repeated', async () => {
    const running = vertex({ digest: 'sha256:1', name: '[python 2/5] RUN x', started: 10 });
    const done = vertex({ digest: 'sha256:1', name: '[python 2/5] RUN x', started: 10, completed: 12.5 });
    const { progress, result } = await build(
      says(
        trace(vertex({ digest: 'sha256:1', name: '[python 2/5] RUN x' })),
        trace(running),
        trace(running, log('sha256:1', 2, Buffer.from('out')), status('sha256:1', 'layer', 5n, 0n)),
        trace(status('sha256:1', 'big', 5_000_000_000n, 6_000_000_000n)),
        trace(done),
        trace(done),
        trace(
          vertex({ digest: 'sha256:2', name: '[base 1/2] FROM x', cached: true, started: 11, completed: 11 }),
        ),
        trace(warning('Old syntax', 'more', 'https://example.com/w')),
        imageId(id),
      ),
    );
    expect(result).toEqual({ id });
    expect(progress).toEqual([
      { type: 'vertex-started', vertex: 'sha256:1', name: '[python 2/5] RUN x' },
      { type: 'vertex-status', vertex: 'sha256:1', item: 'layer', current: 5, total: null },
      { type: 'vertex-log', vertex: 'sha256:1', stream: 2, data: Buffer.from('out') },
      {
        type: 'vertex-status',
        vertex: 'sha256:1',
        item: 'big',
        current: 5_000_000_000,
        total: 6_000_000_000,
      },
      {
        type: 'vertex-finished',
        vertex: 'sha256:1',
        name: '[python 2/5] RUN x',
        cached: false,
        seconds: 2.5,
        error: null,
      },
      { type: 'vertex-started', vertex: 'sha256:2', name: '[base 1/2] FROM x' },
      {
        type: 'vertex-finished',
        vertex: 'sha256:2',
        name: '[base 1/2] FROM x',
        cached: true,
        seconds: 0,
        error: null,
      },
      { type: 'warning', message: 'Old syntax. more (https://example.com/w)' },
    ]);
  });

  test('a vertex that runs a second time is told a second time', async () => {
    const run = (started: number, completed?: number): string =>
      trace(
        vertex({ digest: 'sha256:1', name: 'copy', started, ...(completed !== undefined && { completed }) }),
      );
    const { progress } = await build(says(run(1), run(1, 2), run(3), run(3, 4), imageId(id)));
    expect(progress.map(({ type }) => type)).toEqual([
      'vertex-started',
      'vertex-finished',
      'vertex-started',
      'vertex-finished',
    ]);
  });

  test('a log line of 10 MB and bytes that are no UTF-8, unchanged', async () => {
    const long = Buffer.alloc(10_000_000, 'x');
    const strange = Buffer.from([0x00, 0xff, 0xfe, 0xc3, 0x28, 0x0a]);
    const { progress } = await build(
      says(trace(log('v', 1, long)), trace(log('v', 1, strange)), imageId(id)),
    );
    const logs = progress.flatMap((each) => (each.type === 'vertex-log' ? [Buffer.from(each.data)] : []));
    expect(logs.map((bytes) => bytes.length)).toEqual([long.length, strange.length]);
    expect(logs[0]?.equals(long)).toBe(true);
    expect(logs[1]?.equals(strange)).toBe(true);
  });

  test('records that come in pieces of one byte', async () => {
    const stream = trace(vertex({ digest: 'd', name: 'ünïcode', started: 1, completed: 2 })) + imageId(id);
    const { progress, result } = await build(async (_asked, answer) => {
      answer.writeHead(200);
      for (const byte of Buffer.from(stream)) {
        answer.write(Buffer.from([byte]));
        await new Promise(setImmediate);
      }
      answer.end();
    });
    expect(result).toEqual({ id });
    expect(progress).toHaveLength(2);
  });
});

describe('what a failed build is', () => {
  const failing = { digest: 'sha256:bad', name: '[python 3/5] RUN false', started: 1, completed: 2 };

  test('the step that failed of itself, not those that were ended because of it', async () => {
    const { result } = await build(
      says(
        trace(
          vertex({
            ...failing,
            digest: 'sha256:other',
            name: 'other',
            error: 'process did not complete: context canceled',
          }),
        ),
        trace(vertex({ ...failing, error: 'exit code: 1' })),
        failure('failed to solve: exit code: 1'),
      ),
    );
    expect(code(result)).toBe('BUILD_FAILED');
    expect((result as BuildFailure).vertex).toEqual({
      digest: 'sha256:bad',
      name: failing.name,
      error: 'exit code: 1',
    });
    expect((result as Error).message).toBe('The build failed: failed to solve: exit code: 1.');
  });

  test('an error wins over an image id', async () => {
    const { result } = await build(says(imageId(id), failure('cannot tag')));
    expect(code(result)).toBe('BUILD_FAILED');
    expect((result as BuildFailure).vertex).toBeNull();
  });

  test.each([
    ['errorDetail', failure('write /x: no space left on device')],
    ['error alone', `${JSON.stringify({ error: 'mkdir: disk quota exceeded' })}\n`],
  ])('a full disk is told apart: %s', async (_name, line) => {
    const { result } = await build(says(line));
    expect(code(result)).toBe('DISK_FULL');
    expect((result as DwtError).hint).toMatch(/prune/);
  });

  test.each([400, 404, 500, 503])('an answer with status %i, and what the engine said', async (number) => {
    const { result } = await build((_asked, answer) =>
      json(answer, number, { message: 'dockerfile parse error line 2: unknown instruction: RUNN' }),
    );
    expect(code(result)).toBe('BUILD_FAILED');
    expect((result as Error).message).toContain('line 2: unknown instruction: RUNN');
  });

  test('an error page of something that is no engine', async () => {
    const { result } = await build(
      (_asked, answer) => void answer.writeHead(502).end('<html>Bad Gateway</html>'),
    );
    expect(code(result)).toBe('BUILD_FAILED');
    expect((result as Error).message).toContain('Bad Gateway');
  });

  test.each([
    ['with no record at all', says()],
    ['with steps that went well', says(trace(vertex({ digest: 'd', name: 'n', started: 1, completed: 2 })))],
    ['with an id that is empty', says(imageId(''))],
  ])('a stream that ends %s has built nothing', async (_name, script) => {
    expect(code((await build(script)).result)).toBe('BUILD_NO_IMAGE');
  });

  test('a stream that ends after a failed step, without an error, is a failed build', async () => {
    const { result } = await build(says(trace(vertex({ ...failing, error: 'exit code: 7' }))));
    expect(code(result)).toBe('BUILD_FAILED');
    expect((result as BuildFailure).vertex?.digest).toBe('sha256:bad');
  });
});

describe('what a lost engine is', () => {
  const whole = trace(vertex({ digest: 'd', name: 'n', started: 1 }));

  test.each<[string, Script]>([
    ['a cut between records', cut(whole)],
    ['a cut in a record', cut(whole, whole.slice(0, 40))],
    ['a cut after the image id', cut(imageId(id))],
    ['a cut before any answer', (_asked, answer) => void answer.destroy()],
    ['a line that is not JSON', says('{"id": nonsense}\n', imageId(id))],
    ['a line that is no object', says('[1]\n', imageId(id))],
    [
      'half a message',
      says(
        `${JSON.stringify({ id: 'moby.buildkit.trace', aux: Buffer.from([0x0a, 0x50, 0x0a]).toString('base64') })}\n`,
        imageId(id),
      ),
    ],
    ['no message', says(`${JSON.stringify({ id: 'moby.buildkit.trace', aux: { a: 1 } })}\n`, imageId(id))],
    ['a build that the engine itself cancelled', says(failure('rpc error: context canceled'))],
  ])('%s', async (_name, script) => {
    const { result } = await build(script);
    expect(code(result)).toBe('ENGINE_LOST');
    expect((result as Error).message).toMatch(/^The engine at unix:.* was lost: .*\.$/);
  });

  test('a line without end is given up before it fills memory', async () => {
    const megabyte = Buffer.alloc(1 << 20, 'x');
    let sent = 0;
    const { result } = await build(async (_asked, answer) => {
      answer.writeHead(200);
      while (!answer.destroyed && sent < 500) {
        sent += 1;
        if (!answer.write(megabyte)) await drained(answer);
      }
    });
    expect(code(result)).toBe('ENGINE_LOST');
    expect(sent).toBeLessThan(100);
  });

  test('but what the engine said before the cut is told', async () => {
    const { result } = await build(cut(failure('the cause')));
    expect(code(result)).toBe('BUILD_FAILED');
    expect((result as Error).message).toContain('the cause');
  });
});

/** Until more can be written, or nothing more can be. */
function drained(answer: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      answer.off('drain', done).off('close', done);
      resolve();
    };
    answer.on('drain', done).on('close', done);
  });
}

describe('what the caller does', () => {
  test('an abort ends the request and is the interruption', async () => {
    const controller = new AbortController();
    let closed: Promise<unknown> = Promise.resolve();
    const { result } = await build(
      (_asked, answer) => {
        closed = once(answer, 'close');
        answer.writeHead(200);
        answer.write(trace(vertex({ digest: 'd', name: 'n', started: 1 })));
      },
      { signal: controller.signal, onProgress: () => controller.abort() },
    );
    expect(code(result)).toBe('INTERRUPTED');
    await closed;
  });

  test('an abort before the start sends nothing', async () => {
    const { result, engine } = await build(says(imageId(id)), { signal: AbortSignal.abort() });
    expect(code(result)).toBe('INTERRUPTED');
    expect(engine.asked).toEqual([]);
  });

  test('a context that fails is the cause', async () => {
    const changed = new DwtError('CONTEXT_CHANGED', 'A file changed.');
    async function* broken(): AsyncGenerator<Buffer> {
      yield Buffer.from('some');
      throw changed;
    }
    const { result } = await build(says(imageId(id)), { context: () => Readable.from(broken()) });
    expect(result).toBe(changed);
  });

  test('a consumer that answers a promise is waited for', async () => {
    let busy = 0;
    let most = 0;
    const onProgress = async (): Promise<void> => {
      busy += 1;
      most = Math.max(most, busy);
      await new Promise((later) => setTimeout(later, 5));
      busy -= 1;
    };
    const lines = Array.from({ length: 5 }, () =>
      trace(log('v', 1, Buffer.from('x')), log('v', 1, Buffer.from('y'))),
    );
    const { result } = await build(says(...lines, imageId(id)), { onProgress });
    expect(result).toEqual({ id });
    expect(most).toBe(1);
  });
});
