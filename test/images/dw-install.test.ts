/**
 * What a user can install inside a running tool: Debian packages through dw-install and Python packages through pip, both
 * from a mirror made here, in a container on a network with no way out. And what dw-install must not be brought to do.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { buildTimeout, type Container, Lab } from './images.ts';

let lab: Lab;
let image: string;
let network: string;
let key: string;
let tool: Container;

const mirrorRoot = 'http://mirror:8000';

beforeAll(async () => {
  lab = await Lab.open();
  image = (await lab.build('python'))('python');
  network = await lab.isolated();
  // It has a way out besides: what it makes the mirror with comes through dw-install from Debian's own servers.
  const mirror = await lab.start({ image, command: ['sleep', 'infinity'] });
  await lab.engine.connectNetwork(network, mirror.id, { aliases: ['mirror'] });
  await mirror.shell('dw-install gpg gpg-agent apt-utils', 'dw-user');
  await mirror.shell(await readFile(join(import.meta.dirname, 'mirror.sh'), 'utf8'));
  await mirror.shell('python3 -m http.server -d /mirror 8000 >/dev/null 2>&1 </dev/null & disown');
  await mirror.get('http://127.0.0.1:8000/key.asc');
  key = await mirror.shell('cat /mirror/key.asc');
  tool = await isolatedTool(mirrorRoot);
}, buildTimeout);
afterAll(() => lab.close(), 120_000);

/** A container that trusts the mirror's key the way an image for a mirror with a key of its own would. */
async function isolatedTool(
  root: string,
  files: Record<string, string> = { '/etc/apt/trusted.gpg.d/mirror.asc': key },
): Promise<Container> {
  const container = await lab.start(
    { image, network, command: ['sleep', 'infinity'], environment: { MIRROR_ROOT: root } },
    files,
  );
  await container.shell('until pgrep -u dw-user sleep; do sleep 0.1; done');
  return container;
}

const installed = (container: Container): Promise<string> =>
  container.shell('cd /; LC_ALL=C ls -d installed-* 2>/dev/null || true');

