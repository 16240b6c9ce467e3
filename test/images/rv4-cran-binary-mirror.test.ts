/** The job that fills the CRAN binary mirror: 200 packages, a real S3 server, what goes wrong, and R that installs from it. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { buildTimeout, type Container, Lab } from './images.ts';
import { type S3, startS3 } from './s3.ts';
import { type SourcePackage, SyntheticCran } from './synthetic-cran.ts';

const minutes = 60_000;
const repository = 'cran-binary-debian-trixie-r-4.5';

let lab: Lab;
let image: (stage: string) => string;
let network: string;
let s3: S3;

beforeAll(async () => {
  lab = await Lab.open();
  image = await lab.build('rv4', 'rv4-cran-binary-mirror');
  network = await lab.isolated();
  s3 = await startS3(lab, network, 'mirrors');
}, buildTimeout);
afterAll(() => lab.close(), minutes);

/** A mirror root of its own in the bucket, with sources where the platform's other job would have put them. */
class MirrorRoot {
  readonly folder: string;
  readonly url: string;
  readonly contrib: string;
  readonly cran: SyntheticCran;

  constructor(name: string) {
    this.folder = `${name}/`;
    this.url = `${s3.url}/${s3.bucket}/${name}`;
    this.contrib = `${this.folder}${repository}/src/contrib/`;
    this.cran = new SyntheticCran(s3, `${this.folder}cran/`);
  }

  /** Starts the job for packages of a list of the test's own. */
  start(
    packages: readonly string[],
    environment: Readonly<Record<string, string>> = {},
    volumes: Readonly<Record<string, string>> = {},
  ): Promise<Container> {
    return lab.start({
      image: image('rv4-cran-binary-mirror'),
      network: `container:${s3.container}`,
      environment: {
        MIRROR_ROOT: this.url,
        ...s3.taskEnvironment(this.folder),
        CRAN_BINARY_PACKAGES: packages.join(' '),
        ...environment,
      },
      volumes,
    });
  }

  async run(...parameters: Parameters<MirrorRoot['start']>): Promise<{ status: number; said: string }> {
    return ended(await this.start(...parameters));
  }

  /** Objects of the repository: their sums by name. */
  files = (): Promise<Record<string, string>> => s3.list(this.contrib);

  /** Package → version, as the index names them. */
  async index(): Promise<Record<string, string>> {
    const text = await s3.get(`${this.contrib}PACKAGES`);
    return Object.fromEntries(
      [...text.matchAll(/^Package: (.*)\nVersion: (.*)$/gm)].map(([, name, version]) => [name, version]),
    );
  }
}

async function ended(job: Container): Promise<{ status: number; said: string }> {
  const status = await lab.engine.waitContainer(job.id);
  return { status, said: await job.logs() };
}

const name = (number: number): string => `pkg${`${number}`.padStart(3, '0')}`;
const names = (...numbers: number[]): string[] => numbers.map(name);
const range = (first: number, last: number): number[] =>
  Array.from({ length: last - first + 1 }, (_, index) => first + index);
const parents = (number: number): number[] =>
  [...new Set([Math.floor(number / 2), Math.floor(number / 3)])].filter((parent) => parent > 0);

/** The packages with a line in the summary that says this of them. */
const listed = (said: string, action: string): string[] =>
  [...said.matchAll(new RegExp(`^${action} +(\\S+) `, 'gm'))].map(([, found = '']) => found).sort();

const withC = (number: number): boolean => number % 20 === 0;
/** Its header is compiled into those with C; and its class is what the class of 14 is made of. */
const header = 10;
const classes = 7;

