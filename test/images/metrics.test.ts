/** The metrics sidecar against a task metadata endpoint that answers as ECS does, and against ones that do not. */

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { testBase } from '../support/engine.ts';
import { buildTimeout, type Container, docker, Lab } from './images.ts';

const promtool = `FROM ${testBase()} AS promtool
RUN --mount=type=cache,target=/var/cache/apt,sharing=locked --mount=type=cache,target=/var/lib/apt/lists,sharing=locked \\
    apt-get -q -o Acquire::Retries=5 update && \\
    DEBIAN_FRONTEND=noninteractive apt-get -q -o Acquire::Retries=5 install -y --no-install-recommends prometheus
`;

let lab: Lab;
let image: string;
let prometheus: string;
let network: string;
let client: Container;

beforeAll(async () => {
  lab = await Lab.open();
  const built = await lab.build('python', 'metrics');
  image = built('metrics');
  prometheus = await lab.extend({ Dockerfile: promtool }, 'promtool');
  network = await lab.isolated();
  const program = await readFile(join(import.meta.dirname, 'ecs.py'), 'utf8');
  client = await lab.start({ image: built('python'), network, command: ['python3', '-c', program] });
}, buildTimeout);
afterAll(() => lab.close(), 60_000);

/** A sidecar whose endpoint fails in this way. */
async function sidecar(way: string): Promise<{ container: Container; url: string }> {
  const endpoint = (await lab.engine.containerState(client.id)).addresses;
  const [address] = Object.values(endpoint);
  const environment = { PORT: '9100', ECS_CONTAINER_METADATA_URI: `http://${address}:8000/${way}` };
  const container = await lab.start({ image, network, environment });
  const [own] = Object.values((await lab.engine.containerState(container.id)).addresses);
  await started(`http://${own}:9100`);
  return { container, url: `http://${own}:9100` };
}

const ask = async (url: string, ...options: string[]): Promise<{ status: number; body: string }> => {
  const { stdout, stderr, exitCode } = await client.run([
    'curl',
    '-sS',
    '-w',
    '\n%{http_code}',
    ...options,
    url,
  ]);
  if (exitCode !== 0) throw new Error(stderr);
  const lines = stdout.split('\n');
  return { status: Number(lines.pop()), body: lines.join('\n') };
};

/** Until a sidecar listens. */
const started = (url: string) =>
  ask(
    `${url}/other`,
    '--retry',
    '100',
    '--retry-delay',
    '1',
    '--retry-connrefused',
    '--retry-max-time',
    '20',
  );

