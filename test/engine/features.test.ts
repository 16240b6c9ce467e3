/** Features and artifacts from the project file to the image, and to the registry that wants complete ones. */
import { createHash, randomBytes } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { connectEngine } from '../../src/engine/connect.ts';
import type { Engine } from '../../src/engine/engine.ts';
import { testBase, testEngine } from '../support/engine.ts';
import { makeProject, type ProjectRun, type TestProject } from '../support/project.ts';
import { startRegistry } from '../support/registry.ts';
import { type FileServer, startFileServer } from '../wire/artifact-server.ts';

const content = randomBytes(2_000_000);
const sha256 = createHash('sha256').update(content).digest('hex');
const nonce = () => randomBytes(8).toString('hex');

let engine: Engine;
let server: FileServer;
let project: TestProject;
beforeAll(async () => {
  engine = await connectEngine({ engine: testEngine(), environment: process.env });
});
afterAll(() => engine.close());
beforeEach(async () => {
  server = await startFileServer(content);
  project = await make();
});
afterEach(async () => {
  await project.remove();
  await server.stop();
});

const dockerfile = `FROM ${testBase()} AS base
FROM base AS plain
RUN echo ${nonce()} >/plain
FROM base AS studio
ARG WITH_STUDIO=yes
RUN --mount=type=bind,source=artifacts/server,target=/mnt/server \\
    if [ -n "$WITH_STUDIO" ]; then sha256sum </mnt/server >/installed; else wc -c </mnt/server >/left-out; fi
FROM studio AS more
RUN echo ${nonce()} >/more
`;

const make = (sum = `, sha256: "${sha256}"`, registry = 'localhost'): Promise<TestProject> =>
  makeProject({
    Dockerfile: dockerfile,
    'dwt.yaml': `version: 1
environments:
  dev: {registry: "${registry}", repository: "dev-{suffix}"}
  prod: {registry: "${registry}", repository: "prod-{suffix}", features: all}
artifacts:
  server: {url: "${server.url}"${sum}}
stages:
  base: {kind: shared}
  plain: {kind: tool}
  studio: {kind: tool, features: {studio: {needs: [server], description: The server}}}
  more: {kind: tool}
`,
  });

interface BuildJson {
  readonly images: readonly {
    stage: string;
    action: string | null;
    error?: { code: string; hint: string };
  }[];
}
const outcomes = (run: ProjectRun) =>
  Object.fromEntries(
    run.json<BuildJson>().images.map(({ stage, action, error }) => [stage, action ?? error?.code]),
  );

async function inImage(stage: string, command: string): Promise<string> {
  const image = `${project.name}/${stage}:latest`;
  const id = await engine.createContainer({
    name: `${project.name}-${nonce()}`,
    image,
    command: ['sleep', '60'],
    network: 'none',
    labels: {},
    host: { Init: true },
  });
  try {
    await engine.startContainer(id);
    const { stdout, stderr, exitCode } = await engine.exec(id, ['sh', '-c', command]);
    if (exitCode !== 0) throw new Error(stderr);
    return stdout.trim();
  } finally {
    await engine.removeContainer(id);
  }
}
const labelsOf = async (stage: string) =>
  (await engine.inspectImage(`${project.name}/${stage}:latest`))?.labels ?? {};