function source(number: number, version = '1.0'): SourcePackage {
  const fields: Record<string, string> = { Imports: ['methods', ...names(...parents(number))].join(', ') };
  const terms = names(...parents(number)).map((parent) => `${parent}::value()`);
  const files: Record<string, string> = {
    'R/value.R': `value <- function() ${['1', ...terms].join(' + ')}\n`,
  };
  let namespace = 'export(value)\n';
  if (number === header) files['inst/include/answer.h'] = '#define ANSWER 42\n';
  if (withC(number)) {
    fields['LinkingTo'] = name(header);
    files['src/init.c'] =
      '#include <answer.h>\n#include <Rinternals.h>\nSEXP answer(void) { return Rf_ScalarInteger(ANSWER); }\n';
    files['R/answer.R'] = 'answer <- function() .Call("answer")\n';
    namespace += `export(answer)\nuseDynLib(${name(number)})\n`;
  }
  if (number === classes) {
    files['R/classes.R'] = 'setClass("Base", representation(x = "numeric"))\n';
    namespace += 'import(methods)\nexportClasses(Base)\n';
  }
  if (number === classes * 2) {
    files['R/classes.R'] = 'setClass("Derived", contains = "Base")\n';
    namespace += `import(methods)\nimportClassesFrom(${name(classes)}, Base)\nexportClasses(Derived)\n`;
  }
  return { version, fields, namespace, files };
}

