/**
 * What is ours of the stage rv4-rstudio, around a stand-in for RStudio Server: its configuration, the variables of sessions
 * and terminals, homes of all kinds, how it ends, and files that are not RStudio Server.
 */
import { createServer, request as sendRequest } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { ContainerSpec } from '../../src/engine/engine.ts';
import { testBase } from '../support/engine.ts';
import type { TestProject } from '../support/project.ts';
import { startFileServer } from '../wire/artifact-server.ts';
import { openBrowser } from './browser.ts';
import { buildTimeout, type Container, Lab, without } from './images.ts';

const home = '/home/dw-user';
const state = `${home}/.local/share/rstudio`;

let lab: Lab;
let project: TestProject;
let network: string;
beforeAll(async () => {
  lab = await Lab.open();
  project = await lab.copy();
  const built = await build();
  if (built.status !== 0) throw new Error(built.stderr.slice(-4000));
  network = await lab.isolated();
}, buildTimeout);
afterAll(() => lab.close(), 60_000);

const build = (...words: string[]) =>
  project.dwt([
    'build',
    'rv4-rstudio',
    ...without,
    '--build-arg',
    `BASE_IMAGE=${testBase()}`,
    '--progress',
    'plain',
    ...words,
  ]);

async function start(spec: Omit<ContainerSpec, 'name' | 'image' | 'network'> = {}): Promise<Container> {
  const tool = await lab.start({ image: `${project.name}/rv4-rstudio`, network, ...spec });
  expect(await tool.get('http://127.0.0.1:8888/')).toMatchObject({ status: 200 });
  return tool;
}

/** What its session, or a terminal of that, says. */
const says = (tool: Container, what: 'console' | 'terminal', text: string): Promise<string> =>
  tool.shell(`curl -sf --data-binary @- http://127.0.0.1:8888/rpc/${what}_input <<'END'\n${text}\nEND`);

/** Changes a volume before a tool gets it. */
async function prepare(volume: string, script: string): Promise<void> {
  const image = `${project.name}/rv4-rstudio`;
  const command = ['bash', '-ec', script];
  const helper = await lab.start({ image, network, entrypoint: command, volumes: { [volume]: home } });
  expect(await lab.engine.waitContainer(helper.id)).toBe(0);
}

test('variables of any name and content are in sessions and terminals, and in no file', async () => {
  const environment = {
    DATABASE_DSN__lines: "host=h\npassword='a\nb'",
    DATABASE_DSN__quotes: `a'b"c\`d\\e $HOME \${HOME-x} %s #`,
    'DATABASE_DSN__my-data': 'host=h password=secret-9d4f',
    'DATABASE_DSN__a name': 'there',
    'DATABASE_DSN__a:b': 'there too',
    DATABASE_DSN__broken: '=====',
    PGPASSWORD: '  pâss wörd 🔑 ',
  };
  const tool = await start({ environment });
  const show = `$ENV{SHOW} = 1; print join "\\x1f", map { "$_=$ENV{$_}" } grep { /^(DATABASE|PG)/ } sort keys %ENV`;
  const expected = Object.entries(environment)
    .map(([name, value]) => `${name}=${value}`)
    .sort()
    .join('\u001f');
  await tool.shell(`cat >/tmp/show.pl <<'END'\n${show}\nEND`);
  expect(await says(tool, 'terminal', 'perl /tmp/show.pl')).toBe(expected);
  const inR = `cat(paste(sep = "=", names(Sys.getenv()), Sys.getenv())[grepl("^(DATABASE|PG)", names(Sys.getenv()))], sep = "\\x1f")`;
  expect((await says(tool, 'console', inR)).split('\u001f').sort().join('\u001f')).toBe(expected);
  // What rserver gives a session is its own.
  expect(await says(tool, 'console', 'cat(R.home(), Sys.getenv("HOME"), getwd(), Sys.getenv("SHELL"))')).toBe(
    `/usr/lib/R ${home} ${home} /bin/bash`,
  );
  expect(await says(tool, 'terminal', 'echo "$PATH"')).toContain(`${home}/.local/bin:`);
  expect(await tool.shell(`grep -rl secret-9d4f ${home} /tmp /run /var/tmp /dev/shm /etc || true`)).toBe('');
  expect(
    await tool.shell(
      "tr '\\0' ' ' </proc/$(pidof -x rserver)/cmdline; cat /proc/[0-9]*/cmdline | tr '\\0' ' '",
    ),
  ).not.toContain('secret-9d4f');
}, 120_000);

