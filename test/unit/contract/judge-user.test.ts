import { describe, expect, test } from '@jest/globals';
import type { ListenerEvidence, ProcessEvidence } from '../../../src/contract/evidence.ts';
import { judgeProcesses, judgeUser } from '../../../src/contract/judge-user.ts';

const listener = (inode: string, uid = 4356): ListenerEvidence => ({
  family: 4,
  address: '0.0.0.0',
  inode,
  uid,
});
const own = [4356, 4356, 4356, 4356];
const team = [4357, 4357, 4357, 4357];
const process = (over: Partial<ProcessEvidence> = {}): ProcessEvidence => ({
  pid: 7,
  parent: 1,
  name: 'python',
  command: 'python -m tool',
  uid: own,
  gid: team,
  groups: [4357],
  capabilities: '0000000000000000',
  sockets: ['11'],
  threads: [],
  environment: null,
  ...over,
});

describe('who holds the socket', () => {
  test('dw-user, whoever made it', () => {
    expect(judgeUser([listener('11', 0)], [process()], 8888)).toEqual({
      verdict: 'pass',
      seen: '8888 is held by pid 7, python, uid 4356, gid 4357',
    });
  });
  test('a root master beside a right worker', () => {
    const { verdict, seen } = judgeUser(
      [listener('11')],
      [process({ pid: 6, uid: [0, 0, 0, 0], gid: [0, 0, 0, 0] }), process()],
      8888,
    );
    expect([verdict, seen]).toEqual(['fail', '8888 is held by pid 6, python, uid 0, gid 0']);
  });
  test('a process that holds another of several sockets', () => {
    const wrong = process({ pid: 9, sockets: ['12'], uid: [1000, 1000, 1000, 1000] });
    expect(judgeUser([listener('11'), listener('12')], [process(), wrong], 8888).seen).toBe(
      '8888 is held by pid 9, python, uid 1000, gid 4357',
    );
  });
  test.each([
    ['effective only', { uid: [0, 4356, 0, 4356] }],
    ['saved root', { uid: [4356, 4356, 0, 4356] }],
    ['file system root', { uid: [4356, 4356, 4356, 0] }],
    ['group root', { gid: [0, 0, 0, 0] }],
    ['saved group root', { gid: [4357, 4357, 0, 4357] }],
    ['a thread that stayed root', { threads: [{ id: 8, uid: [0, 0, 0, 0], gid: team }] }],
  ])('fails: %s', (_, over) => {
    expect(judgeUser([listener('11')], [process(over)], 8888).verdict).toBe('fail');
  });
  test('nobody of the container', () => {
    expect(judgeUser([listener('11'), listener('99')], [process()], 8888).seen).toBe(
      '8888 (0.0.0.0) is held by no process of the container',
    );
  });
  test('no socket at all', () => {
    expect(judgeUser([], [process()], 8888).verdict).toBe('fail');
  });
});

describe('what runs where nothing listens', () => {
  const init = process({
    pid: 1,
    parent: 0,
    name: 'tini',
    uid: [0, 0, 0, 0],
    gid: [0, 0, 0, 0],
    sockets: [],
  });
  test('dw-user under an init of root', () => expect(judgeProcesses([init, process()]).verdict).toBe('pass'));
  test('an init alone is no sidecar', () => expect(judgeProcesses([init]).verdict).toBe('fail'));
  test('a second process of root', () =>
    expect(judgeProcesses([init, process(), process({ pid: 9, uid: [0, 0, 0, 0] })]).verdict).toBe('fail'));
  test('a health check of the engine and its children do not count', () => {
    const check = process({ pid: 20, parent: 0, name: 'sh', uid: [0, 0, 0, 0] });
    const child = process({ pid: 21, parent: 20, name: 'curl', uid: [0, 0, 0, 0] });
    expect(judgeProcesses([init, process(), check, child]).verdict).toBe('pass');
    expect(judgeProcesses([init, check]).verdict).toBe('fail');
  });
  test('nothing', () => expect(judgeProcesses([]).verdict).toBe('fail'));
});
