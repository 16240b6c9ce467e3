/** The sidecar s3sync against a real S3 server: what goes both ways, and what is not lost when things go wrong. */
import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { buildTimeout, type Container, Lab } from './images.ts';
import { type S3, startS3 } from './s3.ts';

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
      'mkdir -p new/deep/er && echo 1 >new/deep/er/file && echo changed >a && mv "a b.txt" "b c.txt" && rm 100%.txt && mv été summer && ln -s a link && printf x >"new/a#c" && : >empty && chmod 600 "a#b"',
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
    expect(await again.sh('readlink link; stat -c %a a "a#b"')).toBe('a\n644\n600\n');
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
      '.local/share/rstudio/log/rserver.log',
      '.local/share/rstudio/sources/s-1/lock_file',
      '.local/share/rstudio/sessions/active/s/suspended-session-data/environment',
      'project/.Rproj.user/A/sources/s-1/lock_file',
      'project/.Rproj.user/A/.rstudio-lock-41c29-x',
    ];
    const kept = [
      'bigdata.csv',
      '.config/git/config',
      'Desktop/notes.txt',
      'project/Desktop/x.desktop',
      '.local/share/rstudio/history_database',
      'project/lock_file',
    ];
    const prefix = newPrefix();
    for (const name of [...excluded, ...kept]) await s3.put(`${prefix}${name}.there`, 'x', longAgo);
    for (const name of ['.Xauthority', 'Desktop/trash.desktop']) await s3.put(prefix + name, 'x', longAgo);
    // Keys that would be paths outside of the home.
    for (const name of ['/etc/x', '../../x', 'a//b']) await s3.put(prefix + name, 'x', longAgo);
    const home = await Home.make();
    await sidecar(home, prefix);
    const theirs = kept.map((name) => `${name}.there`);
    expect(Object.keys(await home.list()).sort()).toEqual(
      [...theirs, 'Desktop/trash.desktop.there', '.Xauthority.there'].sort(),
    );
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
    expect(
      await again.sh('cd other && git fsck --strict 2>&1 && git log --format=%s && git status --short'),
    ).toMatch(/3\n2\n1\n$/);
  }, 120_000);
});