test('a session that is put away comes back with its memory, with the variables of now, and reads the profile', async () => {
  const volume = await lab.volume();
  await prepare(
    volume,
    `mkdir -p ${state}/sources/s-1 && touch ${state}/sources/s-1/lock_file ${state}/.rstudio-lock-41c29-a ${state}/sources/s-1/document
     echo 'options(profile = c(getOption("profile"), Sys.getenv("PGPASSWORD")))' >${home}/.Rprofile`,
  );
  const mounted = { volumes: { [volume]: home } };
  const first = await start({
    ...mounted,
    environment: { PGPASSWORD: 'secret-of-then', 'DATABASE_DSN__my-data': 'secret-dsn' },
  });
  expect(await first.shell(`cd ${state} && find . -type f`)).toBe('./sources/s-1/document\n');
  expect(
    await says(first, 'console', 'answer <- 42; Sys.setenv(MINE = "kept"); cat(getOption("profile"))'),
  ).toBe('secret-of-then');
  const { seconds, exitCode } = await first.stop();
  expect(exitCode).toBe(0);
  expect(seconds).toBeLessThan(10);
  const second = await start({ ...mounted, environment: { PGPASSWORD: 'secret-of-now' } });
  expect(await second.shell(`grep -rlE 'secret-(of|dsn)' ${home} || true`)).toBe('');
  expect(await second.shell(`ls ${state}/sessions/active/*/suspended-session-data`)).toContain('environment');
  expect(
    await says(
      second,
      'console',
      'cat(answer, Sys.getenv("PGPASSWORD"), getOption("profile"), Sys.getenv("DATABASE_DSN__my-data"))',
    ),
  ).toBe('42 secret-of-now secret-of-now ');
}, 120_000);

test('R that is busy does not keep it from ending in time', async () => {
  const tool = await start();
  await tool.shell(
    'curl -s --data-binary \'file.create("/tmp/busy"); while (TRUE) Sys.sleep(1)\' http://127.0.0.1:8888/rpc/console_input >/dev/null 2>&1 &',
  );
  await tool.shell('until [ -e /tmp/busy ]; do sleep 0.1; done');
  const { seconds, exitCode } = await tool.stop();
  expect(exitCode).toBe(0);
  expect(seconds).toBeLessThan(10);
}, 60_000);

test('it configures RStudio for one user, and logs to the container', async () => {
  const tool = await start({ environment: { MIRROR_ROOT: 'http://mirror.invalid/root' } });
  expect(await says(tool, 'console', 'cat(getOption("repos"), sep = "\\n")')).toMatch(
    /^http:\/\/mirror\.invalid\/root\/cran-binary-debian-trixie-r-4\.\d+\nhttp:\/\/mirror\.invalid\/root\/cran$/m,
  );
  const logs = await tool.logs();
  expect(logs).toContain('[rserver stand-in]');
  expect(logs).not.toContain('ERROR');
  expect(await tool.shell(`find ${home} -name '*.log'`)).toBe('');
  const modes = await tool.shell('cd /tmp/rstudio && LC_ALL=C stat -c "%a %U %n" . * | sort -k 3');
  expect(modes.trim().split('\n').sort()).toEqual(
    [
      '700 dw-user .',
      '700 dw-user database',
      '600 dw-user database.conf',
      '644 dw-user rserver.pid',
      '600 dw-user rsession.conf',
      '1777 dw-user run',
      '600 dw-user secure-cookie-key',
    ].sort(),
  );
  // Its installation started nothing, and left no key that all containers would share.
  expect(
    await tool.shell(
      'ls /etc/rstudio/started-by-init /etc/init.d/rstudio-server /var/lib/rstudio-server 2>/dev/null; true',
    ),
  ).toBe('');
  expect(
    await tool.shell(
      'dpkg --audit; apt-get check -qq; dpkg -l libllvm* libclang* clang* 2>/dev/null | grep ^ii || true',
    ),
  ).toBe('');
}, 60_000);

test.each([
  [
    'of an older RStudio and R, with files that are broken',
    `cd ${home}
     mkdir -p .rstudio/sessions .config/rstudio .local/share/rstudio R/x86_64-pc-linux-gnu-library/3.6/dplyr
     echo broken | tee .RData .rstudio/history_database .config/rstudio/rstudio-prefs.json R/x86_64-pc-linux-gnu-library/3.6/dplyr/DESCRIPTION >/dev/null
     echo 'stop("of an older R")' >.Rprofile
     chown -hR 1234:1234 .`,
  ],
  ['of another, whose state is no folder', `cd ${home}; mkdir -p .config; echo broken >.config/rstudio`],
])(
  'a home %s starts, with a session',
  async (_, script) => {
    const volume = await lab.volume();
    await prepare(volume, script);
    const tool = await start({ volumes: { [volume]: home } });
    expect(await says(tool, 'console', 'cat(dplyr::n_distinct(c(1, 2, 2)))')).toBe('2');
  },
  60_000,
);

test('a home that is read-only has sessions all the same', async () => {
  const tool = await start({ host: { Tmpfs: { [home]: 'ro' } } });
  expect(await says(tool, 'console', 'cat(6 * 7)')).toBe('42');
  expect(await tool.logs()).toContain('cannot be written');
}, 60_000);