describe('dw-install', () => {
  test('installs packages and what they need, as root, through sudo and without it being typed', async () => {
    const fresh = await isolatedTool(mirrorRoot);
    expect(await fresh.run(['dw-install', 'dwt-needs', 'dwt-c++'])).toMatchObject({ exitCode: 0 });
    expect(await fresh.run(['sudo', 'dw-install', 'dwt1.0-lib'])).toMatchObject({ exitCode: 0 });
    expect((await installed(fresh)).split('\n').filter(Boolean)).toEqual([
      'installed-dwt-c++',
      'installed-dwt-hello',
      'installed-dwt-needs',
      'installed-dwt1.0-lib',
    ]);
    expect(await fresh.shell('head -1 /installed-dwt-needs')).toBe('0\n');
    // Nothing of the downloads stays.
    expect(await fresh.shell('ls /var/cache/apt/archives/*.deb 2>/dev/null | wc -l')).toBe('0\n');
  }, 60_000);

  test('prefers the security suite, beside the main one', async () => {
    const fresh = await isolatedTool(mirrorRoot);
    await fresh.shell('dw-install dwt-old', 'dw-user');
    expect(await fresh.shell('cat /installed-dwt-old')).toContain('2.0');
  }, 60_000);

  test('goes on with what a mirror has that lacks a suite', async () => {
    const fresh = await isolatedTool(`${mirrorRoot}/partial`);
    const run = await fresh.run(['dw-install', 'dwt-hello']);
    expect(run).toMatchObject({ exitCode: 0, stderr: expect.stringContaining("part of the mirror's index") });
  }, 60_000);

  test('takes nothing that is signed by a key that the image does not trust', async () => {
    const distrusting = await isolatedTool(mirrorRoot, {});
    expect(await distrusting.run(['dw-install', 'dwt-hello'])).toMatchObject({ exitCode: 1 });
    expect(await installed(distrusting)).toBe('');
  }, 60_000);

  test('takes nothing of an index that was changed after it was signed', async () => {
    const deceived = await isolatedTool(`${mirrorRoot}/tampered`);
    expect(await deceived.run(['dw-install', 'dwt-hello'])).toMatchObject({ exitCode: 1 });
    expect(await installed(deceived)).toBe('');
  }, 60_000);

  const grammar = 'not the name of a Debian package';
  const unknown = 'the mirror has no package';
  /** Arguments, and what is said about them. */
  const refused: readonly [string, readonly string[], string][] = [
    ['no name', [], 'usage'],
    ['an empty name', [''], grammar],
    ['an option', ['--allow-unauthenticated', 'dwt-hello'], grammar],
    ['a short option with its value', ['-oAPT::Update::Pre-Invoke::=touch /pwned', 'dwt-hello'], grammar],
    ['an option and its value apart', ['-o', 'Dpkg::Pre-Invoke::=touch /pwned'], grammar],
    ['the end of options', ['--', 'dwt-hello'], grammar],
    ['a path', ['/home/dw-user/evil.deb'], grammar],
    ['a relative path', ['./evil.deb'], grammar],
    ['a file in the working folder', ['evil.deb'], unknown],
    ['a version', ['dwt-old=1.0'], grammar],
    ['a suite', ['dwt-hello/trixie'], grammar],
    ['an architecture', ['dwt-hello:all'], grammar],
    ['a removal', ['nano-'], grammar],
    ['an addition', ['dwt-hello+'], unknown],
    ['a task', ['standard^'], grammar],
    ['a pattern', ['?installed'], grammar],
    ['a short pattern', ['~i'], grammar],
    ['a glob', ['dwt-*'], grammar],
    ['a regular expression of legal characters', ['dwt-hell.'], unknown],
    ['another', ['dwt-hel+o'], unknown],
    ['a virtual package', ['dwt-virtual'], unknown],
    ['a name that does not exist among one that does', ['dwt-hello', 'dwt-nowhere'], unknown],
    ['a newline after a name', ['dwt-hello\n'], grammar],
    ['a newline between names', ['dwt-hello\n--allow-unauthenticated'], grammar],
    ['a space', ['dwt-hello nano-'], grammar],
    ['a command', ['dwt-hello;touch /pwned'], grammar],
    ['a substitution', ['$(touch /pwned)'], grammar],
    ['a pipe for Perl to open', ['touch /pwned|'], grammar],
    ['upper case', ['Dwt-Hello'], grammar],
    ['one character', ['a'], grammar],
    ['a leading plus', ['+dwt-hello'], grammar],
    ['a letter beyond ASCII', ['dwt-hellö'], grammar],
    ['a name of 100,000 characters', ['a'.repeat(100_000)], grammar],
    ['what a terminal would act on', ['\u001b[2J'], String.raw`\x1b[2J`],
  ];
  test.each(refused)('refuses %s', async (_, names, said) => {
    await tool.shell('cp /dev/null /home/dw-user/evil.deb');
    const run = await tool.run([
      'bash',
      '-c',
      'cd ~ && exec sudo -n /usr/local/bin/dw-install "$@"',
      '-',
      ...names,
    ]);
    expect(run.exitCode).toBeGreaterThan(0);
    expect(run.stderr).toContain(said);
    expect(run.stderr).not.toMatch(/[^\n -~]/);
    expect(await installed(tool)).toBe('');
    expect(await tool.shell('ls /pwned 2>/dev/null; dpkg -s nano | grep ^Status')).toBe(
      'Status: install ok installed\n',
    );
  });

  test('cannot be steered by the environment or by files that the caller can write', async () => {
    const fresh = await isolatedTool(mirrorRoot);
    await fresh.shell(
      `mkdir -p ~/.config/apt ~/bin ~/lib && cd ~
       printf 'Dpkg::Pre-Invoke { "touch /pwned"; };\\n' | tee apt.conf .aptrc ~/.config/apt/apt.conf /tmp/apt.conf >/dev/null
       printf '#!/bin/sh\\ntouch /pwned\\n' | tee bin/apt-get bin/apt-cache bin/dpkg bin/sudo bin/sh >/dev/null; chmod +x bin/*
       printf 'system("touch /pwned"); 1;\\n' | tee lib/strict.pm lib/warnings.pm lib/sitecustomize.pl >/dev/null
       printf 'touch /pwned\\n' | tee .bashrc .profile .bash_profile .shrc >/dev/null
       printf '[global]\\n' > .pydistutils.cfg
       cp /bin/true lib/preload.so`,
      'dw-user',
    );
    const home = '/home/dw-user';
    const environment = {
      APT_CONFIG: `${home}/apt.conf`,
      PATH: `${home}/bin:/usr/bin:/bin`,
      LD_PRELOAD: `${home}/lib/preload.so`,
      LD_LIBRARY_PATH: `${home}/lib`,
      PERL5LIB: `${home}/lib`,
      PERL5OPT: `-I${home}/lib -Mstrict`,
      PERLLIB: `${home}/lib`,
      BASH_ENV: `${home}/.bashrc`,
      ENV: `${home}/.shrc`,
      'BASH_FUNC_apt-get%%': '() { touch /pwned; }',
      SHELL: `${home}/bin/sh`,
      DEBIAN_FRONTEND: 'readline',
      DPKG_ROOT: home,
      DPKG_ADMINDIR: home,
      TMPDIR: home,
      HOME: home,
      SUDO_ASKPASS: `${home}/bin/sh`,
      http_proxy: 'http://127.0.0.1:9',
      https_proxy: 'http://127.0.0.1:9',
      PAGER: `${home}/bin/sh`,
      EDITOR: `${home}/bin/sh`,
      LC_ALL: '../../../../home/dw-user/lib',
      IFS: 'a',
      MIRROR_ROOT: 'http://127.0.0.1:9',
    };
    const run = await fresh.run(
      ['bash', '-pc', 'cd ~ && echo y | /usr/bin/sudo -n /usr/local/bin/dw-install dwt-hello'],
      { environment },
    );
    expect(run).toMatchObject({ exitCode: 0 });
    // Installed by root, and nothing was read from the caller.
    expect(await fresh.shell('cat /installed-dwt-hello; ls /pwned 2>/dev/null || true')).toBe('0\n1.0\n');
  }, 60_000);

  test('does not remove what is there to make room', async () => {
    expect(await tool.run(['dw-install', 'dwt-evicts-nano'])).toMatchObject({ exitCode: 1 });
    expect(await installed(tool)).toBe('');
  });
});

