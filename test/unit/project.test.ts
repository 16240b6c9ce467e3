/* biome-ignore-all lint/suspicious/noTemplateCurlyInString: the variables of project files are written so. */
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, describe, expect, test } from '@jest/globals';
import { DwtError } from '../../src/errors.ts';
import { resolveEnvironment } from '../../src/project/environments.ts';
import { jsonSchema } from '../../src/project/json-schema.ts';
import { loadProject } from '../../src/project/load.ts';
import type { Project } from '../../src/project/project.ts';
import { listStages } from '../../src/workflows/stages.ts';

const folders: string[] = [];

afterEach(async () => {
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true });
});

async function folderWith(files: Readonly<Record<string, string | Uint8Array>>): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'dwt-project-'));
  folders.push(folder);
  for (const [name, content] of Object.entries(files)) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), content);
  }
  return folder;
}

const dockerfile = 'FROM scratch AS base\nFROM base AS python\nFROM python AS python-lab\n';

async function load(yaml: string, source = dockerfile): Promise<Project> {
  return loadProject({ cwd: await folderWith({ 'dwt.yaml': yaml, Dockerfile: source }) });
}

async function refusal(loading: Promise<unknown>): Promise<DwtError> {
  const error: unknown = await loading.then(
    () => null,
    (thrown: unknown) => thrown,
  );
  if (error instanceof DwtError) return error;
  throw error ?? new Error('it was accepted');
}

const whole = `version: 1
name: tools
environments:
  dev: {registry: "\${ACCOUNT}.example.com", repository: "dev-{suffix}"}
  home:
    registry: localhost:5000
    repository: "\${PLACE:-here}/{suffix}"
artifacts:
  server: {url: "https://example.com/server.deb"}
stages:
  base:
  python:
    description: Python
    checks: {http: {path: /health}, ready-within: 1m30s, page: {visible: Launcher, allow: {favicon: it has none}}, commands: {git: git --version, r: R --version}}
  python-lab:
    kind: tool
    publish: {suffix: lab-python, tag: master}
    needs: [debian, pypi, server]
    checks: {http: {status: [200, 302]}, page: {visible: [Lab, {selector: canvas}], prefix: {BASE: "/{prefix}/"}, allow: {idle: it asks again}}, commands: {r: false, lfs: git lfs env}}
`;

