/**
 * Packages of R that an image and a user take from CRAN: a small one, made here and served by R itself, with code in C and
 * Fortran, packages that need others, one that fails, and one that is there compiled only.
 */
import { randomInt } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { testBase } from '../support/engine.ts';
import { buildTimeout, type Container, Lab } from './images.ts';

const home = '/home/dw-user';
const library = `${home}/R/x86_64-pc-linux-gnu-library/4.5`;
const mirrorRoot = 'http://mirror:8000';

let lab: Lab;
let image: string;
let network: string;
let mirror: Container;
/** Of this run's packages, so that no cache has them from another. */
const version = `1.0.${randomInt(1e6)}`;

beforeAll(async () => {
  lab = await Lab.open();
  image = (await lab.build('rv4-visualisation'))('rv4-visualisation');
  network = await lab.isolated();
  const script = await readFile(join(import.meta.dirname, 'cran.sh'), 'utf8');
  // On the network of builds, and on that of the tools.
  mirror = await lab.start({ image, command: ['sleep', 'infinity'] }, { '/cran.sh': script });
  await lab.engine.connectNetwork(network, mirror.id, { aliases: ['mirror'] });
  await mirror.shell(`bash /cran.sh ${version}`);
  const serve = "httpuv::runStaticServer('/mirror', '0.0.0.0', 8000, browse = FALSE)";
  await mirror.shell(`Rscript -e "${serve}" >/dev/null 2>&1 </dev/null & disown`);
  await mirror.get('http://127.0.0.1:8000/cran/src/contrib/PACKAGES');
}, buildTimeout);
afterAll(() => lab.close(), 60_000);

describe('the feature cran', () => {
  /** The real stage, with few packages of Debian and these of CRAN. */
  async function build(...packages: string[]) {
    const project = await lab.copy();
    await project.write('rv4-common-packages/build/debian', 'r-cran-jsonlite\n');
    await project.write('rv4-common-packages/build/cran', `${packages.join('\n')}\n`);
    const { addresses } = await lab.engine.containerState(mirror.id);
    const [address] = Object.entries(addresses).flatMap(([on, at]) => (on === 'bridge' ? [at] : []));
    const words = [`BASE_IMAGE=${testBase()}`, `CRAN=http://${address}:8000/cran`].flatMap((word) => [
      '--build-arg',
      word,
    ]);
    const run = await project.dwt(['build', 'rv4-common-packages', ...words, '--progress', 'plain']);
    return { ...run, image: `${project.name}/rv4-common-packages` };
  }

  test(
    'compiles in parallel, names what failed with the end of its log, and keeps the rest for the next build',
    async () => {
      const first = await build('dwtf', 'dwtx', 'dwty', 'dwtneedsbad');
      expect(first.status).toBe(1);
      expect(first.stderr).toContain(`dwtbad ${version} failed. The end of its log:`);
      expect(first.stderr).toContain('no-such-library.h: No such file or directory');
      expect(first.stderr).toContain('dwtneedsbad was not tried, as what it needs failed');
      expect(first.stderr).toContain('2 of 6 packages failed: dwtneedsbad, dwtbad. The others are kept');

      // Nothing can be fetched any more: what the second build has, it has from the first.
      await mirror.shell('mkdir /aside && mv /mirror/cran/src/contrib/dwt[cfxy]_* /aside');
      const second = await build('dwtf', 'dwtx', 'dwty');
      await mirror.shell('mv /aside/* /mirror/cran/src/contrib');
      expect(second.stderr.slice(-4000)).toContain(`installed dwtf ${version}`);
      expect(second.status).toBe(0);
      const container = await lab.start({
        image: second.image,
        network: 'none',
        command: ['sleep', 'infinity'],
      });
      expect(await container.shell("Rscript -e 'cat(dwtf::sixfold(7), dwtx::dwtx())'", 'dw-user')).toBe(
        '42 dwtx',
      );
      // What it took to compile one of them is gone again.
      expect(await container.shell("dpkg-query -W 'libgsl*'; ls -A /mnt /tmp")).toMatch(
        /^libgsl28[^\n]*\nlibgslcblas0[^\n]*\n\/mnt:\n\n\/tmp:\n$/,
      );
      const details = await lab.engine.inspectImage(second.image);
      expect(details?.labels['dwt.features']).toBe('cran');
    },
    buildTimeout,
  );

  test('says which package, or which repository, is not there', async () => {
    const run = await mirror.run([
      'env',
      'CRAN=http://127.0.0.1:8000/cran',
      '/usr/local/lib/dw/build-cran',
      'dwtc',
      'dwtnowhere',
    ]);
    expect(run).toMatchObject({
      exitCode: 1,
      stderr: expect.stringMatching(/^build-cran: \S+ has no package dwtnowhere$/m),
    });
    const gone = await mirror.run([
      'env',
      'CRAN=http://127.0.0.1:9/cran',
      '/usr/local/lib/dw/build-cran',
      'dwtc',
    ]);
    expect(gone).toMatchObject({
      exitCode: 1,
      stderr: expect.stringContaining('no package index can be read from http://127.0.0.1:9/cran'),
    });
  });
});