/** Samples by name with labels, after every line has been held against the text format's grammar. */
function samples(text: string): Map<string, string> {
  expect(text.endsWith('\n')).toBe(true);
  const found = new Map<string, string>();
  const typed = new Set<string>();
  for (const line of text.trimEnd().split('\n')) {
    if (line.startsWith('# HELP ')) continue;
    const type = /^# TYPE ([a-zA-Z_:][a-zA-Z0-9_:]*) untyped$/.exec(line)?.[1];
    if (type !== undefined) {
      expect(typed).not.toContain(type);
      typed.add(type);
      continue;
    }
    const [, name = '', labels, value = ''] =
      /^([a-zA-Z_:][a-zA-Z0-9_:]*)(\{(?:[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\[\\"n])*",?)*\}) ([-+0-9.e]+)$/.exec(
        line,
      ) ?? [];
    expect({ line, typed: [...typed].at(-1) }).toEqual({ line, typed: name });
    expect(found).not.toContain(`${name}${labels}`);
    found.set(`${name}${labels}`, value);
  }
  return found;
}

test('says what ECS knows of the containers, by the names that the platform asks for', async () => {
  const { url, container } = await sidecar('recorded');
  const { status, body } = await ask(`${url}/__metrics`);
  expect(status).toBe(200);
  const found = samples(body);
  expect(Object.fromEntries(found)).toMatchObject({
    'memory_stats__usage{container_name="jupyterlab"}': '123456789',
    'memory_stats__stats__hierarchical_memory_limit{container_name="jupyterlab"}': '9223372036854771712',
    'pids_stats__limit{container_name="jupyterlab"}': '18446744073709551615',
    'cpu_stats__cpu_usage__total_usage{container_name="jupyterlab"}': '70000000',
    'cpu_stats__cpu_usage__percpu_usage{container_name="jupyterlab",index="1"}': '30000000',
    'precpu_stats__cpu_usage__total_usage{container_name="jupyterlab"}': '60000000',
    'blkio_stats__io_service_bytes_recursive__value{container_name="jupyterlab",major="259",minor="0",op="write"}':
      '2000',
    'networks__eth1__rx_bytes{container_name="jupyterlab"}': '1564',
    'network_rate_stats__rx_bytes_per_sec{container_name="jupyterlab"}': '1.25e-05',
    'memory_stats__usage{container_name="odd \\"name\\"\\\\with\\nlines é"}': '740740734',
  });
  expect(body).not.toMatch(/"(metrics|s3sync|aws-fargate-supervisor|stopped)"/);
  expect(await ask(`${url}/`)).toMatchObject({ status: 404 });
  expect(await ask(`${url}/__metricsx`)).toMatchObject({ status: 404 });
  expect(await ask(`${url}/__metrics`, '-X', 'POST')).toMatchObject({ status: 405 });
  expect((await ask(`${url}/__metrics`, '-I')).body).toMatch(/Content-Type: text\/plain; version=0\.0\.4/);

  const resident = await container.shell(
    "ps -o uid=,gid=,rss= -C tool || ps -eo uid=,gid=,rss=,args= | grep '[t]ool$'",
  );
  const [, uid, gid, rss] =
    /(\d+)\s+(\d+)\s+(\d+)/.exec(resident.split('\n').find((line) => line.includes('4356')) ?? '') ?? [];
  expect([uid, gid]).toEqual(['4356', '4357']);
  expect(Number(rss)).toBeLessThan(40_000);
  const { seconds } = await container.stop();
  expect(seconds).toBeLessThan(2);
}, 60_000);

const wrong: readonly [string, RegExp][] = [
  ['silent', /did not answer in 4 s/],
  ['drip', /did not answer in 4 s/],
  ['cut', /\/task/],
  ['huge', /\/task/],
  ['refused', /status 503/],
  ['nonsense', /JSON object/],
  ['list', /JSON object/],
  ['strange', /names no Containers/],
  ['half', /\/task\/stats: status 404/],
];
test.each(wrong)(
  'answers 502 and one line of log to an endpoint that is %s',
  async (way, said) => {
    const { url, container } = await sidecar(way);
    expect(await ask(`${url}/__metrics`)).toMatchObject({ status: 502 });
    expect(await ask(`${url}/other`)).toMatchObject({ status: 404 });
    // The engine writes a container's log down a little later than the container says it.
    let lines: string[] = [];
    for (let tries = 0; lines.length === 0 && tries < 50; tries++) {
      await sleep(100);
      lines = (await container.logs()).split('\n').filter((line) => line.includes('no metrics'));
    }
    expect(lines).toEqual([expect.stringMatching(said)]);
  },
  60_000,
);

test('is read by Prometheus', async () => {
  const { container } = await sidecar('recorded');
  const exposition = (await container.get('http://127.0.0.1:9100/__metrics')).body;
  const tool = await lab.start({ image: prometheus, network: 'none', command: ['sleep', 'infinity'] });
  const check = (stdin: string) => lab.engine.exec(tool.id, ['promtool', 'check', 'metrics'], { stdin });
  // Nothing but its opinion of a name that is ECS's.
  const remarks = (await check(exposition)).stderr.split('\n').filter(Boolean);
  expect(
    remarks.filter((line) => !/^network_rate_stats__[rt]x_bytes_per_sec .*abbreviated units$/.test(line)),
  ).toEqual([]);
  expect(await check(exposition.replace('{', '{{'))).toMatchObject({ exitCode: 1 });
}, 60_000);

test('is there within a second, and small with everybody asking at once', async () => {
  const seconds: number[] = [];
  for (let starts = 0; starts < 3; starts++) {
    const { container } = await sidecar('recorded');
    const { startedAt } = await lab.engine.containerState(container.id);
    let listening: string | undefined;
    // The engine writes a container's log down a little later than the container says it.
    for (let tries = 0; listening === undefined && tries < 50; tries++) {
      const log = await docker().getContainer(container.id).logs({ stderr: true, timestamps: true });
      listening = /(\d{4}-\S+Z) metrics: listening/.exec(log.toString())?.[1];
      await sleep(100);
    }
    seconds.push((Date.parse(listening ?? '') - Date.parse(startedAt)) / 1000);
  }
  // The best of three: another program may have the processor.
  expect(Math.min(...seconds)).toBeLessThan(1);

  const { url, container } = await sidecar('recorded');
  const many = `for i in $(seq 100); do curl -sf -o /dev/null ${url}/__metrics & done; wait`;
  let most = 0;
  const work = client.shell(many);
  for (let end = false; !end; ) {
    end = await Promise.race([work.then(() => true), sleep(100).then(() => false)]);
    const { memory_stats: memory } = await docker()
      .getContainer(container.id)
      .stats({ stream: false, 'one-shot': true });
    most = Math.max(
      most,
      memory.usage - (memory.stats.inactive_file ?? memory.stats['total_inactive_file'] ?? 0),
    );
  }
  expect(most / 1e6).toBeLessThan(40);
}, 90_000);

test('comes back when the endpoint does', async () => {
  const { url } = await sidecar('given');
  expect(await ask(`${url}/__metrics`)).toMatchObject({ status: 502 });
  const give = `mkdir -p /given && echo '{"Containers": [{"DockerId": "a", "Name": "tool"}]}' >/given/task && echo '{"a": {"num_procs": 3}}' >/given/stats`;
  await client.shell(give);
  expect((await ask(`${url}/__metrics`)).body).toContain('num_procs{container_name="tool"} 3\n');
}, 60_000);

test('goes on while clients hang, and when the endpoint has gone', async () => {
  const environment = { PORT: '9100', ECS_CONTAINER_METADATA_URI: 'http://127.0.0.1:9' };
  const container = await lab.start({ image, network, environment });
  const [own] = Object.values((await lab.engine.containerState(container.id)).addresses);
  await started(`http://${own}:9100`);
  await client.shell(
    `for i in 1 2 3 4 5; do exec {fd}<>/dev/tcp/${own}/9100; done; curl -s -m 3 -o /dev/null http://${own}:9100/other`,
  );
  expect(await ask(`http://${own}:9100/__metrics`)).toMatchObject({ status: 502 });
}, 60_000);

test('refuses to start on what is no port', async () => {
  const container = await lab.start({ image, network, environment: { PORT: 'http' } });
  expect(await lab.engine.waitContainer(container.id)).toBe(2);
  expect(await container.logs()).toContain('PORT is "http"');
}, 60_000);
