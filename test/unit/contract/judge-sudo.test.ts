import { describe, expect, test } from '@jest/globals';
import type { InsideEvidence, PathEvidence, RunEvidence } from '../../../src/contract/evidence.ts';
import { judgeSudo } from '../../../src/contract/judge-sudo.ts';

const refused: RunEvidence = {
  command: '/usr/bin/sudo -n true',
  code: 1,
  out: '',
  err: 'sudo: a password is required',
};
const program = '/usr/local/bin/dw-install';
const folder = (path: string, over: Partial<PathEvidence> = {}): PathEvidence => ({
  path,
  mode: 0o40755,
  uid: 0,
  gid: 0,
  ...over,
});
const file = (over: Partial<PathEvidence> = {}): PathEvidence => ({
  path: program,
  mode: 0o100755,
  uid: 0,
  gid: 0,
  ...over,
});
const chain = [folder('/usr'), folder('/usr/local'), folder('/usr/local/bin'), file()];

/** As sudo 1.9.16 prints it. */
const listing = (
  rules: string,
  defaults = 'env_reset, mail_badpass, secure_path=/usr/sbin\\:/usr/bin, use_pty',
) => `Matching Defaults entries for dw-user on 0123456789ab:
    ${defaults}

User dw-user may run the following commands on 0123456789ab:
${rules}`;
const rule = (command: string, options = '!authenticate') => `
Sudoers entry: /etc/sudoers.d/dw-install
    RunAsUsers: root
${options ? `    Options: ${options}\n` : ''}    Commands:
\t${command}
`;
const evidence = (out: string, over: Partial<InsideEvidence> = {}) => ({
  sudo: { path: '/usr/bin/sudo', listing: { command: '', code: 0, out, err: '' }, tried: [refused] },
  paths: { [program]: chain },
  privileged: [{ path: '/usr/bin/sudo', mode: 0o104755, uid: 0, gid: 0, capabilities: null }],
  withoutPassword: [],
  passwd: 'root:x:0:0:root:/root:/bin/bash\n',
  files: 10,
  ...over,
});
const seen = (out: string, over: Partial<InsideEvidence> = {}) => {
  const judged = judgeSudo(evidence(out, over));
  expect(judged.verdict).toBe('fail');
  return judged.seen;
};

describe('right', () => {
  test('dw-install without a password, and nothing else', () => {
    expect(judgeSudo(evidence(listing(rule(program))))).toEqual({
      verdict: 'pass',
      seen: `sudo allows ${program} only, without a password; \`sudo -n true\` is refused`,
    });
  });
  test('no password asked for anything, by Defaults', () =>
    expect(judgeSudo(evidence(listing(rule(program, ''), '!authenticate, env_reset'))).verdict).toBe('pass'));
  test('nothing allowed', () =>
    expect(judgeSudo(evidence('User dw-user is not allowed to run sudo on 0123456789ab.\n')).verdict).toBe(
      'pass',
    ));
  test('no sudo', () =>
    expect(judgeSudo(evidence('', { sudo: null })).seen).toMatch(/^there is no sudo; none of 10 files/));
});

describe('rules that are wider', () => {
  test.each([
    ['ALL', /more than dw-install/],
    ['!/usr/bin/su', /walked around/],
    [`${program} *`, /wildcard/],
    ['/usr/local/bin/dw-*', /wildcard/],
    ['/usr/local/bin/', /whole folder/],
    ['/usr/bin/apt-get', /not dw-install/],
    ['/usr/bin/apt-get install dw-install', /not dw-install/],
    ['/home/../tmp/dw-install', /not dw-install/],
    [`${program} gretl`, /fixes arguments/],
    ['^/usr/local/bin/dw-install$', /wildcard/],
    ['sudoedit /etc/hosts', /more than dw-install/],
    ['list', /no absolute path/],
  ])('%s', (command, why) => expect(seen(listing(rule(command)))).toMatch(why));
  test('SETENV', () => expect(seen(listing(rule(program, 'setenv, !authenticate')))).toMatch(/SETENV/));
  test('a password', () => expect(seen(listing(rule(program, '')))).toMatch(/asks for a password/));
  test('the second of two rules', () =>
    expect(seen(listing(`${rule(program)}${rule('ALL')}`))).toMatch(/`ALL`/));
  test('the second command of one rule', () =>
    expect(seen(listing(rule(`${program}\n\t/bin/sh`)))).toMatch(/`\/bin\/sh`/));
  test.each(['!env_reset', 'setenv', 'env_keep+=LD_PRELOAD', 'env_keep+="PAGER PERL5LIB"'])(
    'Defaults %s',
    (entry) => expect(seen(listing(rule(program), `mail_badpass, ${entry}, use_pty`))).toMatch(/Defaults/),
  );
  test('what could be run in fact', () =>
    expect(
      seen(listing(rule(program)), {
        sudo: {
          path: '/usr/bin/sudo',
          listing: { ...refused, out: listing(rule(program)) },
          tried: [refused, { command: '/usr/bin/sudo -n id -u', code: 0, out: '0\n', err: '' }],
        },
      }),
    ).toBe('as dw-user, `sudo -n id -u` runs and says "0"'));
  test('a line that sudo leaves out', () => {
    const err = '/etc/sudoers.d/dw-install:2:41: empty string\nDefaults:dw-user env_keep = ""\n';
    const sudo = {
      path: '/usr/bin/sudo',
      listing: { ...refused, out: listing(rule(program)), err },
      tried: [refused],
    };
    expect(seen('', { sudo })).toBe(
      'sudo leaves out a line that it cannot read: /etc/sudoers.d/dw-install:2:41: empty string',
    );
  });
  test('sudo that says nothing', () => expect(seen('')).toMatch(/cannot say what it allows/));
});

