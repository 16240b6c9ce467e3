/**
 * A push to ECR, by dwt and by an engine that both know it by its own name, through a proxy. The engine is a private one
 * of the test, since an engine's proxy is chosen when it starts; that needs root.
 */
import { randomBytes } from 'node:crypto';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { connectEngine } from '../../src/engine/connect.ts';
import { contractDigest } from '../../src/proof/contract-digest.ts';
import { keepVerdict } from '../../src/proof/verdicts.ts';
import { engineDown, engineUp } from '../../src/workflows/engine.ts';
import { type CliResult, runCli, startCli } from '../support/cli.ts';
import { account, ecrName, startEcr, type TestEcr } from '../support/ecr.ts';
import { testEngine } from '../support/engine.ts';

const root = process.getuid?.() === 0;
const secretKey = randomBytes(20).toString('hex');
const credentials = { AWS_ACCESS_KEY_ID: 'AKIATESTTESTTESTTEST', AWS_SECRET_ACCESS_KEY: secretKey };
const name = `dwt-ecr-${randomBytes(4).toString('hex')}`;

interface Failure {
  readonly code: string;
  readonly message: string;
  readonly hint: string | null;
  readonly detail?: string;
}
interface Entry {
  readonly stage: string;
  readonly reference: string;
  readonly digest: string | null;
  readonly action: string | null;
  readonly error?: Failure;
}
interface Pushed extends CliResult {
  readonly images: readonly Entry[];
  readonly created: readonly string[] | undefined;
  readonly error: Failure | undefined;
}
interface Doctored extends CliResult {
  readonly checks: readonly { name: string; verdict: string; detail: string; hint: string | null }[];
  readonly publishing: {
    identity: string;
    source: string;
    expiresAt: string;
    repositories: unknown[];
  } | null;
}

let ecr: TestEcr;
let engine: string;
let home: string;
let project: string;
let engineEnvironment: NodeJS.ProcessEnv;
let stopEngine = async (): Promise<void> => {};

beforeAll(async () => {
  ecr = await startEcr();
  home = await mkdtemp(join(tmpdir(), 'dwt-ecr-home-'));
  project = await mkdtemp(join(tmpdir(), 'dwt-ecr-project-'));
  await writeFile(
    join(project, 'Dockerfile'),
    'FROM scratch AS base\nCOPY base /base\nFROM base AS a\nCOPY a /a\nFROM base AS b\nCOPY b /b\n',
  );
  await writeFile(
    join(project, 'dwt.yaml'),
    `version: 1
name: ${name}
environments:
  dev: {registry: "\${AWS_ACCOUNT_ID}.dkr.ecr.eu-west-2.amazonaws.com", repository: "dev/{suffix}"}
  prod: {registry: "\${AWS_ACCOUNT_ID}.dkr.ecr.eu-west-2.amazonaws.com", repository: "prod/{suffix}", create: {immutable: true, scan: true}}
  shown: {registry: "\${AWS_ACCOUNT_ID}.dkr.ecr.eu-west-2.amazonaws.com", repository: "shown/{suffix}"}
  hidden: {registry: "\${AWS_ACCOUNT_ID}.dkr.ecr.eu-west-2.amazonaws.com", repository: "shown/hidden/{suffix}"}
  released: {registry: "\${AWS_ACCOUNT_ID}.dkr.ecr.eu-west-2.amazonaws.com", repository: "released/{suffix}"}
  gallery: {registry: public.ecr.aws, repository: "x1y2z3/{suffix}"}
stages:
  base: {kind: shared}
  a: {kind: tool, publish: {suffix: tool-a, tag: master}}
  b: {kind: tool, publish: {suffix: tool-b, tag: v1}}
`,
  );
  for (const file of ['base', 'a', 'b']) await writeFile(join(project, file), randomBytes(50_000));
  engine = testEngine();
  if (root) await startOwnEngine();
}, 300_000);

