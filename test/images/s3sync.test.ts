/** The sidecar s3sync against a real S3 server: what goes both ways, and what is not lost when things go wrong. */
import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { buildTimeout, type Container, Lab } from './images.ts';
import { S3, startS3 } from './s3.ts';

const data = '/home/s3sync/data';
const longAgo = 1_600_000_000;

let lab: Lab;
let image: string;
let network: string;
let s3: S3;

beforeAll(async () => {
  lab = await Lab.open();
  image = (await lab.build('s3sync'))('s3sync');
  network = await lab.isolated();
  s3 = await startS3(lab, network);
}, buildTimeout);
afterAll(() => lab.close(), 60_000);

let count = 0;
const newPrefix = (): string => `user/federated/${++count}/`;
const md5 = (text: string): string => createHash('md5').update(text).digest('hex');

/** Tries until it holds. */
async function eventually(holds: () => Promise<void>, seconds = 30): Promise<void> {
  for (const end = Date.now() + seconds * 1000; ; ) {
    try {
      return await holds();
    } catch (error) {
      if (Date.now() > end) throw error;
      await sleep(250);
    }
  }
}

/** The home volume as the tool beside the sidecar has it. */
class Home {
  readonly tool: Container;
  readonly volumes: Readonly<Record<string, string>>;

  private constructor(tool: Container, volumes: Readonly<Record<string, string>>) {
    this.tool = tool;
    this.volumes = volumes;
  }

  static async make(): Promise<Home> {
    const volumes = { [await lab.volume()]: data };
    return new Home(await lab.start({ image, network, volumes, command: ['sleep', 'infinity'] }), volumes);
  }

  /** As the user would in the tool's terminal. */
  sh = (script: string): Promise<string> => this.tool.shell(`cd ${data} && ${script}`, 'dw-user');

  /** Every file by its MD5, what the sidecar keeps for itself left out. */
  async list(): Promise<Record<string, string>> {
    const sums = await this.sh('find . -name .mobius3 -prune -o -type f -print0 | xargs -0r md5sum -z');
    return Object.fromEntries(
      sums
        .split('\0')
        .filter((line) => line !== '')
        .map((line) => [line.slice(36), line.slice(0, 32)]),
    );
  }
}

/** A sidecar that has brought everything, unless `ready` says otherwise. */
async function sidecar(
  home: Home,
  prefix: string,
  options: { environment?: Record<string, string>; ready?: boolean } = {},
): Promise<Container> {
  const environment = { ...s3.environment(prefix), ...options.environment };
  const container = await lab.start({ image, network, volumes: home.volumes, environment });
  if (options.ready !== false) await said(container, /everything is there/, 120);
  return container;
}

const said = (container: Container, line: RegExp, seconds = 30): Promise<void> =>
  eventually(async () => expect(await container.logs()).toMatch(line), seconds);

const settled = (home: Home, prefix: string, seconds = 60): Promise<void> =>
  eventually(async () => {
    const [here, there] = await Promise.all([home.list(), s3.list(prefix)]);
    expect(there).toEqual(here);
  }, seconds);