describe('sudo', () => {
  const denied: readonly [string, readonly string[]][] = [
    ['another program', ['sudo', '-n', '/usr/bin/id']],
    ['a shell', ['sudo', '-n', '-s', '/usr/bin/id']],
    ['a login', ['sudo', '-n', '-i', '/usr/bin/id']],
    ['apt itself', ['sudo', '-n', 'apt-get', 'update']],
    ['a variable', ['sudo', '-n', 'APT_CONFIG=/tmp/x', '/usr/local/bin/dw-install', 'dwt-hello']],
    ['the whole environment', ['sudo', '-n', '-E', '/usr/local/bin/dw-install', 'dwt-hello']],
    ['a working folder', ['sudo', '-n', '-D', '/tmp', '/usr/local/bin/dw-install', 'dwt-hello']],
    ['another root', ['sudo', '-n', '-R', '/home/dw-user', '/usr/local/bin/dw-install', 'dwt-hello']],
    ['another group', ['sudo', '-n', '-g', 'shadow', '/usr/local/bin/dw-install', 'dwt-hello']],
    ['editing', ['sudo', '-n', '-e', '/etc/sudoers']],
    ['a way around the path', ['sudo', '-n', '/usr/local/bin/../bin/dw-installx']],
  ];
  test.each(denied)('denies %s', async (_, command) => {
    const run = await tool.run(command, { environment: { EDITOR: '/usr/bin/id' } });
    expect(run.exitCode).toBeGreaterThan(0);
    expect(run.stdout).not.toContain('uid=0');
    expect(await installed(tool)).toBe('');
  });

  test('lets dw-install through and nothing else, and its rules are sound', async () => {
    const rules = await tool.shell('sudo -n -l', 'dw-user');
    expect(
      rules
        .split('\n')
        .filter((line) => line.startsWith('    ('))
        .map((line) => line.trim()),
    ).toEqual(['(root) NOPASSWD: /usr/local/bin/dw-install']);
    expect(await tool.run(['visudo', '--check', '--strict', '--quiet'], { user: 'root' })).toMatchObject({
      exitCode: 0,
      stderr: '',
    });
    expect(
      await tool.shell(
        'find /usr/local /opt /etc /usr/bin /usr/sbin /usr/lib -xdev ! -type l \\( -perm -o+w -o -user dw-user -o -group dw-user \\)',
      ),
    ).toBe('');
  });
});