test('in a browser, behind a proxy that takes a path away, R answers and draws no error', async () => {
  const tool = await start({ environment: { RSTUDIO_BASE_URL: '/a/path/' } });
  const [address = ''] = Object.values((await lab.engine.containerState(tool.id)).addresses);
  const asked: string[] = [];
  const proxy = createServer((incoming, outgoing) => {
    const { method, headers, url = '' } = incoming;
    asked.push(url);
    if (!url.startsWith('/a/path/')) return outgoing.writeHead(404).end();
    const path = url.slice('/a/path'.length);
    const onward = sendRequest({ host: address, port: 8888, method, path, headers }, (answer) => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(outgoing);
    });
    return incoming.pipe(onward);
  });
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  const browser = await openBrowser();
  try {
    const page = await browser.newPage();
    const problems: string[] = [];
    page.on('pageerror', ({ message }) => problems.push(message));
    page.on('console', (message) => message.type() === 'error' && problems.push(message.text()));
    // It leads to where the proxy serves it.
    await page.goto(`http://127.0.0.1:${(proxy.address() as AddressInfo).port}/a/path/auth-sign-in`);
    await page.getByText('stand-in for RStudio').waitFor();
    await page.getByText('R version 4').waitFor();
    await page.getByLabel('R code').fill('cat(rev(c("naïve", "Ünïcødé", 6 * 7)))');
    await page.getByLabel('R code').press('Enter');
    await page.getByText('42 Ünïcødé naïve').waitFor();
    await page.getByLabel('Command').fill('echo "$((6 * 9)) in $PWD"');
    await page.getByLabel('Command').press('Enter');
    await page.getByText(`54 in ${home}`).waitFor();
    const folder = process.env['DWT_TEST_SCREENSHOTS'];
    if (folder) await page.screenshot({ path: join(folder, 'rv4-rstudio.png') });
    expect(problems).toEqual([]);
    expect((await page.context().cookies()).map(({ path }) => path)).toEqual(['/a/path/']);
    expect(asked.filter((url) => !url.startsWith('/a/path/'))).toEqual([]);
  } finally {
    await browser.close();
    proxy.closeAllConnections();
    proxy.close();
  }
}, 90_000);

describe('what is not RStudio Server is refused', () => {
  const declaredAs = async (yaml: string): Promise<void> =>
    project.write('dwt.yaml', original.replace(/^ {2}rstudio-server: .*$/m, `  rstudio-server: ${yaml}`));
  let original: string;
  let server: Awaited<ReturnType<typeof startFileServer>>;
  beforeAll(async () => {
    const { readFile } = await import('node:fs/promises');
    original = await readFile(join(project.folder, 'dwt.yaml'), 'utf8');
    server = await startFileServer(Buffer.from('<!doctype html><title>Sign in</title>'));
  });
  afterAll(() => server.stop());

  test('nothing: with the way out, and what does without it', async () => {
    await declaredAs(`{url: "${server.url}"}`);
    const run = await build('--no-cache');
    expect(run.status).toBe(2);
    expect(run.stderr).toContain('The artifact rstudio-server has no sha256');
    expect(run.stderr).toContain('--artifact rstudio-server=FILE');
    expect(server.asked).toEqual([]);
  });

  test('a page that is fetched in its place, and another file', async () => {
    await declaredAs(`{url: "${server.url}", sha256: "${'0'.repeat(64)}"}`);
    const page = await build('--no-cache');
    expect(page.status).toBe(1);
    expect(page.stderr).toContain(
      'is not the artifact rstudio-server but an HTML page ("Sign in") of 37 bytes',
    );
    await project.write('page.deb', server.content);
    const given = await build('--artifact', 'rstudio-server=page.deb');
    expect(given.stderr).toContain('page.deb is not the artifact rstudio-server but an HTML page');
    await project.write('other.deb', 'something else');
    const other = await build('--artifact', 'rstudio-server=other.deb');
    expect(other.stderr).toContain('other.deb is not the artifact rstudio-server but another file');
    expect(other.stderr).toContain(`wanted sha256 ${'0'.repeat(64)}`);
  });

  test.each([
    ['a file that is no package', 'echo text >FILE', 'is no Debian package'],
    [
      'the beginning of the package',
      'head -c 4000 rstudio-server-standin.deb >FILE',
      'is cut short: this is only its beginning',
    ],
    [
      'another package',
      'printf "Package: other\\nVersion: 1\\nArchitecture: all\\nMaintainer: x\\nDescription: x\\n" >control; mkdir -p o/DEBIAN; mv control o/DEBIAN; dpkg-deb -b o FILE',
      'is the package other',
    ],
    [
      'the package for another machine',
      'rm -rf o; dpkg-deb -R rstudio-server-standin.deb o; sed -i "s/^Architecture: .*/Architecture: s390x/" o/DEBIAN/control; dpkg-deb -b o FILE',
      'is for s390x',
    ],
  ])(
    '%s, given by somebody who answers for it',
    async (_, make, why) => {
      await declaredAs(`{url: "${server.url}"}`);
      const { execFileSync } = await import('node:child_process');
      execFileSync('sh', ['-c', make.replace('FILE', 'given.deb')], { cwd: project.folder, stdio: 'pipe' });
      const run = await build('--artifact', 'rstudio-server=given.deb');
      expect(run.status).toBe(1);
      expect(run.stderr).toContain(`The artifact rstudio-server ${why}.`);
    },
    120_000,
  );
});
