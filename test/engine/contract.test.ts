/** How a smoke test behaves on a real engine: kinds, missing images, an interruption, and what dead runs left. */
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { runLabels } from '../../src/contract/leftovers.ts';
import { connectEngine } from '../../src/engine/connect.ts';
import type { Engine } from '../../src/engine/engine.ts';
import { DwtError } from '../../src/errors.ts';
import type { DwtEvent } from '../../src/events.ts';
import { type ImageToTest, smokeTest } from '../../src/workflows/smoke-test.ts';
import { testBase, testEngine } from '../support/engine.ts';
import { build, ownName, removeImages } from './engine-fixture.ts';

const seconds = 1000;
const account =
  "RUN echo 'dw-user:x:4356:4357::/home/dw-user:/bin/bash' >> /etc/passwd && echo 'dw-user:x:4357:' >> /etc/group && mkdir /home/dw-user";
const asUser = '$) = "4357 4357"; POSIX::setgid(4357); POSIX::setuid(4356);';

let engine: Engine;
const names: string[] = [];
beforeAll(async () => {
  engine = await connectEngine({ engine: testEngine(), environment: process.env });
});
afterAll(async () => {
  await removeImages(engine, names);
  engine.close();
}, 60 * seconds);

/** An image whose process 1 is this perl script. */
async function image(script: string): Promise<string> {
  const name = `${ownName()}:latest`;
  const line = `use POSIX (); use Socket; $| = 1; ${script}`;
  await build(
    engine,
    `FROM ${testBase()}\n${account}\nENTRYPOINT ${JSON.stringify(['perl', '-e', line])}\n`,
    { tags: [name] },
  );
  names.push(name);
  return name;
}

async function judge(images: readonly ImageToTest[], signal = new AbortController().signal) {
  const events: DwtEvent[] = [];
  const result = await smokeTest({
    engine,
    images,
    jobs: 4,
    probeImage: testBase(),
    emit: (event) => void events.push(event),
    signal,
  });
  return { ...result, events };
}

const left = async () =>
  (await engine.resourcesByLabel([`dwt.owner=${runLabels('')['dwt.owner']}`])).map(
    ({ type, name }) => `${type} ${name}`,
  );
const verdicts = (checks: readonly { name: string; verdict: string }[]) =>
  Object.fromEntries(checks.map(({ name, verdict }) => [name, verdict]));
const alone = (
  reference: string,
  kind: ImageToTest['kind'] = 'tool',
  checks: ImageToTest['checks'] = { readyWithin: 60 },
): ImageToTest => ({ stage: null, reference, kind, checks });

test(
  'an image that is not there fails by itself; the others are judged, and each check is told',
  async () => {
    const right = await image(`${asUser} $SIG{TERM} = sub { exit 0 }; sleep 1 while 1;`);
    const gone = `${ownName()}:latest`;
    const { images, events } = await judge([alone(gone), alone(right, 'sidecar')]);
    expect(images[0]).toMatchObject({ reference: gone, id: null, verdict: 'fail', checks: [] });
    expect(images[0]?.error?.toJSON()).toMatchObject({
      code: 'IMAGE_NOT_FOUND',
      hint: `Pull it first: docker pull ${gone}`,
    });
    expect(images[1]).toMatchObject({ verdict: 'pass', skipped: [] });
    expect(verdicts(images[1]?.checks ?? [])).toEqual({
      up: 'pass',
      user: 'pass',
      sudo: 'pass',
      stop: 'pass',
      isolation: 'pass',
    });
    const steps = events.flatMap((event) =>
      event.type === 'step-finished' && event.task === right ? [[event.step, event.outcome]] : [],
    );
    expect(Object.fromEntries(steps)).toMatchObject({ [`${right}/up`]: 'done', [`${right}/stop`]: 'done' });
    expect(events.filter(({ type }) => type === 'step-started')).toHaveLength(
      events.filter(({ type }) => type === 'step-finished').length,
    );
    expect(events.findLast((event) => event.type === 'task-finished' && event.task === right)).toMatchObject({
      outcome: 'passed',
    });
    expect(await left()).toEqual([]);
  },
  120 * seconds,
);