describe('an artifact', () => {
  test('is fetched once, checked, mounted by the step, and in no layer', async () => {
    const plan = await project.dwt(['plan', '--json']);
    expect(plan.status).toBe(0);
    expect(server.asked).toEqual([]);
    const first = await project.dwt(['build', '--json', '--progress', 'plain']);
    expect(outcomes(first)).toEqual({ plain: 'built', studio: 'built', more: 'built' });
    expect(first.stderr).toContain(`artifact server | = done`);
    expect(await inImage('more', 'cat /installed; ls /mnt')).toBe(`${sha256}  -`);
    expect(await labelsOf('more')).toMatchObject({ 'dwt.features': 'studio' });
    expect((await labelsOf('studio'))['dwt.inputs']).toContain(sha256);

    expect(outcomes(await project.dwt(['build', '--json']))).toEqual({
      plain: 'reused',
      studio: 'reused',
      more: 'reused',
    });
    const again = await project.dwt(['build', 'studio', '--no-cache', '--json']);
    expect(outcomes(again)).toEqual({ studio: 'built' });
    expect(server.asked).toHaveLength(1);
  });

  test('that was changed on its way stops the build before it begins; with --keep-going its stages alone', async () => {
    server.content = Buffer.from('<html><title>Blocked</title></html>');
    const refused = await project.dwt(['build', '--json', '--progress', 'plain']);
    expect(refused.status).toBe(1);
    expect(refused.json()).toMatchObject({
      error: { code: 'ARTIFACT_INVALID', message: expect.stringContaining('an HTML page ("Blocked")') },
    });
    expect(refused.stderr).not.toContain('RUN');
    const partly = await project.dwt(['build', '--keep-going', '--json']);
    expect(partly.status).toBe(1);
    expect(outcomes(partly)).toEqual({
      plain: 'built',
      studio: 'ARTIFACT_INVALID',
      more: 'ARTIFACT_INVALID',
    });
  });

  test('is given with --artifact, and a wrong file is refused', async () => {
    await project.write('my.deb', content);
    await project.write('other.deb', 'evil');
    const wrong = await project.dwt(['build', 'studio', '--artifact', 'server=other.deb', '--json']);
    expect(wrong.json()).toMatchObject({ error: { code: 'ARTIFACT_INVALID' } });
    const run = await project.dwt(['build', 'studio', '--artifact', 'server=my.deb', '--json']);
    expect(outcomes(run)).toEqual({ studio: 'built' });
    // The same file by another way is the same image.
    expect(outcomes(await project.dwt(['build', 'studio', '--json']))).toEqual({ studio: 'reused' });
    expect(server.asked).toEqual([]);
  });

  test('without a sum is refused with the way out, and taken where it is given', async () => {
    await project.remove();
    project = await make('');
    const refused = await project.dwt(['build', '--json']);
    expect(refused.status).toBe(2);
    expect(refused.json()).toMatchObject({
      error: {
        code: 'ARTIFACT_MISSING',
        hint: `Write its sha256 into dwt.yaml, or give the file with --artifact server=FILE, or leave it out with --without studio; it is at ${server.url}. --keep-going builds what does without it.`,
        location: { line: 6 },
      },
    });
    expect(await engine.imagesByLabel([`dwt.project=${project.name}`])).toEqual([]);
    const partly = await project.dwt(['build', '--keep-going', '--json']);
    expect(outcomes(partly)).toEqual({
      plain: 'built',
      studio: 'ARTIFACT_MISSING',
      more: 'ARTIFACT_MISSING',
    });

    await project.write('my.deb', content);
    const given = await project.dwt([
      'build',
      '--artifact',
      'server=my.deb',
      '--json',
      '--progress',
      'plain',
    ]);
    expect(outcomes(given)).toEqual({ plain: 'reused', studio: 'built', more: 'built' });
    expect(given.stderr).toContain(`taken as it was given: sha256 ${sha256}`);
    expect(outcomes(await project.dwt(['build', '--json']))).toEqual({
      plain: 'reused',
      studio: 'reused',
      more: 'reused',
    });
    expect(server.asked).toEqual([]);
  });

  test('that is a stand-in is in the image, in every report, and in no environment that takes complete images', async () => {
    await project.remove();
    project = await make(`, sha256: "${sha256}", stand-in: true`);
    const built = await project.dwt(['build', '--json', '--progress', 'plain']);
    expect(outcomes(built)).toEqual({ plain: 'built', studio: 'built', more: 'built' });
    expect(built.stderr).toContain('The artifact server is a stand-in');
    expect((await labelsOf('more'))['dwt.stand-ins']).toBe('server');
    const tested = await project.dwt(['smoke-test', 'studio', '--progress', 'plain']);
    expect(tested.stdout).toContain('studio is a stand-in for server: nothing is proved of the real one.');
    expect((await project.dwt(['push', '--env', 'prod', '--json'])).json()).toMatchObject({
      error: {
        code: 'FEATURE_MISSING',
        message: expect.stringContaining('studio has a stand-in for server; more has a stand-in for server'),
        hint: 'Build again with the real files: dwt build studio more',
      },
    });
  });

  test('on its way is let go by Ctrl-C, and the next build asks for the rest', async () => {
    server.trouble = (_, response) => {
      response.writeHead(200, { 'content-length': content.length });
      response.write(content.subarray(0, 1_000_000));
      return true;
    };
    const running = project.start(['build', '--json', '--progress', 'plain']);
    await running.said(server.url);
    while (server.asked.length === 0) await new Promise((resolve) => setTimeout(resolve, 20));
    await new Promise((resolve) => setTimeout(resolve, 500));
    running.child.kill('SIGINT');
    const ended = await running.result;
    expect(ended.status).toBe(130);
    server.trouble = () => false;
    expect(outcomes(await project.dwt(['build', 'studio', '--json']))).toEqual({ studio: 'built' });
    expect(server.asked.map(({ range }) => range)).toEqual([null, 'bytes=1000000-']);
  });
});

