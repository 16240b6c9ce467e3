/** Releases on a real engine and real registries, from the sources to the tags and back. */
import { randomBytes } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { testBase } from '../support/engine.ts';
import { type FaultProxy, startFaultProxy } from '../support/fault-proxy.ts';
import { makeProject, type ProjectRun, type TestProject } from '../support/project.ts';
import { startReferrersProxy } from '../support/referrers-proxy.ts';
import { startRegistry, type TestRegistry } from '../support/registry.ts';
import { registryOf } from '../support/registry-client.ts';

interface Entry {
  readonly stage: string;
  readonly reference: string;
  readonly digest: string | null;
  readonly former?: string | null;
  readonly action: string | null;
  readonly error?: { readonly code: string; readonly message: string; readonly hint: string };
}
interface Result {
  readonly id: string | null;
  readonly images: readonly Entry[];
}

let registry: TestRegistry;
let other: TestRegistry;
let proxy: FaultProxy;
let project: TestProject;
let variables: Record<string, string>;

/** Two images of a program and its libraries alone, which pass what is asked of jobs. */
const dockerfile = `FROM ${testBase()} AS small
RUN mkdir /small && cp -L --parents $(ldd /bin/true | grep -o '/[^ ]*') /bin/true /small
FROM scratch AS base
COPY --from=small /small /
FROM base AS a
COPY a /a
COPY status /var/lib/dpkg/status
ENTRYPOINT ["/bin/true"]
FROM base AS b
COPY b /b
ENTRYPOINT ["/bin/true"]
`;

beforeAll(async () => {
  [registry, other] = await Promise.all([startRegistry(), startRegistry()]);
  project = await makeProject({
    Dockerfile: dockerfile,
    a: randomBytes(1000),
    b: randomBytes(1000),
    status: 'Package: tool\nStatus: install ok installed\nVersion: 1.2-3\nArchitecture: all\n',
    'dwt.yaml': `version: 1
environments:
  dev: {registry: "\${REGISTRY}", repository: "dev/{suffix}"}
  staging: {registry: "\${REGISTRY}", repository: "staging/{suffix}", releases: "staging/book"}
  prod: {registry: "\${PROD}", repository: "prod/{suffix}"}
stages:
  small: {kind: shared}
  base: {kind: shared}
  a: {kind: job, publish: {suffix: tools, tag: a}}
  b: {kind: job, publish: {suffix: tools, tag: b}}
`,
  });
}, 120_000);
afterAll(async () => {
  await project.remove();
  await Promise.all([registry.stop(), other.stop()]);
}, 60_000);
beforeEach(async () => {
  proxy = await startFaultProxy(registry.host);
  variables = { REGISTRY: proxy.host, PROD: other.host };
});
afterEach(() => proxy.stop());

const dwt = async (...words: string[]): Promise<ProjectRun & { result: Result }> => {
  const run = await project.dwt([...words, '--json', '--progress', 'plain'], variables);
  return { ...run, result: run.stdout === '' ? { id: null, images: [] } : run.json<Result>() };
};
const actions = ({ result }: { result: Result }) => result.images?.map(({ action }) => action);
const digests = ({ result }: { result: Result }) => result.images.map(({ digest }) => digest);
const change = (...stages: string[]) =>
  Promise.all(stages.map((stage) => project.write(stage, randomBytes(1000))));

/** What the tags of an environment are, as seen without the proxy. */
const tags = (env: string, host = registry.host) =>
  Promise.all(['a', 'b'].map((tag) => registryOf(host).digestOf(`${env}/tools`, tag)));
const writes = () => proxy.requests.filter(({ method }) => method !== 'GET' && method !== 'HEAD');
const isTag = ({ method, path }: { method: string; path: string }, tag: string) =>
  method === 'PUT' && path.endsWith(`/manifests/${tag}`);