describe('a mirror of 200 packages', () => {
  let root: MirrorRoot;
  let reader: Container;
  const all = names(...range(101, 200));

  beforeAll(async () => {
    root = new MirrorRoot('root');
    for (const number of range(1, 200)) root.cran.packages.set(name(number), source(number));
    root.cran.packages.set('unwanted', { version: '1.0' });
    await root.cran.upload();
    reader = await lab.start(
      { image: image('rv4'), network, command: ['sleep', 'infinity'] },
      { '/reader.R': await readFile(join(import.meta.dirname, 'reader.R'), 'utf8') },
    );
    const listing = `${s3.url}/${s3.bucket}?list-type=2&prefix=${root.contrib}`;
    await reader.shell(
      `Rscript /reader.R '${s3.url}/${s3.bucket}/${root.contrib}' '${listing}' >/tmp/read 2>&1 &`,
      'dw-user',
    );
  }, 5 * minutes);

  test(
    'killed half-way, and then filled by two at once, each with a part of it: nothing is lost, and nothing done twice',
    async () => {
      const killed = await root.start(all);
      for (let uploaded = 0; uploaded < 50; await sleep(500)) {
        expect((await lab.engine.containerState(killed.id)).running).toBe(true);
        uploaded = Object.keys(await root.files()).length;
      }
      await lab.engine.signalContainer(killed.id, 'SIGKILL');
      await lab.engine.waitContainer(killed.id);
      const left = Object.keys(await root.files());
      expect(left).not.toContain('PACKAGES');

      const runs = await Promise.all(
        [all.slice(0, 50), all.slice(50)].map(async (part) =>
          ended(await root.start(part, { CRAN_BINARY_JOBS: '1' })),
        ),
      );
      for (const { status, said } of runs) expect([status, said]).toEqual([0, expect.any(String)]);
      expect(await root.index()).toEqual(
        Object.fromEntries(names(...range(1, 200)).map((each) => [each, '1.0'])),
      );
      // What the killed one uploaded was compiled by neither.
      const compiled = runs.flatMap(({ said }) => listed(said, 'compiled'));
      expect(compiled.filter((each) => left.includes(`${each}_1.0.tar.gz`))).toEqual([]);
      const files = Object.keys(await root.files());
      expect(files.filter((file) => /[0-9]\.tar\.gz$/.test(file))).toHaveLength(200);
      expect(files).not.toContain('unwanted_1.0.tar.gz');
      const packages = await s3.get(`${root.contrib}PACKAGES`);
      const gz = await fetch(`${s3.url}/${s3.bucket}/${root.contrib}PACKAGES.gz`);
      expect(gunzipSync(await gz.arrayBuffer()).toString()).toBe(packages);
    },
    // Each package takes a second of a processor, and a busy machine has few.
    2 * buildTimeout,
  );

  test(
    'with nothing changed nothing is compiled, and no object is touched',
    async () => {
      const before = await root.files();
      const { status, said } = await root.run(all);
      expect([status, said]).toEqual([
        0,
        expect.stringContaining('0 compiled, 0 found uploaded, 200 unchanged'),
      ]);
      expect(await root.files()).toEqual(before);
    },
    10 * minutes,
  );

  test(
    'what changed is compiled, and what it is a part of; what fails is named with its log, what needs it is skipped, and the rest is there',
    async () => {
      const { packages } = root.cran;
      packages.set(name(classes), source(classes, '2.0'));
      const newer = source(header, '1.1');
      packages.set(name(header), {
        ...newer,
        files: { ...newer.files, 'inst/include/answer.h': '#define ANSWER 43\n' },
      });
      // The same version of another source.
      packages.set(name(50), { ...source(50), files: { 'R/value.R': 'value <- function() 50\n' } });
      packages.set(name(30), {
        ...source(30, '1.1'),
        namespace: `export(value)\nuseDynLib(${name(30)})\n`,
        files: {
          'R/value.R': 'value <- function() 1\n',
          'src/init.c': 'int broken(void) { return this_is_not_declared; }\n',
        },
      });
      packages.set(name(61), source(61, '1.1'));
      await root.cran.upload();
      const before = await root.files();

      const { status, said } = await root.run(all);
      expect(status).toBe(1);
      expect(listed(said, 'compiled')).toEqual(names(7, 10, 14, 20, 40, 50, 80, 100, 140, 160, 200));
      expect(listed(said, 'failed')).toEqual(names(30));
      expect(listed(said, 'skipped')).toEqual(names(60, 61, 120, 180));
      expect(said).toMatch(/^failed +pkg030 +1\.1 .*this_is_not_declared/m);
      expect(said).toMatch(/The end of the log of pkg030:\n( .*\n)*.*init\.c:1.*this_is_not_declared/);
      expect(said).toMatch(/^skipped +pkg061 +1\.1 +it needs pkg030$/m);
      expect(said).toMatch(/^11 compiled, 0 found uploaded, 184 unchanged, 1 failed, 4 skipped$/m);

      const index = await root.index();
      expect(index).toMatchObject({
        pkg007: '2.0',
        pkg010: '1.1',
        pkg030: '1.0',
        pkg050: '1.0',
        pkg061: '1.0',
      });
      const files = await root.files();
      // Those that were there before are kept: where an index that somebody has read just now names them, and for ever.
      for (const old of ['pkg007', 'pkg010']) {
        expect(files[`Archive/${old}/${old}_1.0.tar.gz`]).toBe(before[`${old}_1.0.tar.gz`]);
        expect(files[`${old}_1.0.tar.gz`]).toBe(before[`${old}_1.0.tar.gz`]);
      }
      expect(files['pkg050_1.0.tar.gz']).not.toBe(before['pkg050_1.0.tar.gz']);
      expect(files['pkg030_1.0.tar.gz']).toBe(before['pkg030_1.0.tar.gz']);

      packages.set(name(30), source(30, '1.2'));
      await root.cran.upload();
      const mended = await root.run(all);
      expect([mended.status, listed(mended.said, 'compiled')]).toEqual([0, names(30, 60, 61, 120, 180)]);
      expect(await root.index()).toMatchObject({ pkg030: '1.2', pkg061: '1.1' });
    },
    10 * minutes,
  );

  test(
    'who read the index all the while never found one that names a missing file',
    async () => {
      const wait = 'until grep -q ^rounds: /tmp/read; do sleep 0.2; done';
      await reader.shell(`touch /tmp/stop; timeout 120 bash -c '${wait}' || cat /tmp/read`, 'dw-user');
      const read = await reader.shell('cat /tmp/read');
      expect(read).not.toMatch(/missing|Error/);
      for (const form of ['PACKAGES', 'PACKAGES.gz', 'PACKAGES.rds'])
        expect(read).toContain(`seen: ${form} 200`);
      expect(Number(/rounds: (\d+)/.exec(read)?.[1])).toBeGreaterThan(10);
    },
    5 * minutes,
  );

  test(
    'a file that went missing is made again; what no index has named for a week is removed, but for the archive',
    async () => {
      await s3.age(root.contrib, 8);
      await s3.remove(`${root.contrib}pkg200_1.0.tar.gz`);
      const { status, said } = await root.run(all);
      expect([status, listed(said, 'compiled')]).toEqual([0, ['pkg200']]);
      expect(said).toContain('pkg200: the index names pkg200_1.0.tar.gz, which is not in the bucket');
      expect(said).toContain('199 unchanged, 4 old files removed');
      const files = Object.keys(await root.files());
      for (const old of ['pkg007', 'pkg010', 'pkg030', 'pkg061']) {
        expect(files).toContain(`Archive/${old}/${old}_1.0.tar.gz`);
        expect(files).not.toContain(`${old}_1.0.tar.gz`);
      }
    },
    10 * minutes,
  );

  test(
    'R installs from it without a compiler and without the internet',
    async () => {
      const tool = await lab.start({
        image: image('rv4'),
        network,
        environment: { MIRROR_ROOT: root.url },
        command: ['sleep', 'infinity'],
      });
      await tool.shell(
        'rm -f /usr/bin/*gcc* /usr/bin/*g++* /usr/bin/*cpp* /usr/bin/cc /usr/bin/c++ /usr/bin/make',
      );
      const script = `
        install.packages(c("pkg200", "pkg014"))
        derived <- getClass("Derived", where = asNamespace("pkg014"))
        cat("answer", pkg200::answer(), "value", pkg200::value(), "class", extends(derived, "Base"), "\\n")
        cat("header", packageDescription("pkg010")$Version, "\\n")
      `;
      const { exitCode, stdout, stderr } = await tool.run(['Rscript', '-e', script]);
      expect([exitCode, stdout + stderr]).toEqual([
        0,
        expect.stringMatching(/answer 43 value \d+ class TRUE \nheader 1\.1 /),
      ]);
      expect(stdout + stderr).toContain('installing *binary* package ‘pkg200’');
      expect(stdout + stderr).not.toContain('installing *source*');
    },
    10 * minutes,
  );
});

