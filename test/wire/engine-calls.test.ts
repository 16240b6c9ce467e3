import { Readable } from 'node:stream';
import { afterEach, describe, expect, test } from '@jest/globals';
import { connectEngine } from '../../src/engine/connect.ts';
import type { Engine, TransferProgress } from '../../src/engine/engine.ts';
import { EngineRefusal } from '../../src/engine/failure.ts';
import { DwtError } from '../../src/errors.ts';
import { json, type Script, type ScriptedEngine, scriptedEngine } from './engine-scripted.ts';

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

async function against(script: Script): Promise<{ client: Engine; engine: ScriptedEngine }> {
  const engine = await scriptedEngine(script);
  const client = await connectEngine({ engine: engine.url, environment: {} });
  closing.push(
    () => engine.close(),
    () => client.close(),
  );
  return { client, engine };
}

const lines =
  (...records: object[]): Script =>
  (_asked, answer) =>
    void answer
      .writeHead(200, { 'Content-Type': 'application/json' })
      .end(records.map((each) => `${JSON.stringify(each)}\r\n`).join(''));

const never = new AbortController().signal;
const auth = { username: 'me', password: 'p?>~ü', serverAddress: 'r.example' };
const decoded = (header: unknown): unknown => JSON.parse(Buffer.from(String(header), 'base64url').toString());

describe('images', () => {
  test('by label', async () => {
    const { client, engine } = await against((_asked, answer) =>
      json(answer, 200, [
        { Id: 'sha256:1', RepoTags: null, RepoDigests: ['<none>@<none>'], Labels: null, Size: 5 },
        {
          Id: 'sha256:2',
          RepoTags: ['<none>:<none>', 'a:1'],
          RepoDigests: null,
          Labels: { 'dwt.key': 'k' },
          Size: 6,
        },
      ]),
    );
    expect(await client.imagesByLabel(['dwt.project=p', 'dwt.key'])).toEqual([
      { id: 'sha256:1', references: [], digests: [], labels: {}, size: 5 },
      { id: 'sha256:2', references: ['a:1'], digests: [], labels: { 'dwt.key': 'k' }, size: 6 },
    ]);
    expect(engine.asked[0]?.query.get('filters')).toBe('{"label":["dwt.project=p","dwt.key"]}');
  });

  test('an image that is not there is null by status, and an error is one by status', async () => {
    const { client } = await against(({ path }, answer) =>
      json(answer, path.includes('gone') ? 404 : 500, { message: 'No such image: x' }),
    );
    expect(await client.inspectImage('gone:1')).toBeNull();
    await expect(client.inspectImage('other:1')).rejects.toMatchObject({
      code: 'ENGINE_REFUSED',
      status: 500,
      said: 'No such image: x',
    });
    await expect(client.tag('gone:1', 'a:b')).rejects.toMatchObject({ code: 'IMAGE_NOT_FOUND' });
    await client.removeImage('gone:1');
  });

  test('a digest is asked of the registry with credentials, in a header', async () => {
    const { client, engine } = await against((_asked, answer) =>
      json(answer, 200, { Descriptor: { digest: 'sha256:d' } }),
    );
    expect(await client.remoteDigest('r.example/a/b:1', auth)).toBe('sha256:d');
    const [asked] = engine.asked;
    expect(asked?.path).toBe('/v1.45/distribution/r.example/a/b:1/json');
    expect(decoded(asked?.headers['x-registry-auth'])).toEqual({
      username: 'me',
      password: auth.password,
      serveraddress: 'r.example',
    });
    expect(String(asked?.headers['x-registry-auth'])).not.toMatch(/[+/]/);
  });

  test('a push answers the digest, and tells its progress', async () => {
    const { client, engine } = await against(
      lines(
        { status: 'The push refers to repository [r]' },
        { id: 'layer', status: 'Pushing', progressDetail: { current: 1, total: 9 } },
        { progressDetail: {}, aux: { Tag: 't', Digest: 'sha256:d', Size: 528 } },
      ),
    );
    const progress: TransferProgress[] = [];
    const result = await client.push('localhost:5000/a/b:t', auth, (each) => void progress.push(each), never);
    expect(result).toEqual({ digest: 'sha256:d', size: 528 });
    expect(progress).toEqual([
      { layer: 'layer', status: 'Pushing', current: 1, total: 9, arrived: false, struggles: false },
    ]);
    expect(engine.asked[0]?.path).toBe('/v1.45/images/localhost:5000/a/b/push');
    expect([...(engine.asked[0]?.query ?? [])]).toEqual([['tag', 't']]);
  });

  test('a push without a digest, or with an error in its stream, has failed', async () => {
    const quiet = await against(lines({ status: 'done' }));
    await expect(quiet.client.push('a:b', null, () => {}, never)).rejects.toBeInstanceOf(EngineRefusal);
    const failed = await against(lines({ errorDetail: { message: 'denied: no' }, error: 'denied: no' }));
    await expect(failed.client.push('a:b', null, () => {}, never)).rejects.toMatchObject({
      said: 'denied: no',
      status: null,
    });
  });

  test.each([
    ['a:b', 'a', 'b'],
    ['localhost:5000/a', 'localhost:5000/a', 'latest'],
    ['r/a@sha256:0', 'r/a', 'sha256:0'],
  ])('a pull of %s asks for one image', async (reference, name, tag) => {
    const { client, engine } = await against(lines({ status: 'ok' }));
    await client.pull(reference, null, () => {}, never);
    expect(Object.fromEntries(engine.asked[0]?.query ?? [])).toEqual({ fromImage: name, tag });
  });

  test('an import sends the tar and the changes one by one', async () => {
    const { client, engine } = await against(({ path }, answer) =>
      path.endsWith('/json')
        ? json(answer, 200, {
            Id: 'sha256:i',
            RepoTags: [],
            RepoDigests: [],
            Size: 1,
            RootFS: {},
            Config: null,
          })
        : json(answer, 200, { status: 'sha256:i' }),
    );
    expect(
      await client.importImage(Readable.from([Buffer.from('tar')]), 'a/b:c', ['CMD ["bash"]', 'ENV A=b']),
    ).toBe('sha256:i');
    expect([...(engine.asked[0]?.query ?? [])]).toEqual([
      ['fromSrc', '-'],
      ['repo', 'a/b'],
      ['tag', 'c'],
      ['changes', 'CMD ["bash"]'],
      ['changes', 'ENV A=b'],
    ]);
    expect(engine.asked[0]?.body.toString()).toBe('tar');
  });
});