describe('a release', () => {
  test('publishes all, once, and can be verified, promoted and taken back', async () => {
    const first = await dwt('release', '--env', 'dev');
    expect([first.status, actions(first)]).toEqual([0, ['released', 'released']]);
    expect(await tags('dev')).toEqual(digests(first));
    const all = (await registryOf(registry.host).tags('dev/tools')) ?? [];
    expect(all).toEqual(expect.arrayContaining([`a-${first.result.id}`, `b-${first.result.id}`]));

    proxy.forget();
    const again = await dwt('release', '--env', 'dev');
    expect([again.status, actions(again), digests(again)]).toEqual([
      0,
      ['present', 'present'],
      digests(first),
    ]);
    expect(writes()).toEqual([]);

    const verified = await dwt('verify', `${proxy.host}/dev/tools:a`);
    expect([verified.status, verified.json()]).toMatchObject([
      0,
      {
        digest: first.result.images[0]?.digest,
        verdict: 'pass',
        proofs: [
          { name: 'smoke-test', verdict: 'pass' },
          { name: 'provenance', verdict: 'pass' },
          { name: 'sbom', verdict: 'pass', detail: '1 packages' },
        ],
      },
    ]);

    const promoted = await dwt('promote', '--from', 'dev', '--to', 'prod');
    expect([promoted.status, actions(promoted)]).toEqual([0, ['released', 'released']]);
    expect(await tags('prod', other.host)).toEqual(digests(first));
    expect((await dwt('verify', `${other.host}/prod/tools:b`)).status).toBe(0);
    expect(actions(await dwt('promote', '--from', 'dev', '--to', 'prod'))).toEqual(['present', 'present']);

    await change('b');
    const second = await dwt('release', '--env', 'dev');
    expect([second.status, actions(second)]).toEqual([0, ['present', 'released']]);
    expect(second.result.images[1]?.former).toBe(first.result.images[1]?.digest);

    const back = await dwt('rollback', '--env', 'dev');
    expect([back.status, await tags('dev')]).toEqual([0, digests(first)]);
    const forth = await dwt('release', '--env', 'dev');
    expect([actions(forth), digests(forth)]).toEqual([['present', 'released'], digests(second)]);
    const far = await dwt('rollback', '--env', 'dev', '--to', first.result.id ?? '');
    expect([far.status, await tags('dev')]).toEqual([0, digests(first)]);
  }, 300_000);

  test('that fails half-way leaves every tag as it was, and goes on with the same images', async () => {
    const before = await tags('dev');
    await change('a', 'b');
    proxy.fault = (seen) =>
      isTag(seen, 'b') ? { type: 'answer', status: 403, body: { errors: [{ code: 'DENIED' }] } } : null;
    const failed = await dwt('release', '--env', 'dev');
    expect([failed.status, failed.json()]).toMatchObject([
      1,
      { error: { code: 'PUSH_DENIED', message: expect.stringContaining('Every tag is as it was before.') } },
    ]);
    expect(await tags('dev')).toEqual(before);

    proxy.fault = () => null;
    proxy.forget();
    const resumed = await dwt('release', '--env', 'dev', '--resume');
    expect([resumed.status, actions(resumed)]).toEqual([0, ['released', 'released']]);
    expect(await tags('dev')).toEqual(digests(resumed));
    // Nothing of an image was sent again.
    expect(writes().filter(({ path }) => path.includes('dev/tools/blobs'))).toEqual([]);
  }, 240_000);

  test('that breaks off while it sends goes on with the images that it was begun with, or says that they are gone', async () => {
    const before = await tags('dev');
    await change('a', 'b');
    const broken: FaultProxy['fault'] = ({ method, path }) =>
      method === 'PUT' && path.includes('/manifests/b-')
        ? { type: 'answer', status: 403, body: { errors: [{ code: 'DENIED' }] } }
        : null;
    proxy.fault = broken;
    const failed = await dwt('release', '--env', 'dev');
    expect([failed.status, failed.result.images[1]?.error?.code]).toEqual([1, 'PUSH_DENIED']);
    expect(await tags('dev')).toEqual(before);
    proxy.fault = () => null;
    const planned = await dwt('release', '--env', 'dev', '--dry-run');
    expect([planned.status, actions(planned)]).toEqual([0, ['release', 'release']]);
    const resumed = await dwt('release', '--env', 'dev', '--resume');
    expect([resumed.status, actions(resumed)]).toEqual([0, ['released', 'released']]);
    expect(await tags('dev')).toEqual(digests(resumed));
    expect((await dwt('verify', `${proxy.host}/dev/tools:b`)).status).toBe(0);

    // What is built meanwhile is not what was judged.
    await change('b');
    proxy.fault = broken;
    expect((await dwt('release', '--env', 'dev')).status).toBe(1);
    proxy.fault = () => null;
    await change('b');
    await dwt('build');
    const other = await dwt('release', '--env', 'dev', '--resume');
    expect([other.status, other.json()]).toMatchObject([1, { error: { code: 'IMAGE_NOT_BUILT' } }]);
    expect(await tags('dev')).toEqual(digests(resumed));
  }, 240_000);

  test('whose tags can neither move nor be put back says which, and is finished or taken back', async () => {
    const before = await tags('dev');
    await change('a', 'b');
    let moved = 0;
    // The first tag moves, and from then on the registry writes nothing more.
    proxy.fault = ({ method, path }) =>
      method === 'PUT' && /\/manifests\/(?:a|b)$/.test(path) && moved++ > 0
        ? { type: 'answer', status: 403, body: { errors: [{ code: 'DENIED' }] } }
        : null;
    const failed = await dwt('release', '--env', 'dev');
    expect([failed.status, failed.json()]).toMatchObject([
      1,
      {
        error: {
          code: 'RELEASE_HALF_MOVED',
          hint: expect.stringContaining('dwt rollback --env dev'),
          detail: expect.stringMatching(/^dev\/tools:[ab] is sha256:\S+ and was sha256:\S+$/),
        },
      },
    ]);
    expect(await tags('dev')).not.toEqual(before);
    proxy.fault = () => null;
    const back = await dwt('rollback', '--env', 'dev');
    expect([back.status, await tags('dev')]).toEqual([0, before]);
  }, 240_000);

  test('sends nothing where an image does not pass', async () => {
    const before = await tags('dev');
    await project.write('Dockerfile', `${dockerfile}ENTRYPOINT ["/nothing"]\n`);
    await change('a');
    proxy.forget();
    const failed = await dwt('release', '--env', 'dev');
    await project.write('Dockerfile', dockerfile);
    expect(failed.status).toBe(1);
    expect(failed.result.images.map(({ action, error }) => [action, error?.code])).toEqual([
      [null, undefined],
      [null, expect.any(String)],
    ]);
    expect(await tags('dev')).toEqual(before);
    expect(writes().filter(({ method }) => method === 'PUT')).toEqual([]);
  }, 240_000);

  test('ends in order when it is interrupted while tags move', async () => {
    const before = await tags('dev');
    await change('a', 'b');
    proxy.fault = (seen) => (isTag(seen, 'b') ? { type: 'wait', ms: 60_000 } : null);
    const run = project.start(['release', '--env', 'dev', '--json', '--progress', 'plain'], variables);
    await run.said('moving 2 tags');
    while (!proxy.requests.some((seen) => isTag(seen, 'b')))
      await new Promise((resolve) => setTimeout(resolve, 20));
    run.child.kill('SIGINT');
    const { status } = await run.result;
    expect([status, await tags('dev')]).toEqual([130, before]);
  }, 240_000);
});

