import { mkdtemp, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { DwtError } from '../../src/errors.ts';
import type { Kind, Project } from '../../src/project/project.ts';
import { contractDigest } from '../../src/proof/contract-digest.ts';
import { keepVerdict, provedImage, type StoredVerdict, storedVerdict } from '../../src/proof/verdicts.ts';
import { refuseUnproved } from '../../src/workflows/push-proof.ts';
import type { PushTarget } from '../../src/workflows/push-targets.ts';

const image = `sha256:${'a'.repeat(64)}`;
const contract = contractDigest('tool', {});

let environment: Record<string, string>;
beforeEach(async () => {
  environment = { XDG_STATE_HOME: await mkdtemp(join(tmpdir(), 'dwt-proof-')) };
});
afterEach(() => rm(environment['XDG_STATE_HOME'] ?? '', { recursive: true, force: true }));

const keep = (more: Partial<StoredVerdict> = {}) =>
  keepVerdict(
    {
      ...{ image, stage: 'a', kind: 'tool', contract, verdict: 'pass', checks: ['http'], failed: [] },
      ...{ at: '2026-01-02T03:04:05.000Z', pageAt: null, version: '0.1.0', ...more },
    } as StoredVerdict,
    environment,
  );

describe('a contract', () => {
  test('is the same whatever the order in which its settings were written', () => {
    const one = contractDigest('tool', { readyWithin: 3, commands: { a: 'x', b: 'y' } });
    expect(contractDigest('tool', { commands: { b: 'y', a: 'x' }, readyWithin: 3 })).toBe(one);
  });

  test.each([
    ['kind', contractDigest('job', {})],
    ['check', contractDigest('tool', { readyWithin: 3 })],
    ['setting', contractDigest('tool', { http: { path: '/', status: [200, 302] } })],
    ['order of a list', contractDigest('tool', { http: { path: '/', status: [302, 200] } })],
  ])('is another one with another %s', (_, other) => {
    expect(other).not.toBe(contract);
  });
});

describe('a verdict', () => {
  test('is of one image and one contract', async () => {
    await keep();
    expect(await provedImage(image, contract, environment)).toMatchObject({ verdict: 'pass' });
    expect(await provedImage(image, contractDigest('job', {}), environment)).toBeNull();
    expect(await provedImage(`sha256:${'b'.repeat(64)}`, contract, environment)).toBeNull();
  });

  test('is the last one', async () => {
    await keep();
    await keep({ verdict: 'fail', failed: ['http'] });
    expect(await provedImage(image, contract, environment)).toBeNull();
    expect(await storedVerdict(image, contract, environment)).toMatchObject({ failed: ['http'] });
    await keep();
    expect(await provedImage(image, contract, environment)).not.toBeNull();
  });

  test('of a page stays where the page is not looked at again, and goes with a failure', async () => {
    const at = '2026-01-01T00:00:00.000Z';
    await keep({ pageAt: at });
    await keep();
    expect(await provedImage(image, contract, environment, true)).toMatchObject({ pageAt: at });
    await keep({ verdict: 'fail' });
    await keep();
    expect(await provedImage(image, contract, environment, true)).toBeNull();
  });

  test('that is damaged, or of another image, is none', async () => {
    await keep();
    const folder = join(environment['XDG_STATE_HOME'] ?? '', 'dwt/verdicts');
    const [file = ''] = await readdir(folder);
    const text = await readFile(join(folder, file), 'utf8');
    for (const broken of [
      '',
      '{',
      '{}',
      text.replace('"pass"', '"perhaps"'),
      text.replaceAll('aaaa', 'bbbb'),
    ]) {
      await writeFile(join(folder, file), broken);
      expect(await storedVerdict(image, contract, environment)).toBeNull();
    }
  });

  test('is forgotten after a year', async () => {
    await keep();
    const folder = join(environment['XDG_STATE_HOME'] ?? '', 'dwt/verdicts');
    const [file = ''] = await readdir(folder);
    const days = (count: number) => new Date(Date.now() - count * 24 * 3600_000);
    await utimes(join(folder, file), days(360), days(360));
    await keep({ image: `sha256:${'b'.repeat(64)}` });
    expect(await provedImage(image, contract, environment)).not.toBeNull();
    await utimes(join(folder, file), days(370), days(370));
    await keep({ image: `sha256:${'b'.repeat(64)}` });
    expect(await provedImage(image, contract, environment)).toBeNull();
  });

  test('leaves no half-written file', async () => {
    await Promise.all(Array.from({ length: 20 }, () => keep()));
    expect((await readdir(join(environment['XDG_STATE_HOME'] ?? '', 'dwt/verdicts'))).length).toBe(1);
    expect(await provedImage(image, contract, environment)).not.toBeNull();
  });
});

describe('an environment that asks for proof', () => {
  const project = (kind: Kind) =>
    ({ settings: new Map([['a', { kind, checks: {} }]]) }) as unknown as Project;
  const engine = { inspectImage: async () => ({ id: image }) as never };
  const refusal = async (page: boolean, kind: Kind = 'tool'): Promise<string | null> => {
    const target = { stage: 'a', image: 'demo/a', proof: { env: 'prod', page } } as unknown as PushTarget;
    try {
      await refuseUnproved(project(kind), [target], engine, environment);
      return null;
    } catch (error) {
      if (!(error instanceof DwtError) || error.code !== 'NOT_PROVED') throw error;
      return `${error.message} ${error.hint}`;
    }
  };

  test('takes no image that was never judged, and says how to', async () => {
    expect(await refusal(false)).toBe(
      'prod takes images that passed their smoke test and a was not judged as it is now (sha256:aaaaaaaaaaaa). Nothing was pushed. Prove them on this machine: dwt smoke-test a',
    );
  });

  test('takes none that failed, and says when and where', async () => {
    await keep({ verdict: 'fail', failed: ['http', 'stop'] });
    expect(await refusal(false)).toContain('a failed at 2026-01-02T03:04:05.000Z (http, stop)');
  });

  test('takes one that passed, and its page where that is asked for', async () => {
    await keep();
    expect(await refusal(false)).toBeNull();
    expect(await refusal(true)).toMatch(
      /page included, .* a was judged without --page.* dwt smoke-test a --page$/,
    );
    await keep({ pageAt: '2026-01-02T03:04:05.000Z' });
    expect(await refusal(true)).toBeNull();
  });

  test('asks no page of what has none', async () => {
    await keep({ kind: 'job', contract: contractDigest('job', {}) });
    expect(await refusal(true, 'job')).toBeNull();
  });

  test('asks nothing of targets of others', async () => {
    const target = { stage: 'a', image: 'demo/a' } as unknown as PushTarget;
    await refuseUnproved(project('tool'), [target], engine, environment);
  });
});
