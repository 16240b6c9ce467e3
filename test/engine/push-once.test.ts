/** What travels in a push of many images that share layers: counted before the registry. */
import { randomBytes } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { type FaultProxy, type SeenRequest, startFaultProxy } from '../support/fault-proxy.ts';
import { makeProject, type TestProject } from '../support/project.ts';
import { startRegistry, type TestRegistry } from '../support/registry.ts';

/** Of each layer: random, so that no compression makes it smaller. */
const layerBytes = 200_000;
const images = Array.from({ length: 10 }, (_, index) => `t${index}`);
/** Two of base, three of python, one of each image. */
const layers = 2 + 3 + images.length;

let registry: TestRegistry;
let proxy: FaultProxy;
let project: TestProject;

beforeAll(async () => {
  registry = await startRegistry();
  const own = images.flatMap((stage, index) => [
    `FROM ${index % 2 === 0 ? 'python' : 'base'} AS ${stage}`,
    `COPY ${stage} /${stage}`,
  ]);
  const shared = ['b1', 'b2', 'p1', 'p2', 'p3'];
  project = await makeProject({
    Dockerfile: [
      'FROM scratch AS base',
      'COPY b1 /b1',
      'COPY b2 /b2',
      'FROM base AS python',
      'COPY p1 /p1',
      'COPY p2 /p2',
      'COPY p3 /p3',
      ...own,
    ].join('\n'),
    'dwt.yaml': [
      'version: 1',
      'stages:',
      '  base: {kind: shared}',
      '  python: {kind: shared}',
      ...images.map((stage) => `  ${stage}: {kind: tool, publish: {suffix: ${stage}, tag: master}}`),
      '',
    ].join('\n'),
    ...Object.fromEntries([...shared, ...images].map((file) => [file, randomBytes(layerBytes)])),
  });
  const { status, stderr } = await project.dwt(['build', '--progress', 'quiet']);
  if (status !== 0) throw new Error(`The build failed: ${stderr}`);
}, 120_000);

afterAll(async () => {
  await project.remove();
  await registry.stop();
}, 60_000);

beforeEach(async () => {
  proxy = await startFaultProxy(registry.host);
});
afterEach(() => proxy.stop());

const isUpload = ({ path }: SeenRequest) => path.includes('/blobs/uploads/');
const count = (which: (request: SeenRequest) => boolean) => proxy.requests.filter(which).length;
const sent = () => proxy.requests.filter(isUpload).reduce((sum, { bytes }) => sum + bytes, 0);
const ended = () =>
  count((request) => isUpload(request) && request.method === 'PUT' && request.status === 201);
const mounted = () => count(({ path, status }) => path.includes('mount=') && status === 201);

async function push(to: string, ...words: string[]) {
  const result = await project.dwt(['push', '--json', '--registry', `${proxy.host}/${to}`, ...words]);
  const pushed = result.json<{ images: { action: string; tags: { tag: string; action: string }[] }[] }>()
    .images;
  return { ...result, actions: pushed.map(({ action }) => action), pushed };
}

test('each layer travels once, whichever images share it, and not again to another repository', async () => {
  const first = await push('first');
  expect([first.status, first.actions]).toEqual([0, images.map(() => 'pushed')]);
  // And one configuration of each image.
  expect(ended()).toBe(layers + images.length);
  expect(sent()).toBeGreaterThan(layers * layerBytes);
  expect(sent()).toBeLessThan((layers + 1) * layerBytes);
  // Half of the images have five layers that are shared, half two; each of these was sent with one of them.
  expect(mounted()).toBe(5 * 5 + 5 * 2 - 5);

  proxy.forget();
  const second = await push('second');
  expect([second.status, second.actions]).toEqual([0, images.map(() => 'pushed')]);
  expect(ended()).toBe(images.length);
  expect(sent()).toBeLessThan(layerBytes);
  expect(mounted()).toBe(5 * 6 + 5 * 3);
}, 120_000);

test('further tags send nothing but themselves', async () => {
  await push('tags');
  proxy.forget();
  const { status, pushed } = await push('tags', '--tag', '{tag}-{date}', '--tag', 'v1');
  expect([status, pushed.map(({ tags }) => tags.map(({ action }) => action))]).toEqual([
    0,
    images.map(() => ['pushed', 'pushed', 'present']),
  ]);
  expect([sent(), count(({ method }) => method === 'PUT')]).toEqual([0, 2 * images.length]);
  proxy.forget();
  const again = await push('tags', '--tag', '{tag}-{date}', '--tag', 'v1');
  expect(again.actions).toEqual(images.map(() => 'present'));
  expect(count(({ method }) => method !== 'GET' && method !== 'HEAD')).toBe(0);
}, 120_000);

test('tags that cannot be are refused before anything is asked', async () => {
  for (const [tag, code] of [
    ['{rev}', 'USAGE'],
    ['a/b', 'REFERENCE_INVALID'],
    ['{revision}', 'USAGE'],
  ] as const) {
    const { status, stdout } = await project.dwt(['push', '--json', '--registry', proxy.host, '--tag', tag]);
    expect([tag, status, JSON.parse(stdout).error.code]).toEqual([tag, 2, code]);
  }
  expect(proxy.requests).toEqual([]);
}, 60_000);
