import { describe, expect, test } from '@jest/globals';
import type { HttpEvidence, ProcessEvidence } from '../../../src/contract/evidence.ts';
import { judgeEnvironment } from '../../../src/contract/judge-environment.ts';
import { toolHttp } from '../../../src/contract/judge-http.ts';
import { judgeIsolation } from '../../../src/contract/judge-isolation.ts';
import { judgeRestart } from '../../../src/contract/judge-restart.ts';
import { judgeStop } from '../../../src/contract/judge-stop.ts';
import { sentinelEnvironment } from '../../../src/contract/sentinels.ts';
import { judgeEnd } from '../../../src/contract/trial-job.ts';

const end = (exitCode: number, seconds = 0.5, outOfMemory = false) => ({ exitCode, seconds, outOfMemory });

describe('stop', () => {
  test.each([0, 1, 130, 143])('exit code %d in time', (code) =>
    expect(judgeStop({ end: end(code), before: null }).verdict).toBe('pass'),
  );
  test.each([
    ['killed by us', { end: null, before: null }, /still ran 10 s/],
    ['killed by itself', { end: end(137), before: null }, /exit code 137: something in it was killed/],
    ['out of memory', { end: end(1, 1, true), before: null }, /out of memory/],
    ['just too late', { end: end(0, 10), before: null }, /10\.0 s after SIGTERM/],
    ['gone before', { end: null, before: end(0) }, /before it was told to/],
  ])('%s', (_, evidence, seen) => {
    expect(judgeStop(evidence).verdict).toBe('fail');
    expect(judgeStop(evidence).seen).toMatch(seen);
  });
});

describe('restart', () => {
  const http = (over: Partial<HttpEvidence> = {}): HttpEvidence => ({
    path: '/',
    unwanted: null,
    fault: null,
    refusal: null,
    connected: true,
    tls: false,
    seconds: 1,
    ended: null,
    answer: { status: 200, reason: 'OK', version: 'HTTP/1.1', headers: {}, body: '' },
    ...over,
  });
  const dead = http({ answer: null, ended: end(4) });
  const expected = toolHttp(60, null);
  test('both', () =>
    expect(
      judgeRestart(
        [
          { after: 'SIGKILL', http: http() },
          { after: 'SIGTERM', http: http() },
        ],
        expected,
      ).verdict,
    ).toBe('pass'));
  test('not after a kill', () =>
    expect(judgeRestart([{ after: 'SIGKILL', http: dead }], expected).seen).toMatch(
      /killed run left \(SIGKILL\), it ended/,
    ));
  test('not after a stop', () =>
    expect(
      judgeRestart(
        [
          { after: 'SIGKILL', http: http() },
          { after: 'SIGTERM', http: dead },
        ],
        expected,
      ).seen,
    ).toMatch(/stopped run left \(SIGTERM\), it ended/));
});