describe('pip', () => {
  test('installs from the mirror into the home, where programs and modules are found', async () => {
    const fresh = await isolatedTool(mirrorRoot);
    await fresh.shell('cd ~ && pip install --user dwt-wheel && pip install dwt-console', 'dw-user');
    expect(await fresh.shell('python3 -c "import dwt_wheel; print(dwt_wheel.__file__)"', 'dw-user')).toBe(
      '/home/dw-user/.local/lib/python3.13/site-packages/dwt_wheel.py\n',
    );
    expect(await fresh.shell('dwt-console', 'dw-user')).toBe('hello from the mirror\n');
    expect(await fresh.shell("bash -lc 'dwt-wheel; type -P pip python3'", 'dw-user')).toBe(
      'hello from the mirror\n/opt/venv/bin/pip\n/opt/venv/bin/python3\n',
    );
  }, 60_000);

  test('replaces a package of the image by another version, for the user alone, until it is uninstalled', async () => {
    const fresh = await isolatedTool(mirrorRoot);
    const version = 'python3 -c "from importlib.metadata import version; print(version(\'et-xmlfile\'))"';
    const ofImage = await fresh.shell(version, 'dw-user');
    const loaded = 'python3 -c "import et_xmlfile; print(et_xmlfile.__file__)"';

    await fresh.shell('pip install --user et-xmlfile==99.0', 'dw-user');
    expect(await fresh.shell(`cd ~ && ${version} && ${loaded}`, 'dw-user')).toBe(
      '99.0\n/home/dw-user/.local/lib/python3.13/site-packages/et_xmlfile.py\n',
    );
    // Programs that run without the user's packages keep the image's.
    expect(await fresh.shell(version.replace('python3', 'python3 -I'), 'dw-user')).toBe(ofImage);

    // Upgraded in place, and gone when it is uninstalled.
    await fresh.shell('pip install --user --upgrade et-xmlfile', 'dw-user');
    expect(await fresh.shell('ls -d ~/.local/lib/python3.13/site-packages/*.dist-info', 'dw-user')).toMatch(
      /^\S*et_xmlfile-99\.1\.dist-info\n$/,
    );
    await fresh.shell('pip uninstall --yes et-xmlfile', 'dw-user');
    expect(await fresh.shell(`${version} && ${loaded}`, 'dw-user')).toBe(
      `${ofImage}/opt/venv/lib/image/site-packages/et_xmlfile/__init__.py\n`,
    );
    // The same without --user: pip sees that it cannot write to the image's.
    await fresh.shell('pip install et-xmlfile==99.0', 'dw-user');
    expect(await fresh.shell(version, 'dw-user')).toBe('99.0\n');
  }, 60_000);

  test('gives environments of the user the packages of the image where they ask for them, and Debian none', async () => {
    const fresh = await isolatedTool(mirrorRoot);
    await fresh.shell(
      'cd ~ && python3 -m venv --system-site-packages with && python3 -m venv without',
      'dw-user',
    );
    const has = (python: string) => fresh.run([python, '-c', 'import requests, distutils']);
    expect(await has('/home/dw-user/with/bin/python')).toMatchObject({ exitCode: 0 });
    expect(await has('/home/dw-user/without/bin/python')).toMatchObject({ exitCode: 1 });
    expect(await has('/usr/bin/python3')).toMatchObject({ exitCode: 1 });
  }, 60_000);
});
