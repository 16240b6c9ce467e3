/**
 * Right images of very different make, and images that are wrong in exactly one way, all built and judged for real: each
 * must get the right verdict for the right reason, and nothing may be left on the engine.
 */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { connectEngine } from '../../../src/engine/connect.ts';
import type { Engine } from '../../../src/engine/engine.ts';
import { loadProject } from '../../../src/project/load.ts';
import { imagesToTest, smokeTest, type TestedImage } from '../../../src/workflows/smoke-test.ts';
import { testBase, testEngine } from '../../support/engine.ts';
import { makeProject, type TestProject } from '../../support/project.ts';
import { rightImages, wrongImages } from './cases.ts';

const minutes = 60_000;
const contract = ['http', 'user', 'account', 'sudo', 'environment', 'stop', 'restart', 'isolation'];

let project: TestProject;
let engine: Engine;
let judged: ReadonlyMap<string, TestedImage>;

beforeAll(async () => {
  const files = await readdir(join(import.meta.dirname, 'files'));
  const contents = await Promise.all(
    ['Dockerfile', ...files.map((name) => `files/${name}`)].map(
      async (path) => [path, await readFile(join(import.meta.dirname, path))] as const,
    ),
  );
  project = await makeProject(Object.fromEntries(contents));
  engine = await connectEngine({ engine: testEngine(), environment: process.env });
  await build(3);
  const { folder } = project;
  const images = imagesToTest(await loadProject({ project: folder, cwd: folder, environment: {} }), []);
  const patience = new Map(wrongImages.map(({ stage, readyWithin }) => [stage, readyWithin]));
  const result = await smokeTest({
    engine,
    images: images.map((image) => ({
      ...image,
      checks: { readyWithin: patience.get(image.stage ?? '') ?? 90 },
    })),
    jobs: 6,
    probeImage: testBase(),
    emit: () => {},
    signal: new AbortController().signal,
  });
  judged = new Map(result.images.map((image) => [image.stage ?? '', image]));
}, 15 * minutes);

afterAll(async () => {
  engine?.close();
  await project?.remove();
}, 5 * minutes);

/** Package downloads have hiccups; what was built before one stays built. */
async function build(attempts: number): Promise<void> {
  const { status, stderr } = await project.dwt([
    'build',
    '--progress',
    'plain',
    '--build-arg',
    `BASE_IMAGE=${testBase()}`,
  ]);
  if (status === 0) return;
  if (attempts <= 1) throw new Error(`The corpus cannot be built:\n${stderr.slice(-4000)}`);
  await build(attempts - 1);
}

function imageOf(stage: string): TestedImage {
  const image = judged.get(stage);
  if (!image) throw new Error(`${stage} was not judged.`);
  return image;
}

/** Only what failed, with what was seen. */
const failures = ({ checks }: TestedImage) =>
  Object.fromEntries(
    checks.filter(({ verdict }) => verdict === 'fail').map(({ name, detail }) => [name, detail]),
  );

test('every image of the Dockerfile is a case, and every case an image', () => {
  expect([...judged.keys()].sort()).toEqual(
    [...rightImages, ...wrongImages.map(({ stage }) => stage)].sort(),
  );
});

describe('right', () => {
  test.each(rightImages)('%s', (stage) => {
    const image = imageOf(stage);
    expect(failures(image)).toEqual({});
    expect(image).toMatchObject({ verdict: 'pass', skipped: [] });
    expect(image.checks.map(({ name }) => name)).toEqual(contract);
  });
});

describe('wrong in one way', () => {
  test.each(wrongImages.map((wrong) => [wrong.stage, wrong] as const))(
    '%s',
    (stage, { check, seen, also, skipped = [] }) => {
      const image = imageOf(stage);
      const reasons: Record<string, RegExp> = { [check]: seen, ...also };
      expect(failures(image)).toEqual(
        Object.fromEntries(
          Object.entries(reasons).map(([name, reason]) => [name, expect.stringMatching(reason)]),
        ),
      );
      expect(image.verdict).toBe('fail');
      expect(image.skipped.map(({ name }) => name).sort()).toEqual(skipped);
      // What failed, what was skipped and what passed are the whole contract.
      expect([...image.checks, ...image.skipped].map(({ name }) => name).sort()).toEqual(contract.toSorted());
    },
  );

  test('the last lines of a container that ended are shown', () => {
    const http = imageOf('wrong-http-ends').checks.find(({ name }) => name === 'http');
    expect(http?.output).toBe('no configuration found');
    expect(http?.error?.toJSON()).toMatchObject({
      code: 'CHECK_FAILED',
      hint: 'Its last lines say why.',
      detail: 'no configuration found',
    });
  });
});