describe('kinds', () => {
  test(
    'a sidecar that ends, and one that stays root',
    async () => {
      const [ends, root] = await Promise.all([
        image('print "no bucket\\n"; exit 5;'),
        image('$SIG{TERM} = sub { exit 0 }; sleep 1 while 1;'),
      ]);
      const { images } = await judge([alone(ends, 'sidecar'), alone(root, 'sidecar')]);
      expect(verdicts(images[0]?.checks ?? [])).toEqual({ up: 'fail' });
      expect(images[0]?.checks[0]).toMatchObject({
        detail: expect.stringMatching(/exit code 5/),
        output: 'no bucket',
      });
      expect(verdicts(images[1]?.checks ?? [])).toMatchObject({ up: 'pass', user: 'fail', stop: 'pass' });
    },
    120 * seconds,
  );

  test('an image that names no command fails for that, by its kind', async () => {
    const name = `${ownName()}:latest`;
    await build(engine, `FROM ${testBase()}\nENTRYPOINT []\nCMD []\n`, { tags: [name] });
    names.push(name);
    const { images } = await judge([alone(name), alone(name, 'job')]);
    for (const [index, check] of ['http', 'ends'].entries()) {
      expect(images[index]).toMatchObject({
        verdict: 'fail',
        checks: [
          {
            name: check,
            detail: expect.stringMatching(/^it does not start: no command specified/i),
            error: { code: 'CHECK_FAILED', hint: 'See ENTRYPOINT and CMD.' },
          },
        ],
      });
      expect(images[index]).not.toHaveProperty('error');
    }
  });

  test(
    'a metrics sidecar reads the metadata beside it and serves them on the port given',
    async () => {
      const server = (page: string) => `${asUser} $SIG{TERM} = sub { exit 0 };
      my ($host) = $ENV{ECS_CONTAINER_METADATA_URI} =~ m{//([^/]+)}; socket(my $m, PF_INET, SOCK_STREAM, 0); connect($m, sockaddr_in(80, inet_aton($host))) or die "metadata: $!";
      syswrite($m, "GET /v3/task/stats HTTP/1.0\\r\\n\\r\\n"); my $in = ""; 1 while sysread($m, $in, 65536, length $in); my ($usage) = $in =~ /"usage":(\\d+)/ or die "no usage";
      socket(my $s, PF_INET, SOCK_STREAM, 0); setsockopt($s, SOL_SOCKET, SO_REUSEADDR, 1); bind($s, sockaddr_in($ENV{PORT}, INADDR_ANY)) or die $!; listen($s, 9);
      while (1) { accept(my $c, $s) or next; sysread($c, $in, 4096); my $p = ${page}; syswrite($c, "HTTP/1.1 200 OK\\r\\nContent-Length: " . length($p) . "\\r\\n\\r\\n$p"); }`;
      const names3 =
        '"memory_stats__usage{name=\\"tool\\"} $usage\\ncpu_stats__cpu_usage__total_usage 1\\nprecpu_stats__cpu_usage__total_usage 1\\n"';
      const [right, broken] = await Promise.all([
        image(server(names3)),
        image(server('"memory_stats.usage 1\\n"')),
      ]);
      const checks = { readyWithin: 30, metrics: { path: '/__metrics', port: 9121, names: null } };
      const { images } = await judge([alone(right, 'sidecar', checks), alone(broken, 'sidecar', checks)]);
      expect(verdicts(images[0]?.checks ?? [])).toEqual({
        metrics: 'pass',
        up: 'pass',
        user: 'pass',
        sudo: 'pass',
        stop: 'pass',
        isolation: 'pass',
      });
      expect(images[1]?.checks[0]).toMatchObject({
        name: 'metrics',
        verdict: 'fail',
        detail: '9121/__metrics is no valid exposition: line 1: no sample',
      });
    },
    120 * seconds,
  );

  test(
    'commands run as the user beside a sidecar, and apart from a job that may be over',
    async () => {
      const [sidecar, job] = await Promise.all([
        image(`$SIG{TERM} = sub { exit 0 }; $ENV{SET} = "by the start"; ${asUser} exec "sleep", 60;`),
        image(`${asUser} exit 0;`),
      ]);
      const commands = {
        user: 'test "$(id -u):$(id -g)" = 4356:4357 && test "$PGHOST" = postgres.invalid',
        start: 'test "$SET" = "by the start"',
        broken: 'echo out; echo err >&2; exit 4',
      };
      const { images } = await judge([
        alone(sidecar, 'sidecar', { commands }),
        alone(job, 'job', { commands }),
      ]);
      const [beside, apart] = images.map(({ checks }) =>
        checks.filter(({ name }) => name.startsWith('command')),
      );
      expect(verdicts(beside ?? [])).toEqual({
        'command user': 'pass',
        'command start': 'pass',
        'command broken': 'fail',
      });
      expect(verdicts(apart ?? [])).toEqual({
        'command user': 'pass',
        'command start': 'fail',
        'command broken': 'fail',
      });
      for (const checks of [beside, apart])
        expect(checks?.at(-1)).toMatchObject({
          detail: expect.stringMatching(/ended with 4$/),
          output: expect.stringMatching(/^(out\nerr|err\nout)$/),
        });
    },
    120 * seconds,
  );

  test(
    'a job that declares its end',
    async () => {
      const [done, failed] = await Promise.all([
        image(`${asUser} sleep 8; exit 0;`),
        image(`${asUser} print "bucket not found\\n"; exit 2;`),
      ]);
      const checks = { ends: { within: 30, status: [0] } };
      const { images } = await judge([alone(done, 'job', checks), alone(failed, 'job', checks)]);
      expect(images[0]).toMatchObject({ verdict: 'pass' });
      expect(images[1]?.checks).toMatchObject([
        {
          name: 'ends',
          verdict: 'fail',
          detail: expect.stringMatching(/exit code 2, wanted 0/),
          output: 'bucket not found',
        },
      ]);
    },
    120 * seconds,
  );
});