describe('a project file', () => {
  test('is read whole, with checks inherited along FROM', async () => {
    const project = await load(whole);
    expect(project.name).toBe('tools');
    expect(Object.fromEntries(project.settings)).toEqual({
      base: { kind: 'shared', description: null, publish: null, needs: [], features: new Map(), checks: {} },
      python: {
        kind: 'shared',
        description: 'Python',
        publish: null,
        needs: [],
        features: new Map(),
        checks: {
          http: { path: '/health', status: [200] },
          readyWithin: 90,
          page: {
            path: '/health',
            visible: [{ text: 'Launcher' }],
            within: 30,
            prefix: null,
            allow: { favicon: 'it has none' },
          },
          commands: { git: 'git --version', r: 'R --version' },
        },
      },
      'python-lab': {
        kind: 'tool',
        description: null,
        publish: { suffix: 'lab-python', tag: 'master' },
        needs: ['debian', 'pypi', 'server'],
        features: new Map(),
        checks: {
          http: { path: '/health', status: [200, 302] },
          readyWithin: 90,
          page: {
            path: '/health',
            visible: [{ text: 'Lab' }, { selector: 'canvas' }],
            within: 30,
            prefix: { BASE: '/{prefix}/' },
            allow: { favicon: 'it has none', idle: 'it asks again' },
          },
          commands: { git: 'git --version', lfs: 'git lfs env' },
        },
      },
    });
    expect(Object.fromEntries(project.artifacts)).toEqual({
      server: {
        url: 'https://example.com/server.deb',
        sha256: null,
        standIn: false,
        location: { file: expect.stringMatching(/dwt\.yaml$/), line: 9, column: 3 },
      },
    });
  });

  test('takes away by false what a parent declares', async () => {
    const project = await load(
      'version: 1\nstages:\n  base: {checks: {http: {path: /a}, page: {visible: a, prefix: {P: "{prefix}"}}, metrics: {}, ends: {}}}\n  python: {checks: {page: {prefix: false}, metrics: false}}\n  python-lab: {checks: {http: false, page: false, ends: false}}\n',
    );
    const checks = (stage: string) => project.settings.get(stage)?.checks;
    expect(checks('base')).toMatchObject({
      metrics: { path: '/__metrics', port: 9121, names: null },
      ends: { within: 60, status: [0] },
    });
    expect(checks('python')).toEqual({
      http: { path: '/a', status: [200] },
      page: { path: '/a', visible: [{ text: 'a' }], within: 30, prefix: null, allow: {} },
      ends: { within: 60, status: [0] },
    });
    expect(checks('python-lab')).toEqual({});
  });

  test('may use anchors and merge keys', async () => {
    const project = await load(
      'version: 1\nstages:\n  base: &shared {description: d}\n  python: *shared\n  python-lab:\n    <<: *shared\n    kind: job\n',
    );
    expect(project.settings.get('python-lab')).toMatchObject({ kind: 'job', description: 'd' });
  });

  test.each<[string, string, string, { line: number; column?: number }, string | null]>([
    ['nothing', '', 'The project file is empty.', { line: 1 }, 'Begin it with "version: 1".'],
    ['a comment', '# nothing\n', 'The project file is empty.', { line: 1 }, 'Begin it with "version: 1".'],
    [
      'a tab',
      'version: 1\nstages:\n\tbase: {}\n',
      'A tab indents this line, and YAML allows spaces only.',
      { line: 3, column: 1 },
      'Line 3 is indented with a tab: use spaces.',
    ],
    [
      'a key twice',
      'version: 1\nname: a\nname: b\n',
      'The key "name" is given twice in one map.',
      { line: 3, column: 1 },
      'Remove one of the two.',
    ],
    [
      'an open bracket',
      'version: 1\nstages: {base: [\n',
      'The project file is no YAML: Flow sequence in block collection must be sufficiently indented and end with a ].',
      { line: 3 },
      null,
    ],
    [
      'two documents',
      'version: 1\n---\nversion: 1\n',
      'The project file has more than one YAML document.',
      { line: 2 },
      null,
    ],
    [
      'an unknown alias',
      'version: 1\nname: *x\n',
      'The project file cannot be read: Unresolved alias (the anchor must be set before the alias): x.',
      { line: 1 },
      null,
    ],
    [
      'text',
      'hello\n',
      'The project file is "hello", and a map of keys and values is expected.',
      { line: 1, column: 1 },
      'Write "version: 1".',
    ],
    [
      'a list of stages',
      'version: 1\nstages: [base]\n',
      'stages is a list, and a map of keys and values is expected.',
      { line: 2, column: 9 },
      'Every stage of the Dockerfile that has a name, by that name.',
    ],
    ['no version', 'name: a\n', 'The project file has no "version".', { line: 1 }, 'Write "version: 1".'],
    [
      'another version',
      'version: 2\n',
      'version is 2, and only 1 is allowed.',
      { line: 1, column: 10 },
      'Write "version: 1".',
    ],
    [
      'a quoted version',
      'version: "1"\n',
      'version is "1", and only 1 is allowed.',
      { line: 1, column: 10 },
      'Write 1 without quotes.',
    ],
    [
      'an unknown key',
      'version: 1\nstges: {}\n',
      'The project file has an unknown key "stges".',
      { line: 2, column: 1 },
      'Did you mean "stages"?',
    ],
    [
      'an unknown key of a stage',
      'version: 1\nstages:\n  base:\n    publsh: x\n',
      'stages.base has an unknown key "publsh".',
      { line: 4, column: 5 },
      'Did you mean "publish"?',
    ],
    [
      'an unknown kind',
      'version: 1\nstages:\n  base: {kind: tol}\n',
      'stages.base.kind is "tol", and allowed are shared, tool, visualisation, sidecar and job.',
      { line: 3, column: 16 },
      'Did you mean "tool"?',
    ],
    [
      'a number as a duration',
      'version: 1\nstages:\n  base: {checks: {ready-within: 60}}\n',
      'stages.base.checks.ready-within is 60, and text is expected.',
      { line: 3, column: 33 },
      'How long the image may take until its first right answer, such as 60s.',
    ],
    [
      'no duration',
      'version: 1\nstages:\n  base: {checks: {ready-within: soon}}\n',
      'stages.base.checks.ready-within: "soon" is no duration: write for example 60s, 1m30s or 500ms.',
      { line: 3, column: 33 },
      'How long the image may take until its first right answer, such as 60s.',
    ],
    [
      'no status',
      'version: 1\nstages:\n  base: {checks: {http: {status: [200, 99]}}}\n',
      'stages.base.checks.http.status.1: 99 is no HTTP status.',
      { line: 3, column: 40 },
      null,
    ],
    [
      'no path',
      'version: 1\nstages:\n  base: {checks: {http: {path: lab}}}\n',
      'stages.base.checks.http.path: "lab" does not start with /.',
      { line: 3, column: 32 },
      'Path that is asked for on port 8888. Default: /.',
    ],
    [
      'an unknown check',
      'version: 1\nstages:\n  base: {checks: {htttp: {}}}\n',
      'stages.base.checks has an unknown key "htttp".',
      { line: 3, column: 19 },
      'Did you mean "http"?',
    ],
    [
      'a key of a check all but known',
      'version: 1\nstages:\n  base: {checks: {page: {visibel: x}}}\n',
      'stages.base.checks.page has an unknown key "visibel".',
      { line: 3, column: 26 },
      'Did you mean "visible"?',
    ],
    [
      'a mark that is none',
      'version: 1\nstages:\n  base: {checks: {page: {visible: [Launcher, 3]}}}\n',
      'stages.base.checks.page.visible.1 is 3, and text, or a map of keys and values is expected.',
      { line: 3, column: 46 },
      null,
    ],
    [
      'a mark with an unknown key',
      'version: 1\nstages:\n  base: {checks: {page: {visible: {css: canvas}}}}\n',
      'stages.base.checks.page.visible has no "selector".',
      { line: 3, column: 26 },
      'CSS selector of an element, for what is no text.',
    ],
    [
      'a page that is none',
      'version: 1\nstages:\n  base: {checks: {page: yes please}}\n',
      'stages.base.checks.page is "yes please", and a map of keys and values, or false is expected.',
      { line: 3, column: 25 },
      'What people see of the image in a browser; looked at by dwt smoke-test --page. false: not what the parent stage declares.',
    ],
    [
      'a prefix that is nowhere',
      'version: 1\nstages:\n  base: {checks: {page: {prefix: {BASE: /}}}}\n',
      'stages.base.checks.page.prefix.BASE: "/" does not contain {prefix}, which stands for the path, such as user/lab.',
      { line: 3, column: 41 },
      null,
    ],
    [
      'a command that is none',
      'version: 1\nstages:\n  base: {checks: {commands: {git: true}}}\n',
      'stages.base.checks.commands.git is true, and text, or false is expected.',
      { line: 3, column: 35 },
      null,
    ],
    [
      'a port that is none',
      'version: 1\nstages:\n  base: {checks: {metrics: {port: 70000}}}\n',
      'stages.base.checks.metrics.port: 70000 is no port.',
      { line: 3, column: 35 },
      'Port, given to the sidecar as PORT. Default: 9121.',
    ],
    [
      'a sum that is none',
      'version: 1\nartifacts: {x: {url: "https://e/x", sha256: abc}}\n',
      'artifacts.x.sha256: "abc" is no SHA-256: 64 hexadecimal digits in lower case.',
      { line: 2 },
      "The file's SHA-256, in quotes; without it the file must be given with --artifact.",
    ],
    [
      'a repository without its suffix',
      'version: 1\nenvironments: {dev: {registry: h, repository: r}}\n',
      'environments.dev.repository: "r" does not contain {suffix}, which tells the images apart.',
      { line: 2 },
      "Repository of an image, with {suffix} where the stage's publish suffix goes.",
    ],
  ])('with %s is refused at its place', async (_title, yaml, message, location, hint) => {
    const error = await refusal(load(yaml));
    expect(error).toMatchObject({
      code: 'PROJECT_INVALID',
      message,
      location: { file: 'dwt.yaml', ...location },
    });
    if (hint !== null) expect(error.hint).toBe(hint);
  });

  const stages = (rest: string): string =>
    `version: 1\nstages:\n  base: {}\n  python: {}\n  python-lab: ${rest}\n`;

  test.each<[string, string, string, number, string]>([
    ['a need that is none', stages('{needs: [pypy]}'), 'PROJECT_INVALID', 5, 'Did you mean "pypi"?'],
    [
      'a check of another kind',
      stages('{kind: sidecar, checks: {page: {visible: x}}}'),
      'PROJECT_INVALID',
      5,
      'That is a check of the kind tool and the kind visualisation.',
    ],
    [
      'a check of another kind than it is by itself',
      stages('{checks: {ends: {status: 1}}}'),
      'PROJECT_INVALID',
      5,
      'That is a check of the kind job.',
    ],
    [
      'a shared stage that is published',
      stages('{kind: shared, publish: {suffix: a}}'),
      'PROJECT_INVALID',
      5,
      'Shared stages are not published: give it another kind, or remove "publish".',
    ],
    [
      'two images under one name',
      'version: 1\nstages:\n  base: {}\n  python: {kind: tool, publish: {suffix: x}}\n  python-lab: {kind: tool, publish: {suffix: x}}\n',
      'PROJECT_INVALID',
      5,
      'Give one of them another suffix or tag.',
    ],
    [
      'a suffix that is no name',
      stages('{kind: tool, publish: {suffix: A B}}'),
      'REFERENCE_INVALID',
      5,
      'It has lower case',
    ],
    [
      'a tag that is none',
      stages('{kind: tool, publish: {suffix: a, tag: "-x"}}'),
      'REFERENCE_INVALID',
      5,
      'A tag has at most 128',
    ],
    ['a name that is none', 'version: 1\nname: A B\n', 'REFERENCE_INVALID', 2, 'It has lower case'],
    ['a name that is a host', 'version: 1\nname: my.tools\n', 'REFERENCE_INVALID', 2, 'Without a dot'],
    [
      'a stage that the Dockerfile has not',
      'version: 1\nstages:\n  base: {}\n  pyhton: {}\n',
      'STAGE_MISMATCH',
      4,
      'Did you mean "python"?',
    ],
    [
      'a Dockerfile outside',
      'version: 1\ndockerfile: ../Dockerfile\n',
      'PROJECT_INVALID',
      2,
      'The folder is the build context',
    ],
  ])('with %s is refused', async (_title, yaml, code, line, hint) => {
    const error = await refusal(load(yaml));
    expect(error).toMatchObject({ code, location: { file: 'dwt.yaml', line } });
    expect(error.hint?.startsWith(hint)).toBe(true);
  });

  test('a stage that it leaves out is refused at the line of the Dockerfile', async () => {
    const error = await refusal(load('version: 1\nstages:\n  base: {}\n  python: {}\n'));
    expect(error).toMatchObject({ code: 'STAGE_MISMATCH', location: { file: 'Dockerfile', line: 3 } });
  });

  test('every other complaint is in the detail', async () => {
    const error = await refusal(load('version: 2\nnme: a\n'));
    expect(error.detail).toContain('    1 | version: 2\n                 ^');
    expect(error.detail).toContain('2:1 The project file has an unknown key "nme".');
  });

  test('too many aliases or bytes are refused', async () => {
    const bomb = [
      'version: 1',
      'a0: &a0 [x, x, x, x, x, x, x, x, x, x]',
      ...Array.from(
        { length: 8 },
        (_, index) => `a${index + 1}: &a${index + 1} [${`*a${index}, `.repeat(10)}]`,
      ),
    ].join('\n');
    expect((await refusal(load(bomb))).code).toBe('PROJECT_INVALID');
    expect((await refusal(load(`# ${'x'.repeat(1024 * 1024)}\nversion: 1\n`))).message).toBe(
      'The project file is larger than 1 MiB.',
    );
  });

  test('that is not UTF-8 is refused with its line', async () => {
    const cwd = await folderWith({
      'dwt.yaml': Buffer.from('version: 1\nname: \xff\n', 'latin1'),
      Dockerfile: dockerfile,
    });
    expect(await refusal(loadProject({ cwd }))).toMatchObject({
      code: 'PROJECT_INVALID',
      location: { line: 2 },
    });
  });
});

