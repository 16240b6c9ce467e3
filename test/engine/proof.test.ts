/** An image on its way to an environment that takes proved ones alone. */
import { randomBytes } from 'node:crypto';
import { expect, test } from '@jest/globals';
import { testBase } from '../support/engine.ts';
import { makeProject } from '../support/project.ts';
import { startRegistry } from '../support/registry.ts';

/** Small, since it is sent: two programs with their libraries, and nothing of Debian beside them. */
const dockerfile = (command: string) => `FROM ${testBase()} AS programs
RUN mkdir /out && cp --parents $(ldd /usr/bin/true | grep -o '/[^ )]*') /usr/bin/true /usr/bin/false /out
FROM scratch AS job
COPY --from=programs /out /
ENV NONCE=${randomBytes(8).toString('hex')}
CMD ["/usr/bin/${command}"]
`;

test('only the very image that passed its smoke test is pushed', async () => {
  const registry = await startRegistry();
  const yaml = (status: number) => `version: 1
environments:
  dev: {registry: "${registry.host}", repository: "dev-{suffix}"}
  prod: {registry: "${registry.host}", repository: "prod-{suffix}", proved: contract}
stages:
  programs: {kind: shared}
  job: {kind: job, checks: {ends: {within: 60s, status: ${status}}}}
`;
  const project = await makeProject({ Dockerfile: dockerfile('true'), 'dwt.yaml': yaml(0) });
  const push = async (env = 'prod'): Promise<unknown> => {
    const { status, stdout } = await project.dwt(['push', '--env', env, '--json']);
    const { images, error } = JSON.parse(stdout);
    return [status, error?.code ?? images[0].action];
  };
  const dwt = async (...words: string[]): Promise<number | null> => (await project.dwt(words)).status;
  try {
    expect(await dwt('build')).toBe(0);
    expect(await push()).toEqual([1, 'NOT_PROVED']);
    expect((await fetch(`http://${registry.host}/v2/prod-job/tags/list`)).status).toBe(404);
    expect(await push('dev')).toEqual([0, 'pushed']);
    expect(await dwt('smoke-test')).toBe(0);
    expect(await push()).toEqual([0, 'pushed']);

    // Another image under the same name, and something else that is asked of it: what was proved was not this.
    await project.write('Dockerfile', dockerfile('false'));
    await project.write('dwt.yaml', `${yaml(1)}name: ${project.name}\n`);
    expect(await dwt('build')).toBe(0);
    expect(await push()).toEqual([1, 'NOT_PROVED']);
    expect(await dwt('smoke-test')).toBe(0);
    expect(await push()).toEqual([0, 'pushed']);
  } finally {
    await project.remove();
    await registry.stop();
  }
}, 180_000);
