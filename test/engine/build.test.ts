/** `dwt build` on a real engine: what is built, what is reused and why, how it fails and how it is interrupted. */
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { copyFile, cp, mkdtemp, rm, stat, truncate, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { connectEngine } from '../../src/engine/connect.ts';
import type { Engine } from '../../src/engine/engine.ts';
import { testBase, testEngine } from '../support/engine.ts';
import { makeProject, type TestProject, withJson } from '../support/project.ts';
import { startRegistry } from '../support/registry.ts';

interface BuildJson {
  readonly images: readonly {
    stage: string;
    reference: string;
    id: string | null;
    action: string | null;
    seconds: number;
    error?: { code: string; message: string; hint: string | null; detail?: string };
  }[];
  readonly seconds: number;
}
interface PlanJson {
  readonly stages: readonly {
    name: string;
    key: string;
    action: string;
    why: readonly { reason: string; detail: string }[];
  }[];
}

const nonce = () => randomBytes(8).toString('hex');
const projects: TestProject[] = [];
const project = async (files: Record<string, string | Uint8Array>) => {
  const made = await makeProject(files);
  projects.push(made);
  return made;
};
afterEach(async () => {
  for (const made of projects.splice(0)) await made.remove();
});

let engine: Engine;
beforeAll(async () => {
  engine = await connectEngine({ engine: testEngine(), environment: process.env });
});
afterAll(() => engine.close());

const base = testBase();
const family = () => ({
  Dockerfile: [
    `FROM ${base} AS base`,
    `RUN echo base ${nonce()} > /base`,
    'FROM base AS python',
    'COPY python/ /python/',
    'FROM python AS lab',
    'COPY lab/ /lab/',
    'RUN cat /lab/settings > /lab.out',
    'FROM python AS plain',
    'FROM base AS sidecar',
    'COPY sidecar.conf /etc/',
  ].join('\n'),
  'python/requirements.txt': 'pandas\n',
  'lab/settings': 'dark\n',
  'sidecar.conf': 'a=1\n',
  'unrelated.txt': 'nothing reads this\n',
});
const actions = (run: { json<T>(): T }) =>
  Object.fromEntries(run.json<BuildJson>().images.map(({ stage, action }) => [stage, action]));

describe('dwt build', () => {
  test('builds every image once, reuses it after, and rebuilds only what a change reaches', async () => {
    const made = await project(family());
    const first = await made.dwt(['build', '--json']);
    expect(first.stderr).toContain('RUN echo base');
    // Three targets stand on base; its step ran once.
    expect(first.stderr.match(/^base +\| > .*RUN echo base/gm)).toHaveLength(1);
    expect(first.status).toBe(0);
    expect(actions(first)).toEqual({ lab: 'built', plain: 'built', sidecar: 'built' });

    const second = await made.dwt(['build', '--json']);
    expect(actions(second)).toEqual({ lab: 'reused', plain: 'reused', sidecar: 'reused' });
    expect(second.json<BuildJson>().images.map(({ id }) => id)).toEqual(
      first.json<BuildJson>().images.map(({ id }) => id),
    );

    await made.write('unrelated.txt', 'still nothing reads this\n');
    await utimes(join(made.folder, 'lab/settings'), 1, 1);
    expect(actions(await made.dwt(['build', '--json']))).toEqual({
      lab: 'reused',
      plain: 'reused',
      sidecar: 'reused',
    });

    await made.write('lab/settings', 'light\n');
    const plan = (await made.dwt(['plan', '--json'])).json<PlanJson>();
    expect(plan.stages.find(({ name }) => name === 'lab')).toMatchObject({
      action: 'build',
      why: [{ reason: 'files', detail: expect.stringContaining('lab/settings') }],
    });
    expect(plan.stages.filter(({ action }) => action === 'build').map(({ name }) => name)).toEqual(['lab']);
    expect(actions(await made.dwt(['build', '--json']))).toEqual({
      lab: 'built',
      plain: 'reused',
      sidecar: 'reused',
    });
  });

  test('another checkout of the same files reuses the images', async () => {
    const made = await project(family());
    await made.dwt(['build', 'lab']);
    const elsewhere = await mkdtemp(join(tmpdir(), 'dwt-other-checkout-'));
    try {
      await cp(made.folder, elsewhere, { recursive: true });
      const run = await made.dwt(['build', 'lab', '--json', '--project', elsewhere]);
      expect(actions(run)).toEqual({ lab: 'reused' });
    } finally {
      await rm(elsewhere, { recursive: true });
    }
  });

  test('an image says what it is made of, in labels', async () => {
    const made = await project(family());
    const run = await made.dwt(['build', 'lab', '--json']);
    const image = await engine.inspectImage(`${made.name}/lab:latest`);
    expect(image?.id).toBe(run.json<BuildJson>().images[0]?.id);
    const labels: Readonly<Record<string, string>> = image?.labels ?? {};
    expect(labels).toMatchObject({
      'dwt.project': made.name,
      'dwt.stage': 'lab',
      'dwt.kind': 'tool',
      'org.opencontainers.image.base.name': base,
    });
    expect(labels['dwt.key']).toMatch(/^[0-9a-f]{64}$/);
    expect(Date.parse(labels['org.opencontainers.image.created'] ?? '')).toBeGreaterThan(
      Date.now() - 600_000,
    );
    expect(labels['org.opencontainers.image.title']).toContain('lab');
  });

  test('a name, a glob, a shared stage; a wrong name gets the nearest right one', async () => {
    const made = await project(family());
    expect(actions(await made.dwt(['build', 'p*', 'sidecar', '--json']))).toEqual({
      python: 'built',
      plain: 'built',
      sidecar: 'built',
    });
    const wrong = await made.dwt(['build', 'pyton', '--json']);
    expect(wrong.status).toBe(2);
    expect(wrong.json()).toMatchObject({
      error: {
        code: 'STAGE_UNKNOWN',
        message: expect.stringContaining('pyton'),
        hint: expect.stringContaining('python'),
      },
    });
    const nothing = await made.dwt(['build', 'x*', 'y*', '--json']);
    expect(nothing.status).toBe(2);
    expect(nothing.json<{ error: { message: string } }>().error.message).toMatch(/x\*.*y\*/);
  });

  test('build arguments change what they reach', async () => {
    const made = await project({
      Dockerfile: `FROM ${base} AS a\nARG GREETING=hello\nRUN echo $GREETING ${nonce()} > /greeting\nFROM ${base} AS b\nRUN echo ${nonce()}\n`,
    });
    await made.dwt(['build']);
    const run = await made.dwt(['build', '--build-arg', 'GREETING=moin', '--json']);
    expect(actions(run)).toEqual({ a: 'built', b: 'reused' });
    const plan = (await made.dwt(['plan', '--build-arg', 'GREETING=ahoy', '--json'])).json<PlanJson>();
    expect(plan.stages.find(({ name }) => name === 'a')?.why).toEqual([
      { reason: 'arguments', detail: expect.stringContaining('GREETING') },
    ]);
  });

  test('--no-cache runs every step again, a shared one once', async () => {
    const made = await project({
      Dockerfile: `FROM ${base} AS base\nRUN date +%s%N > /when\nFROM base AS a\nRUN cp /when /a\nFROM base AS b\nRUN cp /when /b\n`,
    });
    await made.dwt(['build']);
    const run = await made.dwt(['build', '--no-cache', '--json']);
    expect(actions(run)).toEqual({ a: 'built', b: 'built' });
    expect(run.stderr.match(/^base +\| > .*RUN date/gm)).toHaveLength(1);
    const layers = await Promise.all(
      ['a', 'b'].map(async (stage) => (await engine.inspectImage(`${made.name}/${stage}:latest`))?.layers),
    );
    expect(layers[0]?.slice(0, -1)).toEqual(layers[1]?.slice(0, -1));
  });

  test('--cache-ttl fetches packages again when they are older, and not before', async () => {
    const made = await project({
      Dockerfile: `ARG PACKAGES_EPOCH=0\nFROM ${base} AS base\nARG PACKAGES_EPOCH\nRUN date +%s%N > /packages\nFROM base AS a\nRUN true ${nonce()}\n`,
    });
    expect(actions(await made.dwt(['build', '--cache-ttl', '1h', '--json']))).toEqual({ a: 'built' });
    expect(actions(await made.dwt(['build', '--cache-ttl', '1h', '--json']))).toEqual({ a: 'reused' });
    expect(actions(await made.dwt(['build', '--json']))).toEqual({ a: 'reused' });
    await new Promise((done) => setTimeout(done, 2100));
    const plan = (await made.dwt(['plan', '--cache-ttl', '1s', '--json'])).json<PlanJson>();
    expect(plan.stages.find(({ name }) => name === 'base')?.why[0]?.reason).toBe('cache-ttl');
    expect(actions(await made.dwt(['build', '--cache-ttl', '1s', '--json']))).toEqual({ a: 'built' });
    expect(actions(await made.dwt(['build', '--json']))).toEqual({ a: 'reused' });
  });
});

describe('secrets and certificates', () => {
  const noSecretIn = async (made: TestProject, stage: string, needle: string) => {
    const image = await engine.inspectImage(`${made.name}/${stage}:latest`);
    expect(JSON.stringify(image)).not.toContain(needle);
  };

  test('a step reads a secret from a file or a variable; no layer, label or key has it', async () => {
    const made = await project({
      Dockerfile: `FROM ${base} AS a\nRUN --mount=type=secret,id=file --mount=type=secret,id=variable sha256sum /run/secrets/file /run/secrets/variable > /sums; echo ${nonce()}\nRUN ! ls /run/secrets/file 2>/dev/null || ! test -s /run/secrets/file\n`,
    });
    const secret = `s3cr3t-${nonce()}`;
    const path = join(tmpdir(), `dwt-secret-${nonce()}`);
    await writeFile(path, secret);
    try {
      const words = [
        'build',
        '--secret',
        `id=file,src=${path}`,
        '--secret',
        'id=variable,env=THE_SECRET',
        '--json',
      ];
      const run = await made.dwt(words, { THE_SECRET: secret });
      expect(run.status).toBe(0);
      await writeFile(path, `other-${secret}`);
      expect(actions(await made.dwt(words, { THE_SECRET: secret }))).toEqual({
        a: 'reused',
      });
      await noSecretIn(made, 'a', secret);
      expect(run.stdout + run.stderr).not.toContain(secret);
    } finally {
      await rm(path);
    }
  });

  test('a secret that is not there fails before anything is built', async () => {
    const made = await project({ Dockerfile: `FROM ${base} AS a\nRUN echo ${nonce()}\n` });
    const run = await made.dwt(['build', '--secret', 'id=token,src=/nowhere/token', '--json']);
    expect(run.status).toBe(2);
    expect(run.json()).toMatchObject({
      error: { code: 'SECRET_INVALID', message: expect.stringContaining('/nowhere/token') },
    });
  });

  test('steps that ask for build-ca get the given CA beside the machine’s; others see nothing of it', async () => {
    const made = await project({
      Dockerfile: [
        `FROM ${base} AS a`,
        `RUN --mount=type=secret,id=build-ca,target=/mnt/ca.crt grep -c BEGIN /mnt/ca.crt && grep -q TESTCA /mnt/ca.crt; echo ${nonce()}`,
        'RUN --mount=type=secret,id=build-ca,target=/mnt/ca.crt grep -q TESTCA /mnt/ca.crt',
        'RUN test ! -s /mnt/ca.crt',
      ].join('\n'),
    });
    const path = join(tmpdir(), `dwt-ca-${nonce()}.pem`);
    await writeFile(path, '-----BEGIN CERTIFICATE-----\nTESTCA\n-----END CERTIFICATE-----\n');
    try {
      expect((await made.dwt(['build', '--build-ca', path])).status).toBe(0);
      await noSecretIn(made, 'a', 'TESTCA');
      expect(actions(await made.dwt(['build', '--json']))).toEqual({ a: 'reused' });
    } finally {
      await rm(path);
    }
  });
});

describe('a build that fails', () => {
  const failing = () => ({
    Dockerfile: [
      `FROM ${base} AS base`,
      `RUN echo ${nonce()}`,
      'FROM base AS good',
      'RUN sleep 2; echo good',
      'FROM base AS bad',
      "RUN echo 'gcc: not found' && \\",
      '    false',
      'FROM bad AS child',
      'RUN echo never',
    ].join('\n'),
  });

  test('shows the lines, the last output and the code; nothing is tagged', async () => {
    const made = await project(failing());
    const run = await made.dwt(['build', 'bad', '--progress', 'plain']);
    expect(run.status).toBe(1);
    expect(run.stderr).toContain('BUILD_FAILED: Stage bad failed at line 6');
    expect(run.stderr).toMatch(/> 6 \| RUN echo 'gcc: not found' && \\\n.*> 7 \| {5}false/);
    expect(run.stderr).toContain('failed at line 6 with exit code 1.');
    expect(run.stderr.split('Error BUILD_FAILED')[1]).toContain('gcc: not found');
    expect(await engine.inspectImage(`${made.name}/bad:latest`)).toBeNull();
  });

  test('without --keep-going the rest is cancelled and says so; with it, what can be built is', async () => {
    const made = await project(failing());
    const run = await made.dwt(['build', '--json']);
    expect(run.status).toBe(1);
    const codes = Object.fromEntries(
      run.json<BuildJson>().images.map(({ stage, error }) => [stage, error?.code]),
    );
    expect(codes).toEqual({ good: 'BUILD_CANCELLED', child: 'BUILD_FAILED' });

    const kept = await made.dwt(['build', '--keep-going', '--json']);
    expect(kept.status).toBe(1);
    const { images } = kept.json<BuildJson>();
    expect(images.find(({ stage }) => stage === 'good')).toMatchObject({ action: 'built' });
    expect(images.find(({ stage }) => stage === 'child')?.error).toMatchObject({
      code: 'BUILD_FAILED',
      message: expect.stringContaining('Stage bad failed at line 6'),
    });
  });

  test('an image that its registry does not have is said to be the problem; a registry out of reach ends with 3', async () => {
    const registry = await startRegistry();
    try {
      const made = await project({ Dockerfile: `FROM ${registry.host}/nobody/nothing:here AS a\n` });
      const run = await made.dwt(['build', '--json']);
      expect(run.status).toBe(1);
      expect(run.json<BuildJson>().images[0]?.error).toMatchObject({
        code: 'BUILD_FAILED',
        message: expect.stringContaining('nobody/nothing'),
      });
    } finally {
      await registry.stop();
    }
    const made = await project({ Dockerfile: 'FROM 127.0.0.1:9/nobody/nothing:here AS a\n' });
    const run = await made.dwt(['build', '--json']);
    expect(run.status).toBe(3);
    expect(run.json<BuildJson>().images[0]?.error).toMatchObject({
      code: 'REGISTRY_UNREACHABLE',
      message: expect.stringContaining('nobody/nothing'),
    });
  });

  test('output that is no UTF-8, and a line of 10 MB, do no harm', async () => {
    const made = await project({
      Dockerfile: `FROM ${base} AS a\nRUN printf 'caf\\351 \\377\\376 ${nonce()}\\n'; head -c 10000000 /dev/zero | tr '\\0' x; echo; printf '\\033[2J\\033[31mred\\n'; false\n`,
    });
    const run = await made.dwt(['build', '--json', '--progress', 'plain']);
    expect(run.status).toBe(1);
    expect(run.stderr).toContain('caf\ufffd');
    expect(run.stderr).not.toContain('\u001b[2J');
    expect(run.stderr.length).toBeLessThan(1_000_000);
    expect(run.json<BuildJson>().images[0]?.error?.detail).toContain('red');
  });
});

describe('interruption', () => {
  const slow = () => ({ Dockerfile: `FROM ${base} AS a\nRUN echo started; sleep 120; echo ${nonce()}\n` });

  test('Ctrl-C ends the build on the engine within 2 s, with 130 and nothing left behind', async () => {
    const made = await project(slow());
    const running = made.start(['build', '--json', '--progress', 'plain']);
    await running.said('|   started');
    const interrupted = Date.now();
    running.child.kill('SIGINT');
    const run = withJson(await running.result);
    expect(run.status).toBe(130);
    expect(Date.now() - interrupted).toBeLessThan(2000);
    expect(run.json<BuildJson>().images[0]?.error?.code).toBe('INTERRUPTED');
    expect(await engine.inspectImage(`${made.name}/a:latest`)).toBeNull();
    // The step has ended on the engine too: the same step, were it still running, would be joined and not say it again.
    const again = made.start(['build', '--progress', 'plain']);
    await again.said('|   started');
    again.child.kill('SIGINT');
    expect((await again.result).status).toBe(130);
  });
});

describe('unusual projects', () => {
  test('two builds of one project at once both succeed with the same layers', async () => {
    const made = await project(family());
    const runs = await Promise.all([made.dwt(['build', '--json']), made.dwt(['build', '--json'])]);
    expect(runs.map(({ status }) => status)).toEqual([0, 0]);
    const layers = await Promise.all(
      runs.map(async (run) => {
        const { images } = run.json<BuildJson>();
        const details = await Promise.all(images.map(({ id }) => engine.inspectImage(id ?? '')));
        return details.map((image) => image?.layers);
      }),
    );
    expect(layers[0]).toEqual(layers[1]);
    expect(layers[0]?.every((each) => each !== undefined && each.length > 0)).toBe(true);
    expect(actions(await made.dwt(['build', '--json']))).toEqual({
      lab: 'reused',
      plain: 'reused',
      sidecar: 'reused',
    });
  });

  test('a file of 3 GB goes to the engine whole', async () => {
    const made = await project({
      Dockerfile: `FROM ${base} AS a\nRUN --mount=type=bind,source=large,target=/large stat -c %s /large/file > /size; echo ${nonce()}\nRUN grep -x 3221225472 /size\n`,
      'large/note': 'sparse',
    });
    await writeFile(join(made.folder, 'large/file'), 'x');
    await truncate(join(made.folder, 'large/file'), 3 * 1024 ** 3);
    expect((await stat(join(made.folder, 'large/file'))).size).toBe(3 * 1024 ** 3);
    const run = await made.dwt(['build', '--json']);
    expect(run.status).toBe(0);
  }, 300_000);

  test('a context of 100,000 files is read and sent', async () => {
    const made = await project({
      Dockerfile: `FROM ${base} AS a\nCOPY many/ /many/\nRUN test "$(ls /many | wc -l)" = 100000\n`,
    });
    await promisify(execFile)('sh', ['-c', 'mkdir many && cd many && seq 100000 | xargs touch'], {
      cwd: made.folder,
    });
    const run = await made.dwt(['build', '--json']);
    expect(run.status).toBe(0);
  }, 300_000);

  test('a stage without a name is built where it is the last one, and is no target elsewhere', async () => {
    const made = await project({
      Dockerfile: `FROM ${base}\nRUN echo ${nonce()}\nFROM ${base}\nCOPY --from=0 /etc/hostname /copied\n`,
    });
    expect(actions(await made.dwt(['build', '--json']))).toEqual({ 1: 'built' });
    const run = await made.dwt(['build', '0', '--json']);
    expect(run.status).toBe(2);
    expect(run.stdout).toContain('AS name');
  });

  test('a Dockerfile without dwt.yaml is a project', async () => {
    const made = await project({ Dockerfile: `FROM ${base} AS only\nRUN echo ${nonce()}\n` });
    const folder = await mkdtemp(join(tmpdir(), 'dwt-bare-'));
    try {
      await copyFile(join(made.folder, 'Dockerfile'), join(folder, 'Dockerfile'));
      const run = await made.dwt(['build', '--json', '--project', folder]);
      expect(run.status).toBe(0);
      const [image] = run.json<BuildJson>().images;
      expect(image).toMatchObject({ stage: 'only', action: 'built' });
      await engine.removeImage(image?.reference ?? '');
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});
