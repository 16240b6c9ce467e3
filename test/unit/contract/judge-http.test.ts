import { describe, expect, test } from '@jest/globals';
import type { HttpAnswer, HttpEvidence, ListenerEvidence } from '../../../src/contract/evidence.ts';
import { judgeHttp, toolHttp } from '../../../src/contract/judge-http.ts';

const answer = (status: number, reason = ''): HttpAnswer => ({
  status,
  reason,
  version: 'HTTP/1.1',
  headers: {},
  body: '',
});
const evidence = (over: Partial<HttpEvidence> = {}): HttpEvidence => ({
  path: '/',
  answer: null,
  unwanted: null,
  fault: null,
  refusal: null,
  connected: false,
  tls: false,
  seconds: 1.24,
  ended: null,
  ...over,
});
const listener = (family: 4 | 6, address: string): ListenerEvidence => ({
  family,
  address,
  inode: '1',
  uid: 4356,
});
const any = toolHttp(60, null);

describe('what answers is right', () => {
  test.each([200, 204, 301, 302, 400, 401, 403, 404, 426])(
    'status %d, where a stage names none',
    (status) => {
      expect(judgeHttp(evidence({ answer: answer(status) }), null, any).verdict).toBe('pass');
    },
  );

  test('says what was answered and when', () => {
    expect(judgeHttp(evidence({ path: '/lab', answer: answer(302, 'Found') }), null, any)).toEqual({
      verdict: 'pass',
      seen: '8888/lab answered 302 Found 1.2 s after the start',
    });
  });

  test('only a named status, where a stage names some', () => {
    const named = toolHttp(60, [200]);
    expect(judgeHttp(evidence({ answer: answer(200) }), null, named).verdict).toBe('pass');
    expect(judgeHttp(evidence({ unwanted: answer(404, 'Not Found') }), null, named).seen).toBe(
      '8888/ answered only 404 Not Found in 60.0 s, wanted 200',
    );
  });
});

describe('what does not answer fails, with the reason', () => {
  const seen = (over: Partial<HttpEvidence>, listeners: ListenerEvidence[] | null = null) => {
    const { verdict, seen: text } = judgeHttp(evidence(over), listeners, any);
    expect(verdict).toBe('fail');
    return text;
  };
  test('5xx only', () =>
    expect(seen({ unwanted: answer(502, 'Bad Gateway') })).toBe(
      '8888/ answered only 502 Bad Gateway in 60.0 s',
    ));
  test('HTTPS that answers plain HTTP with 400', () =>
    expect(seen({ answer: answer(400, 'Bad Request'), tls: true })).toMatch(/^8888 speaks HTTPS/));
  test('HTTPS that closes', () =>
    expect(
      seen({ tls: true, connected: true, fault: { fault: 'closed', status: null, sample: '', bytes: 0 } }),
    ).toBe('8888 speaks HTTPS, not HTTP'));
  test('a connection without an answer', () =>
    expect(seen({ connected: true })).toBe('8888 accepts connections, but nothing answered in 60.0 s'));
  test('a truncated answer', () =>
    expect(
      seen({ connected: true, fault: { fault: 'truncated', status: 200, sample: '', bytes: 7 } }),
    ).toMatch(/its answer 200 ends after 7 bytes/));
  test('an early end', () =>
    expect(seen({ ended: { exitCode: 3, outOfMemory: true, seconds: 0.5 } })).toBe(
      'it ended by itself 0.5 s after its start with exit code 3, out of memory, before anything answered on 8888',
    ));
  test('nothing listens', () => expect(seen({}, [])).toBe('nothing listens on 8888 in 60.0 s'));
  test('loopback of both families', () =>
    expect(seen({}, [listener(4, '127.0.0.1'), listener(6, '::1')])).toMatch(
      /^8888 listens on 127\.0\.0\.1, ::1 only/,
    ));
  test('IPv6 only', () =>
    expect(seen({ refusal: 'Connection refused' }, [listener(6, '::')])).toMatch(
      /IPv6 \(::\) only; over IPv4: Connection refused/,
    ));
  test('one address of several', () =>
    expect(seen({ refusal: 'No route to host' }, [listener(4, '10.0.0.9')])).toMatch(
      /cannot be reached from outside: No route/,
    ));
  test('nobody could look', () =>
    expect(seen({ refusal: 'Connection refused' })).toBe(
      'nothing answered on 8888 in 60.0 s (Connection refused)',
    ));
});