async function startOwnEngine(): Promise<void> {
  const [data, runtime] = await Promise.all(
    ['data', 'run'].map((word) => mkdtemp(join(tmpdir(), `dwt-ecr-${word}-`))),
  );
  engineEnvironment = {
    ...process.env,
    ...{ XDG_DATA_HOME: data, XDG_RUNTIME_DIR: runtime, DOCKER_HOST: undefined },
    ...{ HTTPS_PROXY: ecr.proxy, https_proxy: undefined, NO_PROXY: '', SSL_CERT_FILE: ecr.ca },
  };
  const options = {
    environment: engineEnvironment,
    emit: () => undefined,
    signal: new AbortController().signal,
  };
  stopEngine = async () => {
    await engineDown({ ...options, purge: true });
    for (const folder of [data, runtime]) await rm(folder as string, { recursive: true, force: true });
  };
  ({ url: engine } = await engineUp(options));
}

afterAll(async () => {
  await stopEngine();
  await ecr.stop();
  for (const folder of [home, project]) await rm(folder, { recursive: true, force: true });
}, 60_000);

beforeEach(() => {
  ecr.forget();
});
afterEach(async () => {
  ecr.refuse = () => null;
  ecr.watch = () => undefined;
  await rm(join(home, '.docker'), { recursive: true, force: true });
  await rm(join(home, '.aws'), { recursive: true, force: true });
});

const options = (more: Record<string, string> = {}) => ({
  cwd: project,
  home,
  environment: { DOCKER_HOST: engine, AWS_ACCOUNT_ID: account, ...ecr.environment, ...credentials, ...more },
});

async function push(words: readonly string[], more?: Record<string, string>): Promise<Pushed> {
  const result = await runCli(['push', '--json', ...words], options(more));
  const { images = [], created, error } = JSON.parse(result.stdout);
  return { ...result, images, created, error };
}

async function doctor(env: string, more?: Record<string, string>): Promise<Doctored> {
  const result = await runCli(['doctor', '--json', '--env', env], options(more));
  const { checks, publishing } = JSON.parse(result.stdout);
  const ours = (checks as Doctored['checks']).filter(({ name }) => /^(login|repository)/.test(name));
  return { ...result, checks: ours, publishing };
}

async function build(): Promise<void> {
  const { status, stderr } = await runCli(['build', '--progress', 'quiet'], options());
  if (status !== 0) throw new Error(`The build failed: ${stderr}`);
}

const repositories = async () =>
  (
    await ecr.call<{
      repositories: {
        repositoryName: string;
        imageTagMutability: string;
        imageScanningConfiguration: { scanOnPush: boolean };
      }[];
    }>('DescribeRepositories', {})
  ).repositories
    .map((one) => [one.repositoryName, one.imageTagMutability, one.imageScanningConfiguration.scanOnPush])
    .sort();

const base64 = (text: string): string => Buffer.from(text).toString('base64');