describe('files that dw-user could change', () => {
  const at = (index: number, over: Partial<PathEvidence>) => ({
    paths: { [program]: chain.map((part, i) => (i === index ? { ...part, ...over } : part)) },
  });
  test.each([
    ['the program, by its owner', at(3, { uid: 4356 }), /can change \/usr\/local\/bin\/dw-install$/],
    ['the program, by its group', at(3, { gid: 4357, mode: 0o100775 }), /can change/],
    ['the program, by everybody', at(3, { mode: 0o100757 }), /can change/],
    ['a folder above, by everybody', at(1, { mode: 0o40777 }), /can change \/usr\/local \(on the way to/],
  ])('%s', (_, over, why) => expect(seen(listing(rule(program)), over)).toMatch(why));
  test("a sticky folder is nobody else's", () =>
    expect(judgeSudo(evidence(listing(rule(program)), at(1, { mode: 0o41777 }))).verdict).toBe('pass'));
  test('a group that may only read', () =>
    expect(judgeSudo(evidence(listing(rule(program)), at(3, { gid: 4357 }))).verdict).toBe('pass'));
});

describe('other privileges', () => {
  const privileged = (path: string, mode: number, over: object = {}) => ({
    privileged: [{ path, mode, uid: 0, gid: 0, capabilities: null, ...over }],
  });
  test.each([
    ['setuid root', privileged('/usr/local/bin/rootsh', 0o104755), /rootsh \(setuid 0\)/],
    ['a known name elsewhere', privileged('/opt/bin/su', 0o104755), /\/opt\/bin\/su/],
    ['setgid', privileged('/usr/bin/other', 0o102755, { gid: 42 }), /\(setgid 42\)/],
    [
      'capabilities',
      privileged('/usr/bin/python3.13', 0o100755, { capabilities: '0000000000000080' }),
      /capabilities 0000000000000080/,
    ],
    [
      'ping with more than it needs',
      privileged('/usr/bin/ping', 0o100755, { capabilities: '0000000000003000' }),
      /ping/,
    ],
  ])('%s', (_, over, why) => expect(seen('', { sudo: null, ...over })).toMatch(why));
  test.each([
    ['su', privileged('/usr/bin/su', 0o104755)],
    ['chage', privileged('/usr/bin/chage', 0o102755, { gid: 42 })],
    ['the helper of dbus', privileged('/usr/lib/dbus-1.0/dbus-daemon-launch-helper', 0o104754, { gid: 100 })],
    ['ping', privileged('/usr/bin/ping', 0o100755, { capabilities: '0000000000002000' })],
    ['setuid dw-user', privileged('/opt/mine', 0o104755, { uid: 4356 })],
    ['record locks, not setgid', privileged('/opt/mine', 0o102745, { gid: 42 })],
  ])('the base distribution needs %s', (_, over) =>
    expect(judgeSudo(evidence('', { sudo: null, ...over })).verdict).toBe('pass'),
  );
  test('root without a password, and su', () =>
    expect(
      seen('', { sudo: null, withoutPassword: ['root'], ...privileged('/usr/bin/su', 0o104755) }),
    ).toMatch(/root has uid 0 and no password/));
  test('root without a password, and nothing that asks', () =>
    expect(judgeSudo(evidence('', { sudo: null, withoutPassword: ['root'], privileged: [] })).verdict).toBe(
      'pass',
    ));
});