describe('nothing is lost', () => {
  test('when S3 is away, credentials rotate, and it is killed in the middle', async () => {
    const prefix = newPrefix();
    const home = await Home.make();
    await home.sh('mkdir old && echo 1 >old/changed && echo 1 >old/deleted && echo 1 >old/renamed');
    const container = await sidecar(home, prefix);
    await settled(home, prefix);

    await s3.away(20);
    await home.sh(
      'for i in $(seq 100); do echo $i >away-$i; done; echo 2 >old/changed; rm old/deleted; mv old/renamed new; head -c 30000000 /dev/urandom >large',
    );
    await said(container, /S3 cannot be reached at \S+ \(.*\); it is tried again/);
    await said(container, /S3 answers again, after/, 60);
    await settled(home, prefix);

    const { role } = await s3.rotate();
    await home.sh('for i in $(seq 20); do echo again $i >away-$i; done; echo 3 >rotated; rm away-30');
    await settled(home, prefix);
    expect((await s3.rotate()).role).toBeGreaterThan(role);

    await home.sh('for i in $(seq 200); do echo killed $i >killed-$i; done');
    await container.shell('kill -9 $(pgrep -f [l]ib/s3sync)');
    await home.sh(
      'for i in $(seq 100 300); do echo later $i >killed-$i; done; touch -d "1 hour ago" killed-250',
    );
    await said(container, /ended with 137; it is started again/);
    await settled(home, prefix);
    expect(Object.keys(await home.list())).toHaveLength(403);
  }, 240_000);

  test('when the container is killed and both sides go on: the newer version of each file, and every file', async () => {
    const prefix = newPrefix();
    const home = await Home.make();
    await home.sh('for f in ours theirs both same; do echo 1 >$f; touch -d "2 hours ago" $f; done');
    const first = await sidecar(home, prefix);
    await settled(home, prefix);
    await lab.engine.signalContainer(first.id, 'SIGKILL');
    await lab.engine.waitContainer(first.id);
    // Older than the two minutes for which mobius3 takes a file for one that is just being made.
    await home.sh(
      'for f in ours new deep/er/new; do mkdir -p $(dirname $f); echo ours >$f; touch -d "1 hour ago" $f; done; echo half >.mobius3/half-a-download',
    );
    await s3.put(`${prefix}theirs`, 'theirs');
    await s3.put(`${prefix}from-there`, 'theirs', longAgo);
    await s3.put(`${prefix}both`, 'theirs');
    await home.sh('sleep 1.1; echo ours >both');
    await sidecar(home, prefix);
    await settled(home, prefix);
    const ours = md5('ours\n');
    expect(await home.list()).toEqual({
      ours,
      new: ours,
      'deep/er/new': ours,
      both: ours,
      theirs: md5('theirs'),
      'from-there': md5('theirs'),
      same: md5('1\n'),
    });
    expect(await home.sh('ls .mobius3')).toBe('');
  }, 120_000);

  test('when both sides change one file at once: they agree on the later one', async () => {
    const prefix = newPrefix();
    const home = await Home.make();
    await s3.put(`${prefix}file`, 'first', longAgo);
    await sidecar(home, prefix);
    await Promise.all([s3.put(`${prefix}file`, 'there'), home.sh('echo here >file')]);
    await eventually(async () => expect(await s3.get(`${prefix}file`)).toBe('here\n'));
    await sleep(12_000);
    expect(await home.sh('cat file')).toBe('here\n');
    await settled(home, prefix);
  }, 60_000);

  test('of what is saved right before the end, and while the tool ends', async () => {
    const prefix = newPrefix();
    const home = await Home.make();
    const container = await sidecar(home, prefix);
    await home.sh('head -c 5000000 /dev/urandom >saved; for i in $(seq 50); do echo $i >last-$i; done');
    const stopped = container.stop();
    await home.sh('sleep 0.5; echo bye >saved-at-the-end');
    const { seconds, exitCode } = await stopped;
    expect(seconds).toBeLessThan(10);
    expect(exitCode).toBe(0);
    expect(await container.logs()).toMatch(/everything is uploaded\n$/);
    expect(Object.keys(await home.list())).toHaveLength(52);
    expect(await s3.list(prefix)).toEqual(await home.list());
  }, 60_000);

  test('of files that are held open, of folders that are read-only or full of links, pipes and strange names', async () => {
    const prefix = newPrefix();
    const home = await Home.make();
    const container = await sidecar(home, prefix);
    const held = home.sh('exec 3>held; echo unsaved >&3; sleep 40; echo saved >&3');
    await home.sh(
      [
        'mkdir -p circle deep/1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16/17/18/19/20',
        'ln -s .. circle/up && ln -s . circle/same && ln -s /nowhere gone',
        'echo 1 >deep/1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16/17/18/19/20/file && mv deep deeper',
        'mkdir locked && echo 1 >locked/file && chmod 444 locked/file && chmod 555 locked',
        'mkfifo pipe && (echo x >pipe & cat pipe)',
        "echo 1 >$'not-utf8-\\xff' && mv $'not-utf8-\\xff' $'still-not-\\xfe'",
        'rm -r .mobius3 && sleep 1 && echo 1 >after',
      ].join('\n'),
    );
    const there = async () => Object.keys(await s3.list(prefix)).sort();
    const uploaded = [
      'after',
      'circle/same',
      'circle/up',
      'deeper/1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16/17/18/19/20/file',
      'gone',
      'held',
      'locked/file',
    ];
    await eventually(async () => expect(await there()).toEqual(uploaded), 60);
    expect(await s3.get(`${prefix}held`)).toBe('unsaved\n');
    await said(container, /still-not-\\udcfe is not synchronised: its name is not UTF-8/);
    await held;
    await eventually(async () => expect(await s3.get(`${prefix}held`)).toBe('unsaved\nsaved\n'));
    expect(await home.sh('cat held')).toBe('unsaved\nsaved\n');
  }, 120_000);
});

