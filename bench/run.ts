/**
 * `npm run bench [NAME…]`: measures dwt beside docker and buildx on one engine and prints a table of ratios.
 * Needs an engine with buildx, and any engine for `push-no-op`, `push-first` and `release-no-op`; see bench/peer.ts for how to name one.
 * Leaves no image behind.
 */

import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { startFaultProxy } from '../test/support/fault-proxy.ts';
import { startRegistry } from '../test/support/registry.ts';
import { type Command, docker, dwt, inFolder, peer, run, timed } from './peer.ts';
import { median, paired, type Row, ratioRow, table } from './statistics.ts';
import { type Shape, type Synthetic, writeSynthetic } from './synthetic.ts';

const nonce = () => randomBytes(4).toString('hex');

async function withSynthetic<T>(
  shape: Partial<Shape>,
  work: (folder: string, project: Synthetic, rewrite: () => Promise<Synthetic>) => Promise<T>,
): Promise<T> {
  const name = `bench-${nonce()}`;
  return inFolder(async (folder) => {
    const rewrite = () =>
      writeSynthetic(folder, {
        name,
        stages: 14,
        fan: 3,
        filesPerStage: 2,
        nonce: nonce(),
        steps: true,
        ...shape,
      });
    const project = await rewrite();
    try {
      return await work(folder, project, rewrite);
    } finally {
      await removeImages(folder, name);
    }
  });
}

/** Those without a name too: each build of a name takes it from the image before. */
async function removeImages(folder: string, name: string): Promise<void> {
  const labels = [`dwt.project=${name}`, `bench=${name}`];
  const lists = await Promise.all(
    labels.map((label) => run(docker(folder, ['images', '-q', '--no-trunc', '--filter', `label=${label}`]))),
  );
  const ours = [
    ...new Set(lists.flatMap(({ output }) => output.split('\n').filter((id) => id.startsWith('sha256:')))),
  ];
  for (let at = 0; at < ours.length; at += 50)
    await run(docker(folder, ['rmi', '-f', ...ours.slice(at, at + 50)]));
}

/** Ten images on five shared stages, as in the real hierarchy. */
const tenImages = { stages: 15, fan: 3 };

/** On this machine, and where each request takes so long more, in milliseconds, as those of a cloud do. */
const distances = [0, 20];
const distance = (away: number) => (away === 0 ? '' : `, ${away} ms away`);

/** A registry that has nothing, for as long as `work` takes. */
async function atRegistry<T>(away: number, work: (host: string) => Promise<T>): Promise<T> {
  const registry = await startRegistry();
  const proxy = await startFaultProxy(registry.host);
  proxy.fault = () => ({ type: 'wait', ms: away });
  try {
    return await work(away === 0 ? registry.host : proxy.host);
  } finally {
    await proxy.stop();
    await registry.stop();
  }
}

/** What a script without dwt does; the images have their names already. */
async function pushLoop(
  folder: string,
  name: string,
  leaves: readonly string[],
  to: string,
): Promise<Command> {
  await timed(
    docker(folder, ...leaves.map((leaf) => ['tag', `${name}/${leaf}:latest`, `${to}/${leaf}:master`])),
  );
  return docker(folder, ...leaves.map((leaf) => ['push', '-q', `${to}/${leaf}:master`]));
}

const forget = (folder: string, leaves: readonly string[], from: string) =>
  run(docker(folder, ['rmi', ...leaves.map((leaf) => `${from}/${leaf}:master`)]));

const bake = (folder: string) => docker(folder, ['buildx', 'bake', '-f', 'bake.json', '--progress', 'plain']);

