import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { Readable } from 'node:stream';
import { buffer, text } from 'node:stream/consumers';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { extract, pack } from 'tar-stream';
import type { ContainerSpec, Engine } from '../../src/engine/engine.ts';
import { testBase } from '../support/engine.ts';
import { connected, context, ownName, removeImages } from './engine-fixture.ts';

jest.setTimeout(60_000);

let engine: Engine;
const closing: (() => Promise<void>)[] = [];

beforeAll(async () => {
  engine = await connected();
});

afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

afterAll(() => engine.close());

async function container(spec: Partial<ContainerSpec> = {}): Promise<string> {
  const id = await engine.createContainer({
    name: ownName(),
    image: testBase(),
    command: ['sleep', '60'],
    ...spec,
  });
  closing.push(() => engine.removeContainer(id));
  return id;
}

async function running(spec: Partial<ContainerSpec> = {}): Promise<string> {
  const id = await container(spec);
  await engine.startContainer(id);
  return id;
}

describe('a container', () => {
  test('from its creation to its end', async () => {
    const id = await container({
      command: ['sh', '-c', 'trap "exit 9" TERM; echo ready; while :; do sleep 0.1; done'],
      publish: [8888],
    });
    expect(await engine.containerState(id)).toMatchObject({ id, running: false, exitCode: null, pid: 0 });
    await engine.startContainer(id);
    const state = await engine.containerState(id);
    expect(state).toMatchObject({ running: true, exitCode: null, oomKilled: false });
    expect(state.pid).toBeGreaterThan(0);
    expect(state.published[8888]).toBeGreaterThan(0);
    expect(Object.values(state.addresses)).toHaveLength(1);
    for (let tries = 0; tries < 50 && !(await engine.containerLogs(id, 10)).includes('ready'); tries += 1) {
      await new Promise((later) => setTimeout(later, 50));
    }
    const ended = engine.waitContainer(id);
    await engine.signalContainer(id, 'SIGTERM');
    expect(await ended).toBe(9);
    expect(await engine.containerState(id)).toMatchObject({ running: false, exitCode: 9 });
    await engine.signalContainer(id, 'SIGTERM');
    await engine.removeContainer(id);
    await engine.removeContainer(id);
    await expect(engine.containerState(id)).rejects.toMatchObject({ code: 'ENGINE_REFUSED', status: 404 });
  });

  test('of an image that is not there', async () => {
    await expect(container({ image: `${ownName()}:1` })).rejects.toMatchObject({ code: 'IMAGE_NOT_FOUND' });
  });

  test('is waited for until the caller gives up', async () => {
    const id = await running();
    await expect(engine.waitContainer(id, AbortSignal.timeout(100))).rejects.toMatchObject({
      code: 'INTERRUPTED',
    });
  });

  test('logs its last lines from both outputs', async () => {
    const id = await running({
      command: ['sh', '-c', 'for i in 1 2 3 4; do echo out $i; done; echo err >&2'],
    });
    await engine.waitContainer(id);
    const lines = (await engine.containerLogs(id, 100)).trim().split('\n');
    expect(lines.sort()).toEqual(['err', 'out 1', 'out 2', 'out 3', 'out 4']);
    expect((await engine.containerLogs(id, 2)).trim().split('\n')).toHaveLength(2);
  });
});

describe('a command in a container', () => {
  test('gives back its outputs, its exit code and what it was given', async () => {
    const id = await running();
    const result = await engine.exec(id, ['sh', '-c', 'cat; echo "$A $(id -u)" >&2; exit 3'], {
      user: '12:12',
      environment: { A: 'b c' },
      stdin: 'ünïcode\n'.repeat(50_000),
    });
    expect(result).toEqual({ exitCode: 3, stdout: 'ünïcode\n'.repeat(50_000), stderr: 'b c 12\n' });
  });

  test('without input sees the end of it', async () => {
    expect(await engine.exec(await running(), ['cat'])).toEqual({ exitCode: 0, stdout: '', stderr: '' });
  });

  test('that does not read its input ends all the same', async () => {
    const result = await engine.exec(await running(), ['true'], { stdin: Buffer.alloc(1_000_000) });
    expect(result.exitCode).toBe(0);
  });

  test('that takes too long is given up', async () => {
    const started = Date.now();
    const late = engine.exec(await running(), ['sleep', '30'], { timeoutMs: 300 });
    await expect(late).rejects.toMatchObject({
      code: 'NOT_READY',
      message: expect.stringContaining('0.3 s'),
    });
    expect(Date.now() - started).toBeLessThan(5000);
  });

  test('that is not there is an exit code, in a container that has ended a refusal', async () => {
    const id = await running();
    const result = await engine.exec(id, ['no-such-command']).catch((error) => error);
    // Engines before 28 answer the start; later ones refuse it.
    expect(result.exitCode ?? result.status).toEqual(expect.any(Number));
    const ended = await container();
    await expect(engine.exec(ended, ['true'])).rejects.toMatchObject({ code: 'ENGINE_REFUSED', status: 409 });
  });
});

