import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { DwtError } from '../../src/errors.ts';
import { isLoopback, registryUrls } from '../../src/registry/address.ts';
import { formatReference, parseReference, parseRegistry } from '../../src/registry/reference.ts';
import { refusalOf } from '../support/refusal.ts';

const hex = 'a1'.repeat(32);

describe('a reference', () => {
  test.each([
    ['debian', 'docker.io/library/debian'],
    ['debian:trixie', 'docker.io/library/debian:trixie'],
    ['a/b', 'docker.io/a/b'],
    ['docker.io/debian', 'docker.io/library/debian'],
    ['index.docker.io/a/b:c', 'docker.io/a/b:c'],
    ['localhost/a', 'localhost/a'],
    ['localhost:5000/a/b/c:d', 'localhost:5000/a/b/c:d'],
    ['127.0.0.1:5000/a', '127.0.0.1:5000/a'],
    ['[::1]:5000/a:b', '[::1]:5000/a:b'],
    ['[2001:db8::1]/a', '[2001:db8::1]/a'],
    ['UPPER/a', 'UPPER/a'],
    ['ghcr.io/a__b/c-----d/e.f_g:V_1.2-x', 'ghcr.io/a__b/c-----d/e.f_g:V_1.2-x'],
    [`a@sha256:${hex}`, `docker.io/library/a@sha256:${hex}`],
    [`r.example.com:443/a:b@sha256:${hex}`, `r.example.com:443/a:b@sha256:${hex}`],
    ['debian:5000', 'docker.io/library/debian:5000'],
  ])('%s means %s', (text, canonical) => {
    expect(formatReference(parseReference(text))).toBe(canonical);
  });

  test.each([
    ['', 'it is empty'],
    ['a b', 'white space'],
    ['https://r.example.com/a', 'no scheme'],
    ['Debian', 'capital letters'],
    ['r.example.com/Tools/a', 'capital letters'],
    ['a//b', 'empty part'],
    ['a/', 'empty part'],
    ['/a', 'empty part'],
    ['a___b', 'not a legal part'],
    ['a..b/c/d', 'not a host name'],
    ['r.example.com/-a', 'not a legal part'],
    ['-r.example.com/a', 'not a host name'],
    ['a:', 'no tag after the colon'],
    ['a:.b', 'not a legal tag'],
    ['a:b:c', 'not a legal'],
    [`a:${'x'.repeat(129)}`, '129 characters'],
    ['a@sha256:abc', '64 hexadecimal digits'],
    [`a@sha256:${hex.toUpperCase()}`, 'lower case'],
    [`a@md5:${hex}`, 'not a digest'],
    [hex, 'image id'],
    [`r.example.com/${'a'.repeat(250)}`, '264 characters'],
    [':b', 'no name'],
    ['a/ü', 'not a legal part'],
    ['[::1/a', 'not a host name'],
    ['r.example.com:port/a', 'not a host name'],
  ])('%j is refused: %s', (text, problem) => {
    const error = refusalOf(() => parseReference(text));
    expect(error.code).toBe('REFERENCE_INVALID');
    expect(error.message).toContain(problem);
    expect(error.hint).toMatch(/\.$/);
  });

  const component = fc
    .array(fc.stringMatching(/^[a-z0-9]{1,6}$/), { minLength: 1, maxLength: 3 })
    .chain((words) => fc.constantFrom('.', '_', '__', '-', '---').map((separator) => words.join(separator)));
  const path = fc.array(component, { minLength: 1, maxLength: 3 }).map((parts) => parts.join('/'));
  const domain = fc.constantFrom(
    'r.example.com',
    'localhost',
    '127.0.0.1:5000',
    '[::1]',
    '[fe80::1]:443',
    'UP',
  );
  const tag = fc.option(fc.stringMatching(/^\w[\w.-]{0,20}$/));
  const digest = fc.option(fc.stringMatching(/^[0-9a-f]{64}$/).map((text) => `sha256:${text}`));

  test('whatever is written canonically reads back as the same', () => {
    fc.assert(
      fc.property(fc.record({ domain, path, tag, digest }), (reference) => {
        expect(parseReference(formatReference(reference))).toEqual(reference);
      }),
    );
  });

  test('reading any text ends in a reference that is stable, or in one kind of error', () => {
    const text = fc.oneof(fc.string(), fc.stringMatching(/^[a-zA-Z0-9.:/@_[\]-]{0,40}$/));
    fc.assert(
      fc.property(text, (written) => {
        try {
          const reference = parseReference(written);
          expect(parseReference(formatReference(reference))).toEqual(reference);
        } catch (error) {
          if (!(error instanceof DwtError)) throw error;
          expect(error.code).toBe('REFERENCE_INVALID');
        }
      }),
      { numRuns: 2000 },
    );
  });
});

describe('HOST[/PATH]', () => {
  test('takes its first part for a host', () => {
    expect(parseRegistry('r.example.com')).toEqual({ domain: 'r.example.com', path: null });
    expect(parseRegistry('127.0.0.1:5000/a/b/')).toEqual({ domain: '127.0.0.1:5000', path: 'a/b' });
    expect(parseRegistry('index.docker.io/team')).toEqual({ domain: 'docker.io', path: 'team' });
  });

  test.each([
    ['', 'names no host'],
    ['/a', 'names no host'],
    ['http://r.example.com/a', 'starts with http://'],
    ['myregistry/team', 'namespace of Docker Hub'],
    ['r.example.com/Team', 'capital letters'],
    ['r.example.com//a', 'empty part'],
    ['r.example.com:x', 'not a host name'],
  ])('%j is refused: %s', (text, problem) => {
    const error = refusalOf(() => parseRegistry(text));
    expect(error.code).toBe('REFERENCE_INVALID');
    expect(error.message).toContain(problem);
  });
});

describe('plain http', () => {
  test.each([
    'localhost',
    'localhost:5000',
    '127.0.0.1',
    '127.9.8.7:5000',
    '[::1]:5000',
    '[0:0:0:0:0:0:0:1]',
  ])('may be spoken to %s', (domain) => {
    expect(isLoopback(domain)).toBe(true);
    expect(registryUrls(domain).map((url) => url?.protocol)).toEqual(['http:', 'https:']);
  });

  test.each([
    'r.example.com',
    '10.0.0.1:5000',
    '128.0.0.1',
    '127.0.0.1.example.com',
    '[::2]',
    'localhost.example.com',
  ])('is never spoken to %s', (domain) => {
    expect(isLoopback(domain)).toBe(false);
    expect(registryUrls(domain).map((url) => url?.protocol)).toEqual(['https:']);
  });

  test('a host that no network has is refused', () => {
    expect(refusalOf(() => registryUrls('r.example.com:99999')).code).toBe('REFERENCE_INVALID');
  });
});