const benchmarks: Record<string, () => Promise<Row[]>> = {
  'no-op': () =>
    withSynthetic({}, async (folder, { leaves, name }) => {
      await timed(dwt(folder, 'build'));
      await timed(bake(folder));
      const loop = docker(
        folder,
        ...leaves.map((leaf) => [
          'build',
          '-q',
          '--label',
          `bench=${name}`,
          '--target',
          leaf,
          '-t',
          `${name}-loop/${leaf}`,
          '.',
        ]),
      );
      await timed(loop);
      const againstBake = await paired(
        7,
        () => timed(dwt(folder, 'build')),
        () => timed(bake(folder)),
      );
      const againstLoop = await paired(
        3,
        () => timed(dwt(folder, 'build')),
        () => timed(loop),
      );
      return [
        ratioRow('no-op build, 14 stages', 'bake', againstBake, 0.4),
        ratioRow('no-op build, 14 stages', 'docker build loop', againstLoop, 0.1),
      ];
    }),

  cold: () =>
    withSynthetic({}, async (folder, _project, rewrite) => {
      const cold = async (command: () => ReturnType<typeof dwt>) => {
        await rewrite();
        return timed(command());
      };
      const times = await paired(
        5,
        () => cold(() => dwt(folder, 'build')),
        () => cold(() => bake(folder)),
      );
      return [ratioRow('cold build, 14 stages', 'bake', times, 1.0)];
    }),

  leaf: () =>
    withSynthetic({}, async (folder, { leafFile }) => {
      await timed(dwt(folder, 'build'));
      await timed(bake(folder));
      const edited = async (command: () => ReturnType<typeof dwt>) => {
        await writeFile(join(folder, leafFile), nonce());
        return timed(command());
      };
      const times = await paired(
        7,
        () => edited(() => dwt(folder, 'build')),
        () => edited(() => bake(folder)),
      );
      return [ratioRow("a leaf's file edited", 'bake', times, 0.8)];
    }),

  plan: async () => {
    const rows: Row[] = [];
    let before: number | null = null;
    for (const stages of [500, 1000]) {
      const seconds = await withSynthetic(
        { stages, fan: 4, filesPerStage: 10, steps: false },
        async (folder) => {
          const times: number[] = [];
          for (let round = 0; round < 5; round++) times.push(await timed(dwt(folder, 'plan', '--json')));
          return median(times);
        },
      );
      if (stages === 1000) {
        rows.push({
          what: 'plan of 1,000 stages, 10,000 files',
          dwt: `${seconds.toFixed(2)} s`,
          peer: '',
          reached: seconds,
          target: 1,
          unit: 's',
        });
        if (before !== null)
          rows.push({
            what: 'plan, twice the stages',
            dwt: `${seconds.toFixed(2)} s`,
            peer: `500 stages ${before.toFixed(2)} s`,
            reached: seconds / before,
            target: 2.2,
            unit: '×',
          });
      }
      before = seconds;
    }
    return rows;
  },

  large: async () => {
    const perStage = async (stages: number, command: (folder: string) => ReturnType<typeof dwt>) =>
      withSynthetic({ stages, fan: 4 }, async (folder) => (await timed(command(folder))) / stages);
    const times = await paired(
      2,
      () => perStage(200, (folder) => dwt(folder, 'build')),
      () => perStage(100, bake),
    );
    return [ratioRow('cold, per stage: 200 stages here, 100 there', 'bake', times, 1.0)];
  },

  'push-no-op': () =>
    withSynthetic(tenImages, async (folder, { name, leaves }) => {
      await timed(dwt(folder, 'build'));
      const rows: Row[] = [];
      for (const away of distances) {
        const times = await atRegistry(away, async (host) => {
          const ours = dwt(folder, 'push', '--registry', `${host}/ours`);
          const loop = await pushLoop(folder, name, leaves, `${host}/loop`);
          await timed(ours);
          await timed(loop);
          const measured = await paired(
            5,
            () => timed(ours),
            () => timed(loop),
          );
          await forget(folder, leaves, `${host}/loop`);
          return measured;
        });
        const what = `no-op push of ${leaves.length} images${distance(away)}`;
        rows.push(ratioRow(what, 'docker push loop', times, 0.25));
      }
      return rows;
    }),

  'push-first': () =>
    withSynthetic({ ...tenImages, bytesPerStage: 8 << 20 }, async (folder, { name, leaves }) => {
      await timed(dwt(folder, 'build'));
      const rows: Row[] = [];
      for (const away of distances) {
        const times = await paired(
          3,
          () => atRegistry(away, (host) => timed(dwt(folder, 'push', '--registry', host))),
          () =>
            atRegistry(away, async (host) => {
              const loop = await pushLoop(folder, name, leaves, host);
              try {
                return await timed(loop);
              } finally {
                await forget(folder, leaves, host);
              }
            }),
        );
        const what = `first push of ${leaves.length} images${distance(away)}`;
        rows.push(ratioRow(what, 'docker push loop', times, 0.9));
      }
      return rows;
    }),

  'release-no-op': async () => {
    const rows: Row[] = [];
    for (const away of distances) {
      rows.push(
        await atRegistry(away, (host) => {
          const settings = `environments:\n  dev: {registry: "${host}", repository: "ours/{suffix}"}\n`;
          return withSynthetic({ ...tenImages, kind: 'job', settings }, async (folder, { name, leaves }) => {
            const ours = dwt(folder, 'release', '--env', 'dev');
            await timed(ours);
            const loop = await pushLoop(folder, name, leaves, `${host}/loop`);
            await timed(loop);
            const times = await paired(
              5,
              () => timed(ours),
              () => timed(loop),
            );
            await forget(folder, leaves, `${host}/loop`);
            const what = `release with nothing to do, ${leaves.length} images${distance(away)}`;
            return ratioRow(what, 'docker push loop', times, 0.25);
          });
        }),
      );
    }
    return rows;
  },

  start: () =>
    inFolder(async (folder) => {
      const node = { words: [process.execPath, '-e', '0'], folder };
      const times = await paired(
        15,
        () => timed(dwt(folder, '--version')),
        () => timed(node),
      );
      return [ratioRow('dwt --version', 'node -e 0', times, 2)];
    }),

  log: () =>
    withSynthetic({}, async (folder) => {
      const peak = async (bytes: number) => {
        const line = 'x'.repeat(127);
        await writeFile(
          join(folder, 'Dockerfile'),
          `FROM debian:trixie AS s0\nRUN : ${nonce()}; yes ${line} | head -c ${bytes}\n`,
        );
        await writeFile(join(folder, 'dwt.yaml'), `version: 1\nname: bench-log-${nonce()}\n`);
        const command = dwt(folder, 'build', '--progress', 'plain', '--log-file', '/dev/null');
        const { output, status } = await run({
          ...command,
          words: [
            '/usr/bin/env',
            'bash',
            '-c',
            'exec 3>&2; "$@" >/dev/null 2>&1 & pid=$!; peak=0; while kill -0 $pid 2>/dev/null; do now=$(awk \'/VmHWM/ {print $2}\' /proc/$pid/status 2>/dev/null); [ -n "$now" ] && peak=$now; sleep 0.05; done; wait $pid; status=$?; echo "peak $peak"; exit $status',
            'peak',
            ...command.words,
          ],
        });
        const kilobytes = Number(/peak (\d+)/.exec(output)?.[1]);
        if (status !== 0 || !kilobytes)
          throw new Error(`The build of ${bytes} bytes of log ended with ${status}:\n${output}`);
        return kilobytes / 1024;
      };
      const small = await peak(1_000_000);
      const large = await peak(1_000_000_000);
      return [
        {
          what: 'peak memory, 1 GB of build log',
          dwt: `${large.toFixed(0)} MiB`,
          peer: `1 MB of log ${small.toFixed(0)} MiB`,
          reached: large - small,
          target: 50,
          unit: 'MiB',
        },
      ];
    }),
};

const chosen = process.argv.slice(2);
const unknown = chosen.filter((name) => !(name in benchmarks));
if (unknown.length > 0) {
  process.stderr.write(
    `No benchmark is named ${unknown.join(', ')}. There are: ${Object.keys(benchmarks).join(', ')}.\n`,
  );
  process.exit(2);
}
process.stderr.write(`Engine ${peer.engine}; Node ${process.version}\n`);
const rows: Row[] = [];
for (const name of chosen.length > 0 ? chosen : Object.keys(benchmarks)) {
  process.stderr.write(`${name} …\n`);
  rows.push(...((await benchmarks[name]?.()) ?? []));
}
process.stdout.write(`${table(rows)}\n`);