test(
  'an image of which not even a process can be started is a failure of its own',
  async () => {
    const name = `${ownName()}:latest`;
    await build(engine, 'FROM scratch\nCOPY Dockerfile /\nENTRYPOINT ["/nothing"]\n', { tags: [name] });
    names.push(name);
    const { images } = await judge([alone(name)]);
    expect(images[0]).toMatchObject({
      verdict: 'fail',
      checks: [{ name: 'http', verdict: 'fail', detail: expect.stringMatching(/^it does not start: /) }],
    });
    expect(await left()).toEqual([]);
  },
  60 * seconds,
);

test(
  'an interruption ends everything in seconds and leaves nothing',
  async () => {
    const silent = await image(`${asUser} sleep 1 while 1;`);
    const controller = new AbortController();
    const judging = judge([alone(silent), alone(silent, 'sidecar'), alone(silent)], controller.signal);
    judging.catch(() => {});
    // Until the judged containers run.
    while ((await left()).filter((each) => each.startsWith('container')).length < 4) await pause(100);
    const interrupted = performance.now();
    controller.abort(new DwtError('INTERRUPTED', 'Interrupted.'));
    await expect(judging).rejects.toMatchObject({ code: 'INTERRUPTED' });
    // A quiet engine takes about one second; one that is starting containers on a busy machine, longer.
    expect(performance.now() - interrupted).toBeLessThan(5000);
    expect(await left()).toEqual([]);
  },
  60 * seconds,
);

test(
  'what a dead run left is taken away, what a live one has is not',
  async () => {
    const right = await image(`${asUser} $SIG{TERM} = sub { exit 0 }; sleep 1 while 1;`);
    const dead = {
      ...runLabels('dead'),
      'dwt.owner': runLabels('dead')['dwt.owner']?.replace(/\d+$/, '1') ?? '',
    };
    const elsewhere = { ...runLabels('elsewhere'), 'dwt.owner': 'another-boot/1/1/1' };
    const [network, volume, container, live] = [ownName(), ownName(), ownName(), ownName()];
    await engine.createNetwork(network, { internal: true, labels: dead });
    await engine.createVolume(volume, dead);
    await engine.createVolume(live, elsewhere);
    await engine.createContainer({
      name: container,
      image: testBase(),
      entrypoint: ['true'],
      labels: dead,
      network,
      volumes: { [volume]: '/volume' },
    });
    try {
      await judge([alone(right, 'sidecar')]);
      const found = (await engine.resourcesByLabel(['dwt.run'])).map(({ name }) => name);
      expect(found).toContain(live);
      for (const gone of [network, volume, container]) expect(found).not.toContain(gone);
    } finally {
      await engine.removeContainer(container);
      await engine.removeNetwork(network);
      await Promise.all([volume, live].map((each) => engine.removeVolume(each)));
    }
  },
  120 * seconds,
);

test(
  'a probe image that cannot be had is said at once, with the way to get one',
  async () => {
    const right = await image('sleep 1;');
    const wanted = `localhost:9/${ownName()}:latest`;
    await expect(
      smokeTest({
        engine,
        images: [alone(right)],
        jobs: 1,
        probeImage: wanted,
        emit: () => {},
        signal: new AbortController().signal,
      }),
    ).rejects.toMatchObject({ code: 'SETUP_FAILED', hint: expect.stringContaining('dwt base') });
  },
  60 * seconds,
);