describe('a release in parts', () => {
  test('moves the tags of all parts together, and only one of two at once', async () => {
    await change('a', 'b');
    for (const id of ['one', 'two']) {
      await project.write('a', id);
      for (const stage of ['a', 'b']) {
        const part = await dwt('release', stage, '--env', 'staging', '--id', id, '--prepare');
        expect([part.status, actions(part)]).toEqual([0, ['prepared']]);
      }
    }
    expect(await tags('staging')).toEqual([null, null]);
    const unknown = await dwt('release', '--env', 'staging', '--id', 'three', '--finish');
    expect([unknown.status, unknown.json()]).toMatchObject([1, { error: { code: 'RELEASE_UNKNOWN' } }]);

    const both = await Promise.all(
      ['one', 'two'].map((id) => dwt('release', '--env', 'staging', '--id', id, '--finish')),
    );
    const done = both.filter(({ status }) => status === 0);
    const refused = both.filter(({ status }) => status === 1);
    expect([done.length, refused.map((run) => run.json())]).toMatchObject([
      1,
      [{ error: { code: expect.stringMatching(/^RELEASE_(?:OVERTAKEN|LOCKED)$/) } }],
    ]);
    expect(await tags('staging')).toEqual(done[0] && digests(done[0]));
    expect(await registryOf(registry.host).tags('staging/book')).toEqual(
      expect.arrayContaining(['current', 'one', 'two']),
    );
  }, 240_000);
});