describe('what goes wrong is said in a line', () => {
  let root: MirrorRoot;
  beforeAll(async () => {
    root = new MirrorRoot('flawed');
    // It sees nothing of what the job is started with.
    const configure = '#!/bin/sh\n! env | grep -E "^(AWS|S3|MIRROR)_"\n';
    root.cran.packages.set('fine', { version: '1.0', files: { configure } });
    root.cran.packages.set('gone', { version: '1.0' });
    await root.cran.upload();
    await s3.remove('flawed/cran/src/contrib/gone_1.0.tar.gz');
    await s3.put('html/cran/src/contrib/PACKAGES.gz', '<html><body>Sign in</body></html>');
  });

  test(
    'of single packages, and the others are there',
    async () => {
      root.cran.packages.set('later', { version: '1.0', fields: { Depends: 'R (>= 99.0)' } });
      root.cran.packages.set('asks', { version: '1.0', fields: { Imports: 'nowhere, fine (>= 2.0)' } });
      root.cran.packages.set('other', { version: '1.0' });
      root.cran.packages.set('library', {
        version: '1.0',
        namespace: 'useDynLib(library)\n',
        files: {
          'src/init.c': 'double gsl_hypot(double, double);\ndouble five(void) { return gsl_hypot(3, 4); }\n',
          'src/Makevars': 'PKG_LIBS = -lgsl -lgslcblas\n',
        },
      });
      await root.cran.upload();
      await s3.put('flawed/cran/src/contrib/other_1.0.tar.gz', 'truncated');
      const wanted = ['fine', 'gone', 'later', 'asks', 'other', 'library', 'unheard.of', 'stats'];
      const { status, said } = await root.run(wanted);
      expect(status).toBe(1);
      expect(listed(said, 'compiled')).toEqual(['fine', 'library']);
      expect(said).toMatch(/^compiled +library .*asks for libgsl\.so\.\d+, .*which rv4 does not have$/m);
      expect(listed(said, 'failed')).toEqual(['asks', 'gone', 'later', 'other', 'unheard.of']);
      expect(said).toMatch(/^failed +gone .*the index of the source is stale: it names gone_1\.0\.tar\.gz/m);
      expect(said).toMatch(/^failed +other .*not what the index of the source means/m);
      expect(said).toMatch(
        /^failed +asks .*it needs fine \(>= 2\.0\), and the source has 1\.0|it needs nowhere/m,
      );
      expect(said).toMatch(/^failed +unheard\.of .*the source has no such package/m);
      expect(await root.index()).toEqual({ fine: '1.0', library: '1.0' });
    },
    5 * minutes,
  );

  test.each<[string, () => Record<string, string>, number, RegExp]>([
    [
      'a mirror that is gone',
      () => ({ CRAN_SOURCE: `${s3.url.replace(':9000', ':9')}/cran` }),
      1,
      /sources cannot be had from .*refused/,
    ],
    [
      'a mirror of something else',
      () => ({ MIRROR_ROOT: `${s3.url}/mirrors/elsewhere` }),
      1,
      /there is no mirror of CRAN: .*elsewhere/,
    ],
    [
      'a page instead of an index',
      () => ({ MIRROR_ROOT: `${s3.url}/mirrors/html` }),
      1,
      /not an index of R's packages \(it starts with .*<html>/,
    ],
    ['no bucket of that name', () => ({ S3_BUCKET: 'not-there' }), 1, /there is no bucket called not-there/],
    [
      'a bucket that refuses',
      () => ({ S3_BUCKET: 'refusing' }),
      1,
      /S3 does not let the job \w+ s3:\/\/refusing.*AccessDenied/,
    ],
    [
      'no credentials',
      () => ({ AWS_CONTAINER_CREDENTIALS_RELATIVE_URI: '/none' }),
      1,
      /cannot be used: .*credentials/,
    ],
    [
      'a variable that is none',
      () => ({ MIRROR_ROOT: 'ftp://x' }),
      2,
      /MIRROR_ROOT is 'ftp:\/\/x', not an http or https URL/,
    ],
    [
      'a list with something else in it',
      () => ({ CRAN_BINARY_PACKAGES: 'fine ../x' }),
      2,
      /CRAN_BINARY_PACKAGES has '..\/x'/,
    ],
  ])(
    '%s',
    async (_, environment, status, line) => {
      const before = await root.files();
      const ran = await root.run(['fine'], environment());
      expect([ran.status, ran.said]).toEqual([status, expect.stringMatching(line)]);
      expect(ran.said).not.toContain('Traceback');
      expect(await root.files()).toEqual(before);
    },
    5 * minutes,
  );

  test(
    'a disk that is full',
    async () => {
      root.cran.packages.set('large', { version: '1.0', files: { 'inst/zeros': '\0'.repeat(12_000_000) } });
      await root.cran.upload();
      const disk = { [await lab.volume(20_000_000)]: '/small' };
      const { status, said } = await root.run(['large'], { TMPDIR: '/small' }, disk);
      expect([status, said]).toEqual([1, expect.stringMatching(/the disk is full/)]);
    },
    5 * minutes,
  );

  test(
    'SIGTERM ends it at once, and what it compiles',
    async () => {
      root.cran.packages.set('slow', { version: '1.0', files: { configure: '#!/bin/sh\nsleep 600\n' } });
      await root.cran.upload();
      const job = await root.start(['slow']);
      for (let said = ''; !said.includes('1 packages from'); said = await job.logs()) await sleep(200);
      const { seconds, exitCode } = await job.stop();
      expect(exitCode).toBe(143);
      expect(seconds).toBeLessThan(10);
      expect(await job.logs()).toContain('it is stopped');
    },
    5 * minutes,
  );
});