const blobUploads = () => ecr.requests.filter((request) => /^PUT .*\/blobs\/uploads\//.test(request));

describe('dwt doctor --env', () => {
  test('says who one is, and that repositories are missing, without making any', async () => {
    const { status, checks, publishing } = await doctor('dev');
    expect(status).toBe(1);
    expect(publishing).toMatchObject({
      environment: 'dev',
      registry: ecrName,
      identity: expect.stringMatching(/^arn:aws:sts::123456789012:/),
      source: 'AWS',
      repositories: [
        { stage: 'a', repository: 'dev/tool-a', tag: 'master', exists: false, immutable: null, push: false },
        { stage: 'b', repository: 'dev/tool-b', tag: 'v1', exists: false, immutable: null, push: false },
      ],
    });
    const left = Date.parse(publishing?.expiresAt ?? '') - Date.now();
    expect(left).toBeGreaterThan(11 * 3600_000);
    expect(checks.map(({ name, verdict }) => [name, verdict])).toEqual([
      ['login', 'ok'],
      ['repository dev/tool-a:master', 'fail'],
      ['repository dev/tool-b:v1', 'fail'],
    ]);
    expect(checks[1]?.hint).toContain('--create-repositories');
    expect(await repositories()).toEqual([]);
  });

  test('refuses an environment that there is not, or that lacks a variable, before anything is asked', async () => {
    const refused = async (env: string, more?: Record<string, string>) => {
      const { status, stdout } = await runCli(['doctor', '--json', '--env', env], options(more));
      return [status, JSON.parse(stdout).error.code];
    };
    expect(await refused('prd')).toEqual([2, 'ENVIRONMENT_UNKNOWN']);
    expect(await refused('prod', { AWS_ACCOUNT_ID: '' })).toEqual([2, 'VARIABLE_UNSET']);
    expect([ecr.actions, ecr.requests]).toEqual([[], []]);
  });

  test('says that one may push, or may not, or may see nothing of repositories', async () => {
    await ecr.call('CreateRepository', { repositoryName: 'dev/tool-a' });
    const there = await doctor('dev');
    expect(there.publishing?.repositories[0]).toMatchObject({ exists: true, immutable: false, push: true });
    ecr.refuse = (action) => (action === 'DescribeRepositories' ? accessDenied : null);
    const blind = await doctor('dev');
    expect(blind.publishing?.repositories[0]).toMatchObject({ exists: null, immutable: null, push: true });
    ecr.refuse = () => null;
    ecr.watch = () => ecr.revoke();
    const refused = await doctor('dev');
    expect(refused.publishing?.repositories[0]).toMatchObject({ push: false });
    expect(refused.checks[1]?.detail).toContain('authorization token has expired');
    expect(ecr.requests.filter((request) => /^(PUT|PATCH)/.test(request))).toEqual([]);
    await ecr.call('DeleteRepository', { repositoryName: 'dev/tool-a' });
  });
});

const accessDenied = {
  status: 400,
  body: { __type: 'AccessDeniedException', message: 'User: arn:aws:iam::1:user/x is not authorized' },
};

describe("the credentials of AWS's chain", () => {
  const message = async (more?: Record<string, string>) => {
    const { status, checks, publishing } = await doctor('dev', more);
    expect([status, publishing]).toEqual([1, null]);
    return `${checks[0]?.detail} ${checks[0]?.hint}`;
  };

  test('are missing', async () => {
    const said = await message({ AWS_ACCESS_KEY_ID: '', AWS_SECRET_ACCESS_KEY: '' });
    expect(said).toMatch(/has no AWS credentials .* AWS_PROFILE .* `aws sso login`/);
  });

  test('are of a session of SSO that is over', async () => {
    await mkdir(join(home, '.aws/sso/cache'), { recursive: true });
    await writeFile(
      join(home, '.aws/config'),
      '[profile work]\nsso_session = s\nsso_account_id = 123456789012\nsso_role_name = r\n[sso-session s]\nsso_region = eu-west-2\nsso_start_url = https://sso.example.com/start\n',
    );
    const said = await message({ AWS_ACCESS_KEY_ID: '', AWS_SECRET_ACCESS_KEY: '', AWS_PROFILE: 'work' });
    expect(said).toMatch(/has no AWS credentials .*SSO.* `aws sso login`/);
  });

  test('are not taken any more', async () => {
    ecr.refuse = () => ({ status: 400, body: { __type: 'ExpiredTokenException', message: 'expired' } });
    expect(await message()).toMatch(/does not take the credentials .* log in again/);
  });

  test('may not ask for a token', async () => {
    ecr.refuse = () => accessDenied;
    expect(await message()).toMatch(/may not ecr:GetAuthorizationToken .* policy that allows/);
  });

  test('are of a profile, whose region is not that of the host', async () => {
    await mkdir(join(home, '.aws'), { recursive: true });
    await writeFile(join(home, '.aws/config'), '[profile work]\nregion = us-west-1\n');
    await writeFile(
      join(home, '.aws/credentials'),
      `[work]\naws_access_key_id = AKIA\naws_secret_access_key = ${secretKey}\n`,
    );
    const { publishing } = await doctor('dev', {
      ...{ AWS_ACCESS_KEY_ID: '', AWS_SECRET_ACCESS_KEY: '', AWS_PROFILE: 'work' },
    });
    expect(publishing).toMatchObject({ source: 'AWS' });
  });

  test('are not asked where docker names a helper for this very registry', async () => {
    await mkdir(join(home, '.docker'), { recursive: true });
    await writeFile(
      join(home, '.docker/config.json'),
      JSON.stringify({ credHelpers: { [ecrName]: 'ours' } }),
    );
    const helper = join(home, '.docker/docker-credential-ours');
    await writeFile(helper, '#!/bin/sh\necho \'{"Username":"AWS","Secret":"of-the-helper"}\'\n');
    await chmod(helper, 0o755);
    const path = `${join(home, '.docker')}${delimiter}${process.env['PATH']}`;
    const { publishing, checks } = await doctor('dev', { PATH: path });
    expect(publishing).toMatchObject({ identity: 'AWS', source: 'docker-credential-ours' });
    // It is no token of this registry's, which is what the registry says.
    expect(checks[1]).toMatchObject({ verdict: 'fail', detail: expect.stringContaining('may not push') });
    expect(ecr.actions).toEqual([]);
  });

  test('log in at the public gallery too, which lets in everybody who only reads', async () => {
    const token = Buffer.from('AWS:of-the-gallery').toString('base64');
    const expiresAt = Date.now() / 1000 + 3600;
    // moto has no public gallery: its one answer stands in for it.
    ecr.refuse = (_, target) =>
      target === 'SpencerFrontendService.GetAuthorizationToken'
        ? { status: 200, body: { authorizationData: { authorizationToken: token, expiresAt } } }
        : null;
    const { publishing, checks } = await doctor('gallery');
    expect(publishing).toMatchObject({ source: 'AWS', identity: expect.stringMatching(/^arn:/) });
    // The proxy of this test knows no such host.
    expect(checks[1]).toMatchObject({ verdict: 'warn', detail: expect.stringContaining('not known') });
    ecr.refuse = () => accessDenied;
    const nobody = await doctor('gallery');
    expect(nobody.publishing).toMatchObject({ identity: null });
    expect(nobody.checks[0]).toMatchObject({
      verdict: 'warn',
      hint: expect.stringContaining('ecr-public:GetAuthorizationToken'),
    });
  });

  test('are missing, and docker has a login of before', async () => {
    await doctor('dev');
    const auth = base64(`AWS:${ecr.passwords.at(-1)}`);
    await mkdir(join(home, '.docker'), { recursive: true });
    const auths = { [ecrName]: { auth } };
    await writeFile(join(home, '.docker/config.json'), JSON.stringify({ auths }));
    const { publishing, checks } = await doctor('dev', { AWS_ACCESS_KEY_ID: '', AWS_SECRET_ACCESS_KEY: '' });
    expect(publishing).toMatchObject({ identity: 'AWS', source: "docker's configuration", expiresAt: null });
    expect(checks[0]).toMatchObject({ verdict: 'warn', hint: expect.stringContaining('no AWS credentials') });
    // Where AWS answers, what was stored is not used.
    expect((await doctor('dev')).publishing).toMatchObject({ source: 'AWS' });
  });
});

const withEngine = () => {
  beforeAll(build, 120_000);

  test('a repository that is missing is named, with the way to make it', async () => {
    const { status, images, created } = await push(['a', '--env', 'dev']);
    expect([status, created]).toEqual([1, undefined]);
    expect(images[0]?.error).toMatchObject({
      code: 'PUSH_FAILED',
      message: `${ecrName} has no repository dev/tool-a.`,
      hint: expect.stringContaining('--create-repositories'),
    });
  }, 60_000);

  test('missing repositories are created when that is asked for, as the environment says', async () => {
    const names = [`${ecrName}/prod/tool-a`, `${ecrName}/prod/tool-b`];
    const dry = await push(['--env', 'prod', '--create-repositories', '--dry-run']);
    expect([dry.status, dry.created, await repositories()]).toEqual([0, names, []]);

    const first = await push(['--env', 'prod', '--create-repositories']);
    expect([first.status, first.created, first.images.map(({ action }) => action)]).toEqual([
      0,
      names,
      ['pushed', 'pushed'],
    ]);
    expect(await repositories()).toEqual([
      ['prod/tool-a', 'IMMUTABLE', true],
      ['prod/tool-b', 'IMMUTABLE', true],
    ]);

    ecr.forget();
    const second = await push(['--env', 'prod', '--create-repositories']);
    expect([second.status, second.created, second.images.map(({ action }) => action)]).toEqual([
      0,
      [],
      ['present', 'present'],
    ]);
    expect(ecr.actions).not.toContain('CreateRepository');
    // One token for both images, and no request that would write.
    expect(ecr.actions.filter((action) => action === 'GetAuthorizationToken').length).toBe(1);
    expect(ecr.requests.filter((request) => !/^(GET|HEAD)/.test(request))).toEqual([]);

    const { checks } = await doctor('prod');
    expect(checks[1]).toMatchObject({ verdict: 'warn', detail: expect.stringContaining('immutable') });
  }, 120_000);

  test('nobody may create them', async () => {
    ecr.refuse = (action) => (action === 'CreateRepository' ? accessDenied : null);
    const { status, error } = await push(['--env', 'dev', '--create-repositories']);
    expect([status, error]).toMatchObject([
      1,
      { code: 'CREDENTIALS_UNAVAILABLE', message: expect.stringContaining('ecr:CreateRepository') },
    ]);
    expect(ecr.requests).toEqual([]);
  }, 60_000);

  test('an immutable tag is not moved', async () => {
    await writeFile(join(project, 'a'), randomBytes(50_000));
    await build();
    const { status, images } = await push(['a', '--env', 'prod']);
    expect([status, images[0]?.error?.code]).toEqual([1, 'TAG_IMMUTABLE']);
    expect(images[0]?.error?.message).toContain('Nothing was sent.');
    expect(blobUploads()).toEqual([]);

    // Who may not ask what the repository is like is told by the registry itself.
    ecr.refuse = (action) => (action === 'DescribeRepositories' ? accessDenied : null);
    const blind = await push(['a', '--env', 'prod']);
    expect([blind.status, blind.images[0]?.error?.code]).toEqual([1, 'TAG_IMMUTABLE']);
    expect(JSON.stringify(blind.images[0]?.error)).toContain('repository is immutable');
  }, 90_000);

  test('a token that ends in the middle of a push is renewed', async () => {
    ecr.watch = (request) => {
      if (/^PUT .*\/blobs\/uploads\//.test(request) && blobUploads().length === 2) ecr.revoke();
    };
    const before = ecr.passwords.length;
    const { status, images, stderr } = await push(['--env', 'dev', '--create-repositories']);
    expect([status, images.map(({ action }) => action)]).toEqual([0, ['pushed', 'pushed']]);
    expect(stderr).not.toContain('Error');
    expect(ecr.passwords.length).toBe(before + 2);
    expect(blobUploads().length).toBeGreaterThan(2);
  }, 120_000);

  test('no secret is shown: not by a push, nor by one that fails, nor by doctor', async () => {
    const before = ecr.passwords.length;
    const seen = [
      await everythingOf(['push', '--env', 'shown', '--create-repositories', '--progress', 'plain']),
      // Every token is over as soon as it is used.
      await everythingOf(['push', '--env', 'hidden', '--progress', 'plain'], () => ecr.revoke()),
      await everythingOf(['push', '--env', 'hidden', '--json'], () => ecr.revoke()),
      await everythingOf(['doctor', '--env', 'shown', '--json']),
      await everythingOf(['doctor', '--env', 'hidden'], () => ecr.revoke()),
      await labels(),
    ].join('\n');
    expect(seen).toContain(`${ecrName}/shown/tool-a`);
    expect(seen).toContain('PUSH_DENIED');
    const tokens = ecr.passwords.slice(before);
    expect(tokens.length).toBeGreaterThan(5);
    for (const secret of [...tokens, ...tokens.map((token) => base64(`AWS:${token}`)), secretKey])
      expect(seen).not.toContain(secret);
  }, 180_000);

  test('a release goes there, with its record and its evidence', async () => {
    await believeProved();
    const words = ['release', '--json', '--env', 'released', '--create-repositories'];
    const { status, stdout, stderr } = await runCli(words, options());
    expect([status, stderr]).toEqual([0, expect.not.stringContaining('Error')]);
    expect(JSON.parse(stdout).images).toMatchObject([{ stage: 'a' }, { stage: 'b' }]);
    const names = (await repositories()).map(([repository]) => repository);
    expect(names).toEqual(
      expect.arrayContaining(['released/releases', 'released/tool-a', 'released/tool-b']),
    );
    const verified = await runCli(
      ['verify', `${ecrName}/released/tool-a:master`, '--json', '--engine', engine],
      options(),
    );
    const { verdict, proofs } = JSON.parse(verified.stdout);
    expect([verified.status, verdict]).toEqual([0, 'pass']);
    expect(proofs.map((proof: { name: string }) => proof.name).sort()).toEqual([
      'provenance',
      'sbom',
      'smoke-test',
    ]);
  }, 120_000);

  /** Images of nothing but a file keep no contract: they are said to, so that there is something to release. */
  async function believeProved(): Promise<void> {
    const connected = await connectEngine({ engine, environment: engineEnvironment });
    try {
      for (const stage of ['a', 'b']) {
        const image = (await connected.inspectImage(`${name}/${stage}:latest`))?.id ?? '';
        const at = new Date().toISOString();
        await keepVerdict(
          {
            ...{ image, stage, kind: 'tool', contract: contractDigest('tool', {}), verdict: 'pass' },
            ...{ checks: ['http'], failed: [], at, pageAt: null, version: '0.1.0' },
            results: [{ name: 'http', verdict: 'pass', detail: 'as the test says', seconds: 0 }],
          },
          { HOME: home },
        );
      }
    } finally {
      connected.close();
    }
  }

  /** All that a run writes and shows: stdout, stderr, the whole log, and each command line on this machine meanwhile. */
  async function everythingOf(words: readonly string[], watch = () => {}): Promise<string> {
    ecr.watch = watch;
    const log = join(home, `log-${randomBytes(4).toString('hex')}`);
    const { child, result } = startCli([...words, '--log-file', log, '--log-level', 'debug'], options());
    let ended = false;
    child.once('close', () => {
      ended = true;
    });
    const seen: string[] = [];
    while (!ended) {
      seen.push(await commandLines());
      await sleep(20);
    }
    expect(seen.join('\n')).toContain(log);
    const { stdout, stderr } = await result;
    return [stdout, stderr, await readFile(log, 'utf8'), ...seen].join('\n');
  }

  async function labels(): Promise<string> {
    const connected = await connectEngine({ engine, environment: engineEnvironment });
    try {
      const images = await connected.imagesByLabel([`dwt.project=${name}`]);
      expect(images.length).toBeGreaterThan(0);
      const details = images.map(({ id }) => connected.inspectImage(id));
      return JSON.stringify(await Promise.all(details));
    } finally {
      connected.close();
    }
  }
};

/** Without root, the ways to the API and to the registry are all that can be seen. */
if (root) describe('dwt push', withEngine);

/** Every command line on this machine, as any user's ps would show it. */
async function commandLines(): Promise<string> {
  const processes = (await readdir('/proc')).filter((entry) => /^\d+$/.test(entry));
  const lines = await Promise.all(
    processes.map((pid) => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')),
  );
  return lines.join('\n');
}