describe('evidence', () => {
  test('that was tampered with is a failure, and keeps an image from being promoted', async () => {
    await change('a');
    await dwt('release', '--env', 'dev');
    const client = registryOf(registry.host);
    const [a, b] = await tags('dev');
    // The report of one image, passed off as that of the other.
    const list = await client.manifest('dev/tools', `${b}`.replace(':', '-'));
    const reports = JSON.parse(`${list?.bytes}`).manifests.filter(
      ({ artifactType }: { artifactType: string }) => artifactType.includes('smoke-report'),
    );
    const report = await client.manifest('dev/tools', reports[0].digest);
    const changed = JSON.parse(`${report?.bytes}`);
    changed.subject.digest = a;
    const bytes = Buffer.from(JSON.stringify(changed));
    const mediaType = changed.mediaType as string;
    const { digest } = await client.putManifest('dev/tools', 'forged', { mediaType, bytes });
    const own = await client.manifest('dev/tools', `${a}`.replace(':', '-'));
    const index = JSON.parse(`${own?.bytes}`);
    index.manifests = index.manifests.filter(
      ({ artifactType }: { artifactType: string }) => !artifactType.includes('smoke'),
    );
    index.manifests.push({ ...reports[0], digest, size: bytes.byteLength });
    await client.putManifest('dev/tools', `${a}`.replace(':', '-'), {
      mediaType: index.mediaType,
      bytes: Buffer.from(JSON.stringify(index)),
    });

    const verified = await dwt('verify', `${proxy.host}/dev/tools:a`);
    expect([verified.status, verified.json()]).toMatchObject([
      1,
      {
        verdict: 'fail',
        proofs: [{ error: { code: 'EVIDENCE_WRONG' } }, { verdict: 'pass' }, { verdict: 'pass' }],
      },
    ]);
    const before = await tags('prod', other.host);
    const promoted = await dwt('promote', '--from', 'dev', '--to', 'prod');
    expect([promoted.status, promoted.result.images[0]?.error?.code]).toEqual([1, 'EVIDENCE_WRONG']);
    expect(await tags('prod', other.host)).toEqual(before);
  }, 240_000);

  test('is missing of what was only pushed', async () => {
    await dwt('push', '--registry', `${proxy.host}/pushed`);
    const { status, stdout } = await dwt('verify', `${proxy.host}/pushed/tools:a`);
    expect([status, stdout]).toEqual([1, expect.stringContaining('EVIDENCE_MISSING')]);
    const none = await dwt('verify', `${proxy.host}/pushed/tools:none`);
    expect([none.status, none.json()]).toMatchObject([1, { error: { code: 'IMAGE_NOT_FOUND' } }]);
  }, 240_000);

  test('is found where the registry lists it by itself', async () => {
    const listing = await startReferrersProxy(registry.host);
    try {
      variables = { ...variables, REGISTRY: listing.host };
      await change('a');
      const released = await dwt('release', 'a', '--env', 'staging');
      expect([released.status, actions(released)]).toEqual([0, ['released']]);
      const verified = await dwt('verify', `${listing.host}/staging/tools:a`);
      expect([verified.status, verified.json()]).toMatchObject([0, { verdict: 'pass' }]);
      const all = (await registryOf(registry.host).tags('staging/tools')) ?? [];
      expect(all).not.toContain(`${digests(released)[0]}`.replace(':', '-'));
    } finally {
      await listing.stop();
    }
  }, 240_000);
});

test('what cannot be released is refused before anything is done', async () => {
  const refused = async (...words: string[]) => {
    const run = await dwt(...words);
    return [run.status, run.json<{ error: { code: string } }>().error.code];
  };
  expect(await refused('release', '--env', 'nowhere')).toEqual([2, 'ENVIRONMENT_UNKNOWN']);
  expect(await refused('release', 'base', '--env', 'dev')).toEqual([2, 'USAGE']);
  expect(await refused('release', '--env', 'dev', '--id', 'no/id')).toEqual([2, 'USAGE']);
  expect(await refused('release', '--env', 'dev', '--prepare')).toEqual([2, 'USAGE']);
  expect(await refused('promote', '--from', 'dev', '--to', 'dev')).toEqual([2, 'USAGE']);
  expect(await refused('rollback', '--env', 'dev', '--to', 'never')).toEqual([1, 'RELEASE_UNKNOWN']);
  expect(writes()).toEqual([]);
}, 120_000);
