import { describe, expect, test } from '@jest/globals';
import { BuildFailure } from '../../../src/engine/build-failure.ts';
import type { DwtError } from '../../../src/errors.ts';
import { parseDockerfile } from '../../../src/hierarchy/parse.ts';
import { explainFailure } from '../../../src/workflows/build-failures.ts';
import { trackSteps } from '../../../src/workflows/build-steps.ts';

const source = [
  'FROM scratch AS base',
  'RUN --mount=type=secret,id=token,required=true --mount=type=secret,id=build-ca make',
  'FROM bsae AS tool',
  'COPY --from=registry.example.com/files:1 /a /a',
  'FROM nothing-like-it@sha256:'.padEnd(92, 'a'),
  'FROM scratch AS download',
  'ADD https://example.com/archive.tar.gz /archive',
].join('\n');
const hierarchy = parseDockerfile(source, { file: 'Dockerfile' });

const explain = (target: string, name: string, said: string, secrets: string[] = []): DwtError => {
  const steps = trackSteps(
    hierarchy,
    () => {},
    () => {},
  );
  steps.report(0, target, {
    type: 'vertex-finished',
    vertex: 'v',
    name,
    cached: false,
    seconds: 1,
    error: said,
  });
  const failure = new BuildFailure(said, { digest: 'v', name, error: said });
  return explainFailure(failure, { target, hierarchy, steps, secrets: new Set(secrets) }).error;
};
const make = '[base 1/1] RUN --mount=type=secret,id=token,required=true make';
const load = (image: string) => `[internal] load metadata for ${image}`;

describe('a step that fails', () => {
  test.each([
    'process "/bin/sh -c make" did not complete successfully: exit code: 2',
    'executor failed running [/bin/sh -c make]: exit code: 2',
  ])('is named by its line and exit code, whatever the engine: %s', (said) => {
    expect(explain('base', make, said, ['token'])).toMatchObject({
      code: 'BUILD_FAILED',
      message: 'Stage base failed at line 2 with exit code 2.',
      location: { file: 'Dockerfile', line: 2 },
      hint: expect.stringMatching(/^Mend the step/),
    });
  });

  test('otherwise than by its command says what the engine said', () => {
    expect(explain('base', make, 'failed to compute cache key: "/a": not found').message).toBe(
      'Stage base failed at line 2: failed to compute cache key: "/a": not found.',
    );
  });

  test('for want of a secret says how to give it', () => {
    expect(explain('base', make, 'secret token: not found').hint).toContain('--secret id=token,src=FILE');
  });

  test('because it was killed speaks of memory', () => {
    const said = 'process "/bin/sh -c make" did not complete successfully: exit code: 137';
    expect(explain('base', make, said, ['token']).hint).toContain('want of memory');
  });
});

describe('an image that cannot be pulled', () => {
  const said = 'failed to do request: no such host (did you mean base?)';

  test('is named with its line, and with the stage that was meant', () => {
    const error = explain('tool', load('docker.io/library/bsae:latest'), said);
    expect(error).toMatchObject({
      code: 'REGISTRY_UNREACHABLE',
      message: 'The image bsae, which line 3 names, cannot be pulled: its registry cannot be reached.',
      hint: expect.stringMatching(/^Did you mean the stage base\?/),
    });
    expect(error.excerpt).toMatch(/> 3 \| FROM bsae AS tool/);
    expect(error.detail).toBe('failed to do request: no such host');
  });

  test('of COPY --from', () => {
    expect(explain('tool', load('registry.example.com/files:1'), 'not found')).toMatchObject({
      code: 'BUILD_FAILED',
      message: 'The image registry.example.com/files:1, which line 4 names, cannot be pulled.',
    });
  });

  test('by its digest', () => {
    const image = `docker.io/library/nothing-like-it@sha256:${'a'.repeat(64)}`;
    expect(explain('2', load(image), said)).toMatchObject({
      location: { line: 5 },
      hint: expect.stringMatching(/^Check its name/),
    });
  });

  test('is not blamed for another failure of the engine', () => {
    expect(explain('tool', 'exporting to image', 'broken').message).toBe('The build failed: broken.');
  });
});

test('a download that fails is named with its line', () => {
  const url = 'https://example.com/archive.tar.gz';
  expect(explain('download', url, 'invalid response status 404')).toMatchObject({
    code: 'BUILD_FAILED',
    message: `${url}, which line 7 adds, cannot be downloaded.`,
    location: { line: 7 },
    detail: 'invalid response status 404',
  });
});

test('a line that this engine does not know is shown, with what older engines lack', () => {
  const said =
    'failed to solve with frontend dockerfile.v0: failed to create LLB definition: dockerfile parse error line 2: unknown instruction: ECHO';
  const steps = trackSteps(
    hierarchy,
    () => {},
    () => {},
  );
  const build = { target: 'tool', hierarchy, steps, secrets: new Set<string>() };
  expect(explainFailure(new BuildFailure(said, null), build).error).toMatchObject({
    code: 'BUILD_FAILED',
    message: 'This engine does not accept line 2: unknown instruction: ECHO.',
    location: { file: 'Dockerfile', line: 2 },
    excerpt: expect.stringContaining('> 2 | RUN'),
    hint: expect.stringContaining('heredocs'),
  });
});