describe('both ways', () => {
  const names = [
    'a',
    'a b.txt',
    'a#b',
    'a?b',
    'a%20b',
    '100%.txt',
    '%41',
    'plus+plus',
    'été/ñ 🔑.txt',
    '日本/語.csv',
    'quote\'"&<>;=@:$,!*()[]{}|\\^`~.txt',
    'bell\u0007',
  ];

  test('what S3 has comes into an empty home, as dw-user, and what is made, changed, renamed and deleted there goes back', async () => {
    const prefix = newPrefix();
    for (const name of names) await s3.put(prefix + name, `remote ${name}`, longAgo);
    const home = await Home.make();
    const container = await sidecar(home, prefix);
    expect(await home.list()).toEqual(Object.fromEntries(names.map((name) => [name, md5(`remote ${name}`)])));
    expect(await home.sh('find . \\( ! -uid 4356 -o ! -gid 4357 \\)')).toBe('');
    expect(await home.sh('stat -c %Y a')).toBe(`${longAgo}\n`);

    // Made, changed, renamed, deleted: here.
    await home.sh(
      'mkdir -p new/deep/er && echo 1 >new/deep/er/file && echo changed >a && mv "a b.txt" "b c.txt" && rm 100%.txt && mv été summer && ln -s a link && printf x >"new/a#c" && : >empty',
    );
    await eventually(async () => {
      const { link, ...there } = await s3.list(prefix);
      expect(there).toEqual(await home.list());
      expect(link).toBe(md5('a'));
    });
    expect(await s3.get(`${prefix}a`)).toBe('changed\n');
    expect(Object.keys(await s3.list(prefix))).toEqual(
      expect.arrayContaining(['b c.txt', 'summer/ñ 🔑.txt', 'new/a#c', 'empty', 'a#b', 'a?b', 'a%20b']),
    );
    expect(Object.keys(await s3.list(prefix))).not.toContain('100%.txt');

    // And there.
    await s3.put(`${prefix}%41`, 'changed there', longAgo + 1);
    await s3.put(`${prefix}made/there`, 'new', longAgo);
    await s3.remove(`${prefix}plus+plus`);
    await s3.remove(`${prefix}日本/語.csv`);
    await s3.put(`${prefix}中国/語.csv`, 'renamed', longAgo);
    await eventually(async () => {
      const { link: _, ...there } = await s3.list(prefix);
      expect(await home.list()).toEqual(there);
      expect(await home.list()).toMatchObject({ '%41': md5('changed there'), 'made/there': md5('new') });
    });
    expect(await home.sh('ls plus+plus 日本/語.csv 2>&1 || true')).toMatch(/plus\+plus[\s\S]*日本/);
    expect((await container.stop()).seconds).toBeLessThan(10);

    // A home that was lost is as it was.
    const before = await home.list();
    const again = await Home.make();
    await sidecar(again, prefix);
    expect(await again.list()).toEqual(before);
    expect(await again.sh('readlink link; stat -c %a a')).toBe('a\n644\n');
  }, 120_000);

  test('nothing of what is excluded goes either way', async () => {
    const excluded = [
      '.checkpoints/n.ipynb',
      'project/.checkpoints/n.ipynb',
      'bigdata/huge.csv',
      'project/bigdata/huge.csv',
      '.vnc/passwd',
      '.dbus/session',
      '.config/lxqt/session.conf',
      '.config/openbox/rc.xml',
      '.cache/openbox/log',
      '.cache/mesa_shader_cache/index',
      '.Xauthority',
      'Desktop/trash.desktop',
      '.__mobius3_flush__1234',
      'project/.__mobius3_flush__1234',
    ];
    const kept = ['bigdata.csv', '.config/git/config', 'Desktop/notes.txt', 'project/Desktop/x.desktop'];
    const prefix = newPrefix();
    for (const name of [...excluded, ...kept]) await s3.put(`${prefix}${name}.there`, 'x', longAgo);
    for (const name of ['.Xauthority', 'Desktop/trash.desktop']) await s3.put(prefix + name, 'x', longAgo);
    // Keys that would be paths outside of the home.
    for (const name of ['/etc/x', '../../x', 'a//b']) await s3.put(prefix + name, 'x', longAgo);
    const home = await Home.make();
    await sidecar(home, prefix);
    const theirs = kept.map((name) => `${name}.there`);
    expect(Object.keys(await home.list()).sort()).toEqual([...theirs, 'Desktop/trash.desktop.there', '.Xauthority.there'].sort());
    const before = await s3.list(prefix);
    for (const name of [...excluded, ...kept]) {
      await home.sh(`mkdir -p "$(dirname '${name}')" && echo here >'${name}'`);
    }
    const ours = [...Object.keys(before), ...kept].sort();
    await eventually(async () => expect(Object.keys(await s3.list(prefix)).sort()).toEqual(ours));
    await sleep(12_000);
    expect(Object.keys(await s3.list(prefix)).sort()).toEqual(ours);
    for (const name of excluded) expect(await home.sh(`cat '${name}'`)).toBe('here\n');
  }, 120_000);

  test('what git makes arrives: clones, commits, locks and packs', async () => {
    const prefix = newPrefix();
    const home = await Home.make();
    await sidecar(home, prefix);
    await home.sh(
      'export GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@b GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@b; git init -q repo && cd repo && for i in 1 2 3; do echo $i >f$i && git add . && git commit -qm $i; done; git gc -q; cd .. && git clone -q repo other',
    );
    await settled(home, prefix);
    const again = await Home.make();
    await sidecar(again, prefix);
    expect(await again.sh('cd other && git fsck --strict 2>&1 && git log --format=%s && git status --short')).toMatch(
      /3\n2\n1\n$/,
    );
  }, 120_000);
});

describe('much', () => {
  test('10,000 small files go up, and come down', async () => {
    const prefix = newPrefix();
    const home = await Home.make();
    const first = await sidecar(home, prefix);
    await home.sh(
      'for d in $(seq 100); do mkdir -p many/$d/x; for f in $(seq 100); do echo $d/$f >many/$d/x/$f; done; done',
    );
    await settled(home, prefix, 240);
    expect(Object.keys(await s3.list(prefix))).toHaveLength(10_000);
    expect((await first.stop()).seconds).toBeLessThan(10);
    const again = await Home.make();
    await sidecar(again, prefix, { ready: false }).then((container) => said(container, /everything is there/, 240));
    expect(await again.list()).toEqual(await s3.list(prefix));
  }, 600_000);

  test('a file of 1 GB goes up, and comes down', async () => {
    const prefix = newPrefix();
    const home = await Home.make();
    const first = await sidecar(home, prefix);
    await home.sh('head -c 1000000000 /dev/urandom >large.bin');
    await settled(home, prefix, 180);
    await first.stop();
    const again = await Home.make();
    await sidecar(again, prefix);
    expect(await again.list()).toEqual(await s3.list(prefix));
    expect(await again.sh('stat -c "%s %u" large.bin')).toBe('1000000000 4356\n');
  }, 400_000);
});