describe('where the project is', () => {
  test('a Dockerfile alone: leaves are tools, all others shared', async () => {
    const cwd = await folderWith({ 'My App_1/Dockerfile': dockerfile });
    const project = await loadProject({ cwd, project: 'My App_1' });
    expect(project.name).toBe('my-app-1');
    expect([...project.settings].map(([name, { kind, publish }]) => [name, kind, publish])).toEqual([
      ['base', 'shared', null],
      ['python', 'shared', null],
      ['python-lab', 'tool', { suffix: 'python-lab', tag: 'latest' }],
    ]);
  });

  test('stages without a name: only the last is an image', async () => {
    const cwd = await folderWith({ Dockerfile: 'FROM scratch\nFROM scratch\n' });
    const project = await loadProject({ cwd });
    expect([...project.settings].map(([name, { kind }]) => [name, kind])).toEqual([
      ['0', 'shared'],
      ['1', 'tool'],
    ]);
  });

  test.each<[string, string, string | undefined, string]>([
    ['here', '.', undefined, '.'],
    ['above', 'sub/deep', undefined, '.'],
    ['in dockerfiles', 'other', undefined, 'other/dockerfiles'],
    ['above, in dockerfiles', 'other/src', undefined, 'other/dockerfiles'],
    ['by its folder', 'sub', '../other/dockerfiles', 'other/dockerfiles'],
    ['by the folder around it', 'sub', '../other', 'other/dockerfiles'],
    ['by its file', 'sub', '../dwt.yaml', '.'],
  ])('%s', async (_title, cwd, project, expected) => {
    const yaml = 'version: 1\n';
    const folder = await folderWith({
      'dwt.yaml': yaml,
      Dockerfile: dockerfile,
      'sub/deep/x': '',
      'other/src/x': '',
      'other/dockerfiles/dwt.yaml': yaml,
      'other/dockerfiles/Dockerfile': dockerfile,
    });
    const loaded = await loadProject({ cwd: join(folder, cwd), ...(project !== undefined && { project }) });
    expect(loaded.folder).toBe(join(folder, expected));
  });

  test('nowhere', async () => {
    const cwd = await folderWith({ 'x/y': '', 'z/dwt.yaml': 'version: 1\n' });
    expect(await refusal(loadProject({ cwd, project: 'nope' }))).toMatchObject({
      code: 'PROJECT_NOT_FOUND',
      message: 'The folder nope does not exist.',
    });
    expect((await refusal(loadProject({ cwd, project: 'x/y' }))).code).toBe('PROJECT_NOT_FOUND');
    expect((await refusal(loadProject({ cwd, project: 'x' }))).code).toBe('DOCKERFILE_NOT_FOUND');
    expect(await refusal(loadProject({ cwd, project: 'z' }))).toMatchObject({
      code: 'DOCKERFILE_NOT_FOUND',
      message: 'The Dockerfile z/Dockerfile does not exist.',
    });
  });

  test('a Dockerfile that is not UTF-8, or wrong', async () => {
    const cwd = await folderWith({
      Dockerfile: Buffer.from('FROM scratch\nRUN echo \xe9\n', 'latin1'),
      'x/Dockerfile': 'FROM scratch\nRUM x\n',
    });
    expect(await refusal(loadProject({ cwd }))).toMatchObject({
      code: 'DOCKERFILE_INVALID',
      location: { line: 2 },
    });
    expect(await refusal(loadProject({ cwd, project: 'x' }))).toMatchObject({
      code: 'DOCKERFILE_INVALID',
      location: { file: join('x', 'Dockerfile'), line: 2 },
    });
  });
});

