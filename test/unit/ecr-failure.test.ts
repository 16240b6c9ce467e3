import { describe, expect, test } from '@jest/globals';
import { endOf, loginOf } from '../../src/ecr/calls.ts';
import { awsFailure } from '../../src/ecr/failure.ts';

const caller = { host: 'ecr.example', action: 'ecr:GetAuthorizationToken' };
const failureOf = (name: string, status?: number) =>
  awsFailure(
    Object.assign(new Error('words of AWS'), {
      name,
      ...(status && { $metadata: { httpStatusCode: status } }),
    }),
    caller,
    30_000,
  );

describe('what AWS throws', () => {
  test.each([
    ['CredentialsProviderError', undefined, 'CREDENTIALS_UNAVAILABLE', 'has no AWS credentials'],
    ['TokenProviderError', undefined, 'CREDENTIALS_UNAVAILABLE', 'has no AWS credentials'],
    ['ExpiredTokenException', 400, 'CREDENTIALS_UNAVAILABLE', 'does not take'],
    ['UnrecognizedClientException', 400, 'CREDENTIALS_UNAVAILABLE', 'does not take'],
    ['SignatureDoesNotMatch', 403, 'CREDENTIALS_UNAVAILABLE', 'does not take'],
    ['AccessDeniedException', 400, 'CREDENTIALS_UNAVAILABLE', 'may not ecr:GetAuthorizationToken'],
    ['ServerException', 500, 'CREDENTIALS_UNAVAILABLE', 'failed to do'],
    ['TimeoutError', undefined, 'REGISTRY_UNREACHABLE', 'within 30 s'],
    ['Error', undefined, 'REGISTRY_UNREACHABLE', 'cannot be reached'],
  ])('%s %s is %s', (name, status, code, words) => {
    const error = failureOf(name, status);
    expect(error.code).toBe(code);
    expect(error.message).toContain(words);
    expect(error.message).toContain(caller.host);
    expect(error.hint).toBeTruthy();
    expect(error.detail).toContain('words of AWS');
  });
});

describe('a token', () => {
  test('is a name and a password', () => {
    expect(loginOf(Buffer.from('AWS:a:b').toString('base64'))).toEqual({ username: 'AWS', password: 'a:b' });
  });

  test.each([undefined, '', 'QVdT'])('%j is none', (token) => {
    expect(loginOf(token)).toBeNull();
  });

  test('has an end, unless the clock of this machine would have it over', () => {
    const later = new Date(Date.now() + 3600_000);
    expect(endOf(later)).toBe(later.getTime());
    expect(endOf(new Date(Date.now() - 1000))).toBeNull();
    expect(endOf(undefined)).toBeNull();
  });
});