describe('install.packages()', () => {
  const start = (root: string, volume?: string): Promise<Container> =>
    lab.start({
      image,
      network,
      command: ['sleep', 'infinity'],
      environment: { MIRROR_ROOT: root },
      ...(volume && { volumes: { [volume]: home } }),
    });

  /** All that R says. */
  async function r(container: Container, code: string): Promise<string> {
    const run = await container.run([
      'bash',
      '-c',
      'until pgrep -u dw-user sleep >/dev/null; do sleep 0.1; done; exec Rscript -e "$0" 2>&1',
      code,
    ]);
    return run.stdout;
  }

  test('takes what is compiled, compiles the rest, and finds all of it after a restart', async () => {
    const volume = await lab.volume();
    const tool = await start(`${mirrorRoot}/`, volume);
    expect(await r(tool, 'install.packages(c("dwtf", "dwtbin"), quiet = TRUE)')).not.toContain('Warning');
    expect((await tool.shell(`ls ${library}`)).split('\n')).toEqual(['dwtbin', 'dwtc', 'dwtf', '']);
    // Without debugging information, which would be most of it.
    expect(await tool.shell(`readelf -S ${library}/dwtc/libs/dwtc.so | grep -c debug_info || true`)).toBe(
      '0\n',
    );
    const next = await start(mirrorRoot, volume);
    expect(await r(next, 'cat(dwtf::sixfold(7), dwtbin::dwtbin())')).toBe('42 dwtbin');
  });

  test('says what is wrong with the mirror, and with a package', async () => {
    const tool = await start(mirrorRoot);
    expect(await r(tool, 'install.packages("dwtnowhere")')).toContain(
      'package ‘dwtnowhere’ is not available',
    );
    const failed = await r(tool, 'install.packages("dwtneedsbad")');
    expect(failed).toContain('no-such-library.h: No such file or directory');
    expect(failed).toContain('installation of package ‘dwtbad’ had non-zero exit status');
    expect(await r(tool, 'find.package("dwtbad")')).toContain('there is no package called ‘dwtbad’');

    const wrong = await start(`${mirrorRoot}/nowhere`);
    expect(await r(wrong, 'install.packages("dwtc")')).toContain(
      `cannot open URL '${mirrorRoot}/nowhere/cran/src/contrib/PACKAGES'`,
    );
    const gone = await start('http://mirror:9');
    expect(await r(gone, 'install.packages("dwtc")')).toContain(
      'unable to access index for repository http://mirror:9/cran/src/contrib',
    );
    const stale = await start(`${mirrorRoot}/stale`);
    expect(await r(stale, 'install.packages("dwtgone")')).toMatch(
      /dwtgone_\S+': HTTP status was '404 Not Found'[\s\S]*download of package ‘dwtgone’ failed/,
    );
    const nonsense = await start('mirror');
    expect(await r(nonsense, 'cat(getOption("repos"))')).not.toContain('mirror');
    expect(await nonsense.logs()).toContain('start: MIRROR_ROOT is not an http or https URL');
  });

  test('keeps the version that is there where the newer one does not compile, or finds no room', async () => {
    const volume = await lab.volume(3 * 1024 * 1024);
    const tool = await start(mirrorRoot, volume);
    await r(tool, 'install.packages("dwtkeep", quiet = TRUE)');
    expect(await r(tool, 'cat(dwtkeep::dwtkeep())')).toBe('dwtkeep');
    const broken = await start(`${mirrorRoot}/broken`, volume);
    expect(await r(broken, 'install.packages("dwtkeep")')).toContain('restoring previous');
    expect(await r(broken, 'cat(dwtkeep::dwtkeep())')).toBe('dwtkeep');

    expect(await r(tool, 'install.packages("dwtlarge")')).toMatch(
      /No space left on device|cannot copy|write error/i,
    );
    expect((await tool.shell(`ls ${library}`)).split('\n')).toEqual(['dwtkeep', '']);
    expect(await r(tool, 'cat(dwtkeep::dwtkeep())')).toBe('dwtkeep');
  });

  test('leaves what an older R has installed, and says so until there is something new', async () => {
    const volume = await lab.volume();
    const tool = await start(mirrorRoot, volume);
    const older = `${home}/R/x86_64-pc-linux-gnu-library/4.2`;
    await tool.shell(`mkdir -p ${older}/dwtold && touch ${older}/dwtold/DESCRIPTION`, 'dw-user');
    const interactive = () => tool.shell('R -q --no-save --interactive 2>&1 <<<"quit()"', 'dw-user');
    expect(await interactive()).toContain(
      'What you installed under R 4.2 is still in your home, but not for R 4.5: install.packages()',
    );
    await r(tool, 'install.packages("dwtc", quiet = TRUE)');
    expect(await interactive()).not.toContain('4.2');
    expect(await tool.shell(`ls ${older}`)).toBe('dwtold\n');
  });
});