describe('resolveEnvironment', () => {
  test('substitutes variables and their defaults', async () => {
    const project = await load(whole);
    expect(resolveEnvironment(project, 'dev', { ACCOUNT: '42' })).toEqual({
      registry: '42.example.com',
      repository: 'dev-{suffix}',
      releases: 'dev-releases',
    });
    expect(resolveEnvironment(project, 'home', {})).toEqual({
      registry: 'localhost:5000',
      repository: 'here/{suffix}',
      releases: 'here/releases',
    });
  });

  test.each<[string, string, Record<string, string>, Record<string, unknown>]>([
    [
      'an unset variable',
      'dev',
      {},
      {
        code: 'VARIABLE_UNSET',
        message: expect.stringContaining('ACCOUNT is not set'),
        location: { file: 'dwt.yaml', line: 4 },
      },
    ],
    [
      'an empty variable',
      'dev',
      { ACCOUNT: '' },
      { code: 'VARIABLE_UNSET', message: expect.stringContaining('ACCOUNT is empty') },
    ],
    ['a registry that is none', 'dev', { ACCOUNT: 'https://x' }, { code: 'REFERENCE_INVALID' }],
    ['an unknown environment', 'dve', {}, { code: 'ENVIRONMENT_UNKNOWN', hint: 'Did you mean "dev"?' }],
  ])('refuses %s', async (_title, name, variables, expected) => {
    const project = await load(whole);
    expect(await refusal((async () => resolveEnvironment(project, name, variables))())).toMatchObject(
      expected,
    );
  });
});