describe('what it cannot do it says in a line', () => {
  const without = { S3_BUCKET: '', S3_PREFIX: '', S3_REGION: '' };
  const unusable: readonly [Record<string, string>, string][] = [
    [without, 'S3_BUCKET and S3_PREFIX and S3_REGION not set: nothing is synchronised'],
    [{ S3_PREFIX: '' }, 'S3_PREFIX not set: nothing is synchronised'],
    [{ S3_PREFIX: '/' }, "S3_PREFIX is '/', not a folder such as user/name/: nothing is synchronised"],
    [
      { S3_PREFIX: 'a/../b/' },
      "S3_PREFIX is 'a/../b/', not a folder such as user/name/: nothing is synchronised",
    ],
    [
      { S3_PREFIX: 'a\n/b' },
      "S3_PREFIX is 'a\\n/b', not a folder such as user/name/: nothing is synchronised",
    ],
    [{ S3_BUCKET: 'a bucket' }, "S3_BUCKET is 'a bucket', not the name of a bucket: nothing is synchronised"],
    [{ S3_REGION: 'eu/west' }, "S3_REGION is 'eu/west', not the name of a region: nothing is synchronised"],
    [
      { AWS_ENDPOINT_URL_S3: 's3.example' },
      "AWS_ENDPOINT_URL_S3 is 's3.example', not an http or https URL: nothing is synchronised",
    ],
  ];
  test.each(unusable)('%j', async (more, line) => {
    const container = await lab.start({
      image,
      network,
      environment: { ...s3.environment('user/'), ...more },
    });
    expect(await lab.engine.waitContainer(container.id)).toBe(2);
    expect(await container.logs()).toBe(`s3sync: ${line}\n`);
  });

  test('a bucket that refuses, an endpoint and credentials that are not there: it keeps trying, and ends when told', async () => {
    const cases: readonly [Record<string, string>, RegExp][] = [
      [
        { S3_BUCKET: 'refusing' },
        /the bucket refuses to list refusing\/user\/ \(403 AccessDenied\); it is tried/,
      ],
      [
        { S3_BUCKET: 'not-there' },
        /the bucket refuses to list not-there\/user\/ \(404 NoSuchBucket\); it is tried/,
      ],
      [{ AWS_ENDPOINT_URL_S3: '' }, /S3 cannot be reached at home-folders\.s3\.eu-west-2\.amazonaws\.com \(/],
      [
        { AWS_ENDPOINT_URL_S3: 'http://127.0.0.1:9' },
        /S3 cannot be reached at 127.0.0.1:9 \(ConnectError\); it is tried/,
      ],
      [
        { AWS_CONTAINER_CREDENTIALS_RELATIVE_URI: '/v2/x' },
        /no credentials for S3 from http:\/\/169.254.170.2\/v2\/x \(.*\); it is tried/,
      ],
      [
        { AWS_CONTAINER_CREDENTIALS_FULL_URI: '' },
        /no credentials for S3: neither AWS_ACCESS_KEY_ID nor a role's; it is tried/,
      ],
    ];
    await Promise.all(
      cases.map(async ([environment, line]) => {
        const container = await sidecar(await Home.make(), 'user/', { environment, ready: false });
        await said(container, line);
        const { seconds, exitCode } = await container.stop();
        expect(seconds).toBeLessThan(10);
        expect(exitCode).toBe(0);
      }),
    );
  }, 120_000);

  test("a home that is read-only, full, or was somebody else's", async () => {
    const environment = s3.environment(newPrefix());
    const prefix = environment['S3_PREFIX'] ?? '';
    await s3.put(`${prefix}large`, 'x'.repeat(3_000_000), longAgo);
    await s3.put(`${prefix}small`, 'x', longAgo);
    const readOnly = await lab.start({ image, network, environment, host: { Tmpfs: { [data]: 'ro' } } });
    await said(
      readOnly,
      /s3sync: \/home\/s3sync\/data cannot be written \(Read-only file system\): nothing is synchronised/,
    );
    expect((await readOnly.stop()).seconds).toBeLessThan(10);

    const full = await lab.start({ image, network, environment, host: { Tmpfs: { [data]: 'size=2m' } } });
    await said(full, /No space left on device/);
    await full.shell(`cd ${data} && echo 1 >made`, 'dw-user');
    await eventually(async () =>
      expect(Object.keys(await s3.list(prefix))).toEqual(['large', 'made', 'small']),
    );
    expect(await full.shell(`ls ${data}`)).toBe('made\nsmall\n');

    const home = await Home.make();
    await home.tool.shell(`cd ${data} && echo 1 >theirs && chown -R 1234:0 . && chmod 700 .`);
    await sidecar(home, prefix);
    expect(await home.sh('stat -c "%u:%g %n" . theirs small')).toBe(
      '4356:4357 .\n4356:4357 theirs\n4356:4357 small\n',
    );
    await settled(home, prefix);
  }, 120_000);
});

describe('much', () => {
  test('a file of 1 GB goes up, and comes down', async () => {
    const prefix = newPrefix();
    const home = await Home.make();
    const first = await sidecar(home, prefix);
    await home.sh('head -c 1000000000 /dev/urandom >large.bin');
    await eventually(async () => expect(Object.keys(await s3.list(prefix))).toEqual(['large.bin']), 300);
    await settled(home, prefix);
    await first.stop();
    const again = await Home.make();
    await said(await sidecar(again, prefix, { ready: false }), /everything is there/, 300);
    expect(await again.list()).toEqual(await s3.list(prefix));
    expect(await again.sh('stat -c "%s %u" large.bin')).toBe('1000000000 4356\n');
  }, 800_000);

  test('10,000 small files go up, and come down', async () => {
    const prefix = newPrefix();
    const home = await Home.make();
    const first = await sidecar(home, prefix);
    await home.sh(
      'for d in $(seq 100); do mkdir -p many/$d/x; for f in $(seq 100); do echo $d/$f >many/$d/x/$f; done; done',
    );
    await eventually(async () => {
      await sleep(5000);
      expect(Object.keys(await s3.list(prefix))).toHaveLength(10_000);
    }, 900);
    await settled(home, prefix);
    expect((await first.stop()).seconds).toBeLessThan(10);
    const again = await Home.make();
    await said(await sidecar(again, prefix, { ready: false }), /everything is there/, 900);
    expect(await again.list()).toEqual(await s3.list(prefix));
  }, 2_000_000);
});