describe('a feature', () => {
  test('is left out of the image and of all built on it, which say so', async () => {
    const whole = await project.dwt(['build', '--json']);
    expect(whole.status).toBe(0);
    const plan = (await project.dwt(['plan', '--without', 'studio', '--json'])).json<{
      stages: { name: string; why: { reason: string; detail: string }[] }[];
    }>();
    expect(plan.stages.find(({ name }) => name === 'studio')?.why).toEqual([
      { reason: 'feature', detail: 'studio is left out now' },
    ]);
    const requests = server.asked.length;
    const without = await project.dwt(['build', '--without', 'studio', '--json']);
    expect(outcomes(without)).toEqual({ plain: 'reused', studio: 'built', more: 'built' });
    expect(server.asked).toHaveLength(requests);
    expect(await inImage('more', 'cat /left-out; test ! -e /installed')).toBe('0');
    expect(await labelsOf('more')).toMatchObject({ 'dwt.features': '-studio' });
    const wrong = await project.dwt(['build', '--without', 'studoi', '--json']);
    expect(wrong.status).toBe(2);
    expect(wrong.json()).toMatchObject({
      error: { code: 'FEATURE_UNKNOWN', hint: 'Did you mean "studio"?' },
    });
  });

  test('that is missing keeps an image from an environment that takes complete ones', async () => {
    const registry = await startRegistry();
    await project.remove();
    project = await make(undefined, registry.host);
    const tags = async (name: string) => (await fetch(`http://${registry.host}/v2/${name}/tags/list`)).status;
    try {
      await project.dwt(['build', '--without', 'studio']);
      const refused = await project.dwt(['push', '--env', 'prod', '--json']);
      expect(refused.status).toBe(1);
      expect(refused.json()).toMatchObject({
        error: {
          code: 'FEATURE_MISSING',
          message:
            'prod takes images with all their features, and studio lacks studio; more lacks studio. Nothing was pushed.',
          hint: 'Build again with them: dwt build studio more',
        },
      });
      expect(await tags('prod-plain')).toBe(404);
      expect((await project.dwt(['push', '--env', 'dev', '--json'])).status).toBe(0);
      expect(await tags('dev-more')).toBe(200);
      await project.dwt(['build']);
      expect((await project.dwt(['push', '--env', 'prod', '--json'])).status).toBe(0);
      expect(await tags('prod-more')).toBe(200);
    } finally {
      await registry.stop();
    }
  });
});