describe('environment', () => {
  const given = { PGPASSWORD: ' a"\'$b ', PGPORT: '5432' };
  const holder = (values: Record<string, string[]>, source: 'environ' | 'memory' = 'environ') =>
    ({
      pid: 7,
      name: 'python',
      sockets: ['1'],
      environment: { source, values },
    }) as unknown as ProcessEvidence;
  const whole = { PGPASSWORD: [' a"\'$b '], PGPORT: ['5432'] };
  const terminal = { shell: '/bin/bash', values: whole };
  const judge = (
    processes: ProcessEvidence[],
    at: { shell: string; values: Record<string, string[]> | null } | null = terminal,
  ) => judgeEnvironment({ processes, terminal: at }, given);
  test('all of it', () =>
    expect(judge([holder(whole)]).seen).toBe(
      'pid 7 (python) has all 2 variables given; so does a terminal (/bin/bash -l)',
    ));
  test('found in the memory of a process that hides it', () =>
    expect(judge([holder({ ...whole, PGPORT: ['1', '5432'] }, 'memory')]).verdict).toBe('pass'));
  test('no shell, no terminal', () => expect(judge([holder(whole)], null).verdict).toBe('pass'));
  test('one lost', () =>
    expect(judge([holder({ PGPORT: ['5432'] })]).seen).toMatch(/lacks 1 variable: PGPASSWORD/));
  test('one trimmed', () =>
    expect(judge([holder({ ...whole, PGPASSWORD: ['a"\'$b'] })]).verdict).toBe('fail'));
  test('lost in the second holder', () => expect(judge([holder(whole), holder({})]).verdict).toBe('fail'));
  test('lost in a terminal', () =>
    expect(judge([holder(whole)], { shell: '/bin/sh', values: { PGPORT: ['5432'] } }).seen).toMatch(
      /a terminal \(\/bin\/sh -l\) lacks/,
    ));
  test('a terminal that hangs', () =>
    expect(judge([holder(whole)], { shell: '/bin/sh', values: null }).seen).toMatch(/does not come up/));
  test('nobody to look into', () => expect(judge([]).verdict).toBe('fail'));
  test('what is given differs from run to run, and names what the platform gives', () => {
    const [one, other] = [sentinelEnvironment(), sentinelEnvironment()];
    expect(one['PGPASSWORD']).not.toBe(other['PGPASSWORD']);
    expect(Object.keys(one)).toEqual(
      expect.arrayContaining(['PGHOST', 'S3_BUCKET', 'AWS_CONTAINER_CREDENTIALS_RELATIVE_URI', 'APP_SCHEMA']),
    );
    expect(Object.keys(one).filter((name) => name.startsWith('DATABASE_DSN__'))).toHaveLength(2);
  });
});

describe('isolation', () => {
  const inside = {
    wayOut: [{ address: '198.41.0.4', result: 'Network is unreachable' }],
    resolver: { server: '127.0.0.11', answer: 'refused' as const },
    withoutRoute: 0,
  };
  test('serves', () =>
    expect(judgeIsolation({ inside, asked: [], served: true })?.seen).toMatch(
      /^serves with no way out \(198\.41\.0\.4: Network is unreachable/,
    ));
  test('serves, and asked in vain', () =>
    expect(judgeIsolation({ inside, asked: ['x.example'], served: true })).toMatchObject({
      verdict: 'pass',
      seen: expect.stringContaining('x.example'),
    }));
  test('a way out', () =>
    expect(
      judgeIsolation({
        inside: { ...inside, wayOut: [{ address: '198.41.0.4', result: 'connected' }] },
        asked: [],
        served: true,
      })?.verdict,
    ).toBe('fail'));
  test('names resolve', () =>
    expect(
      judgeIsolation({
        inside: { ...inside, resolver: { server: '1.2.3.4', answer: 'resolved' } },
        asked: [],
        served: true,
      })?.verdict,
    ).toBe('fail'));
  test('does not serve, and asked for a name', () =>
    expect(judgeIsolation({ inside: null, asked: ['pypi.example'], served: false })?.seen).toMatch(
      /it asked for "pypi\.example"/,
    ));
  test('does not serve, for another reason', () =>
    expect(judgeIsolation({ inside, asked: [], served: false })).toBeNull());
});

describe('the end of a job', () => {
  test('nothing declared', () => {
    expect(judgeEnd(end(1), null).verdict).toBe('pass');
    expect(judgeEnd(null, null).verdict).toBe('pass');
    expect(judgeEnd(end(127), null).verdict).toBe('fail');
  });
  test('declared', () => {
    const declared = { within: 30, status: [3] };
    expect(judgeEnd(end(3), declared).verdict).toBe('pass');
    expect(judgeEnd(end(0), declared).seen).toMatch(/wanted 3/);
    expect(judgeEnd(null, declared).seen).toMatch(/still ran after 30\.0 s/);
  });
});