describe('containers', () => {
  test('what is created is in the body, the name in the query', async () => {
    const { client, engine } = await against((_asked, answer) => json(answer, 201, { Id: 'c1' }));
    const id = await client.createContainer({
      name: 'n',
      image: 'i',
      command: ['a'],
      environment: { A: 'b=c' },
      labels: { l: 'v' },
      network: 'container:x',
      pid: 'container:x',
      volumes: { vol: '/home' },
      capabilities: ['SYS_PTRACE'],
      publish: [8888],
      host: { ReadonlyRootfs: true },
    });
    expect(id).toBe('c1');
    expect([...(engine.asked[0]?.query ?? [])]).toEqual([['name', 'n']]);
    expect(JSON.parse(String(engine.asked[0]?.body))).toEqual({
      Image: 'i',
      Cmd: ['a'],
      Env: ['A=b=c'],
      Labels: { l: 'v' },
      ExposedPorts: { '8888/tcp': {} },
      HostConfig: {
        NetworkMode: 'container:x',
        PidMode: 'container:x',
        Binds: ['vol:/home'],
        CapAdd: ['SYS_PTRACE'],
        PortBindings: { '8888/tcp': [{ HostIp: '127.0.0.1', HostPort: '' }] },
        ReadonlyRootfs: true,
      },
    });
  });

  test('log frames are put together over any boundary', async () => {
    const frame = (stream: number, text: string): Buffer => {
      const header = Buffer.alloc(8);
      header[0] = stream;
      header.writeUInt32BE(Buffer.byteLength(text), 4);
      return Buffer.concat([header, Buffer.from(text)]);
    };
    const long = 'x'.repeat(200);
    const { client } = await against(
      (_asked, answer) =>
        void answer.end(Buffer.concat([frame(1, 'out\n'), frame(2, 'ünïcode\n'), frame(1, long)])),
    );
    expect(await client.containerLogs('c', 10)).toBe(`out\nünïcode\n${long}`);
  });

  test('what is gone needs no removal; what is in use is told', async () => {
    const { client } = await against(({ path }, answer) =>
      json(answer, path.includes('used') ? 409 : 404, { message: 'in use' }),
    );
    await client.removeContainer('gone');
    await client.removeNetwork('gone');
    await client.removeVolume('gone');
    await client.signalContainer('used', 'SIGTERM');
    await expect(client.removeVolume('used')).rejects.toMatchObject({ code: 'ENGINE_REFUSED', status: 409 });
  });
});

describe('an answer that breaks', () => {
  test.each<[string, (client: Engine) => Promise<unknown>]>([
    ['of the client itself', (client) => client.imagesByLabel([])],
    ['of dockerode', (client) => client.containerState('c')],
    ['of a transfer', (client) => client.pull('a:b', null, () => {}, never)],
  ])('in the middle is an engine lost: %s', async (_name, call) => {
    const { client } = await against((_asked, answer) => {
      answer.writeHead(200, { 'Content-Type': 'application/json', 'Content-Length': '1000' });
      answer.write('{"Id": ');
      setTimeout(() => answer.destroy(), 20);
    });
    await expect(call(client)).rejects.toMatchObject({ code: 'ENGINE_LOST' });
  });

  test('or is not what it says it is', async () => {
    const { client } = await against(
      (_asked, answer) => void answer.writeHead(200, { 'Content-Type': 'application/json' }).end('<html>'),
    );
    await expect(client.imagesByLabel([])).rejects.toMatchObject({ code: 'ENGINE_LOST' });
  });

  test('a kept connection that the engine closed is opened anew for what only reads', async () => {
    let answered = 0;
    const { client } = await against((_asked, answer) => {
      answered += 1;
      if (answered === 2) answer.destroy();
      else json(answer, 200, []);
    });
    expect(await client.imagesByLabel([])).toEqual([]);
    expect(await client.imagesByLabel([])).toEqual([]);
    expect(answered).toBe(3);
  });

  test('a full disk is told apart', async () => {
    const { client } = await against((_asked, answer) =>
      json(answer, 500, { message: 'write /var/lib: no space left on device' }),
    );
    const error = await client.loadImage(Readable.from(['x'])).catch((thrown) => thrown);
    expect(error).toBeInstanceOf(DwtError);
    expect(error.code).toBe('DISK_FULL');
  });
});