test('the JSON Schema for editors is the one that the code has', async () => {
  const shipped = await readFile(join(import.meta.dirname, '../../schema/dwt.schema.json'), 'utf8');
  // Stale? Run: node scripts/generate-schema.ts
  expect(shipped).toBe(jsonSchema());
});

describe('listStages', () => {
  const image = (stage: string, reference: string) => ({
    id: 'sha256:1',
    references: [reference],
    digests: [],
    labels: { 'dwt.project': 'tools', 'dwt.stage': stage },
    size: 7,
  });

  test('knows what the engine has', async () => {
    const project = await load(whole);
    const engine = {
      imagesByLabel: async () => [
        image('python-lab', 'tools/python-lab:latest'),
        image('python', '<none>:<none>'),
      ],
    };
    const { stages } = await listStages({ project, engine });
    expect(stages).toEqual([
      expect.objectContaining({
        name: 'base',
        kind: 'shared',
        parent: null,
        children: ['python'],
        publish: null,
        image: 'scratch',
        built: false,
        size: null,
      }),
      expect.objectContaining({ name: 'python', parent: 'base', children: ['python-lab'], built: false }),
      expect.objectContaining({
        name: 'python-lab',
        kind: 'tool',
        publish: { suffix: 'lab-python', tag: 'master' },
        built: true,
        size: 7,
      }),
    ]);
  });

  test('needs no engine', async () => {
    const project = await load(whole);
    const lost = { imagesByLabel: () => Promise.reject(new DwtError('ENGINE_UNREACHABLE', 'Gone.')) };
    for (const engine of [null, lost]) {
      const { stages } = await listStages({ project, engine });
      expect(stages.map(({ built }) => built)).toEqual([null, null, null]);
    }
  });
});