describe('a command as a connection', () => {
  test('carries both ways what is more than any buffer holds, and ends with the command', async () => {
    const connection = await engine.openExec(await running(), ['cat'], { user: '0' });
    const sent = randomBytes(3_000_000);
    Readable.from([sent]).pipe(connection);
    expect(sent.equals(await buffer(connection))).toBe(true);
  });

  test('fails with what the command says on stderr', async () => {
    const connection = await engine.openExec(await running(), ['sh', '-c', 'echo half; echo no way >&2']);
    await expect(text(connection)).rejects.toThrow('no way');
  });

  test('takes its stdin away from a command when it is destroyed', async () => {
    const id = await running();
    const connection = await engine.openExec(id, ['sh', '-c', 'echo begun; cat; touch /tmp/ended']);
    await once(connection, 'data');
    connection.destroy();
    const ended = () => engine.exec(id, ['test', '-e', '/tmp/ended']);
    while ((await ended()).exitCode !== 0) await pause(50);
  });
});

describe('files', () => {
  test('go in and come out', async () => {
    const id = await running();
    await engine.writeArchive(id, '/tmp', context({ 'a.txt': 'one', 'b/c.txt': 'x'.repeat(100_000) }));
    expect((await engine.exec(id, ['wc', '-c', '/tmp/b/c.txt'])).stdout).toMatch(/^100000 /);
    const found = new Map<string, string>();
    const entries = extract();
    (await engine.readArchive(id, '/tmp/a.txt')).pipe(entries);
    for await (const entry of entries) found.set(entry.header.name, await text(entry));
    expect(found).toEqual(new Map([['a.txt', 'one']]));
    await expect(engine.readArchive(id, '/nowhere')).rejects.toMatchObject({ status: 404 });
    await expect(engine.writeArchive(id, '/nowhere', context({}))).rejects.toMatchObject({ status: 404 });
  });
});

describe('networks and volumes', () => {
  test('are made, joined, found by their label and removed', async () => {
    const name = ownName();
    const labels = { 'dwt.test': name };
    const network = await engine.createNetwork(name, { internal: true, labels });
    closing.push(() => engine.removeNetwork(network));
    await engine.createVolume(`${name}-home`, labels);
    closing.push(() => engine.removeVolume(`${name}-home`));
    const server = await running({ labels, network: 'none' });
    const shared = await running({
      network: name,
      volumes: { [`${name}-home`]: '/home' },
      command: ['sh', '-c', 'echo kept > /home/file; sleep 60'],
    });
    await expect(engine.connectNetwork(network, server)).rejects.toMatchObject({ code: 'ENGINE_REFUSED' });
    const other = await container({ labels });
    await engine.connectNetwork(network, other, { aliases: ['other-name'] });
    await engine.startContainer(other);
    expect(Object.keys((await engine.containerState(other)).addresses)).toContain(name);
    expect((await engine.exec(shared, ['getent', 'hosts', 'other-name'])).exitCode).toBe(0);
    expect((await engine.exec(shared, ['cat', '/home/file'])).stdout).toBe('kept\n');
    const found = await engine.resourcesByLabel([`dwt.test=${name}`]);
    expect(found.map(({ type }) => type).sort()).toEqual(['container', 'container', 'network', 'volume']);
    expect(found.find(({ type }) => type === 'volume')).toEqual({
      type: 'volume',
      id: `${name}-home`,
      name: `${name}-home`,
      labels,
    });
    await expect(engine.removeVolume(`${name}-home`)).rejects.toMatchObject({
      code: 'ENGINE_REFUSED',
      status: 409,
    });
  });
});

describe('an image', () => {
  test('is made from a tar, inspected, tagged and removed', async () => {
    const name = ownName();
    const tar = pack();
    tar.entry({ name: 'hello' }, 'there');
    tar.finalize();
    const references = [`${name}/a:1`, `${name}/b:2`];
    try {
      const id = await engine.importImage(Readable.from(tar), references[0] ?? '', [
        'CMD ["/hello"]',
        'ENV A="b c"',
        'LABEL l="v w"',
        'USER 4356',
        'EXPOSE 8888',
      ]);
      await engine.tag(id, references[1] ?? '');
      expect(await engine.inspectImage(references[1] ?? '')).toMatchObject({
        id,
        references: expect.arrayContaining(references),
        labels: { l: 'v w' },
        user: '4356',
        command: ['/hello'],
        environment: expect.arrayContaining(['A=b c']),
        exposedPorts: ['8888/tcp'],
        os: 'linux',
      });
    } finally {
      await removeImages(engine, references);
    }
    expect(await engine.inspectImage(references[0] ?? '')).toBeNull();
    await expect(engine.tag(`${name}/a:1`, `${name}/c:1`)).rejects.toMatchObject({ code: 'IMAGE_NOT_FOUND' });
  });
});
