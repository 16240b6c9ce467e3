import { describe, expect, test } from '@jest/globals';
import { debianPackages, npmPackage, pythonPackage, rPackage } from '../../src/evidence/packages.ts';
import { provenanceStatement, readProvenance } from '../../src/evidence/provenance.ts';

describe('notes of package managers', () => {
  test('of dpkg have only what is installed', () => {
    const status = [
      'Package: a\nStatus: install ok installed\nVersion: 1\nArchitecture: all\nDescription: short\n Package: not this\n .\n more',
      'Package: b\nStatus: deinstall ok config-files\nVersion: 2',
      'Package: c\nStatus: hold ok installed\nVersion: 3\r\nSource: src (3-1)',
      'Package: d\nVersion: 4',
      'Status: install ok installed',
    ].join('\n\n\n');
    expect(debianPackages(status).map(({ name, version, source }) => [name, version, source])).toEqual([
      ['a', '1', null],
      ['c', '3', 'src'],
      ['d', '4', null],
    ]);
    expect(debianPackages('')).toEqual([]);
  });

  test('of Python end with the first empty line, and names are normal', () => {
    const metadata =
      'Name: Foo.Bar__x\nVersion: 1.0\nLicense: BSD\nClassifier: a\nClassifier: b\n\nName: in the words\n';
    expect(pythonPackage(metadata)).toMatchObject({ name: 'foo-bar-x', version: '1.0', license: 'BSD' });
    expect(pythonPackage(`Name: x\nVersion: 1\nLicense: ${'long '.repeat(100)}`)?.license).toBeNull();
    expect(pythonPackage('Version: 1\n')).toBeNull();
    expect(pythonPackage('')).toBeNull();
  });

  test('of R are those of built packages', () => {
    expect(rPackage('Package: x\nVersion: 1\nBuilt: R 4.5')?.name).toBe('x');
    expect(rPackage('Package: x\nVersion: 1')).toBeNull();
  });

  test.each([
    '',
    '{',
    '[]',
    '3',
    'null',
    '{"type":"module"}',
    '{"name":3,"version":"1"}',
    '{"name":"x","version":""}',
  ])('of npm may be no package: %s', (json) => {
    expect(npmPackage(json)).toBeNull();
  });
});

describe('provenance', () => {
  const facts = {
    name: 'r.example/tools',
    digest: `sha256:${'d'.repeat(64)}`,
    labels: {
      'dwt.stage': 'a',
      'dwt.key': 'k',
      'dwt.inputs': '{}',
      'org.opencontainers.image.revision': 'abc-dirty',
      'org.opencontainers.image.base.name': 'debian:trixie',
      'org.opencontainers.image.base.digest': `sha256:${'b'.repeat(64)}`,
      'org.opencontainers.image.created': '2026-01-01T00:00:00Z',
    },
    dockerfile: { path: 'Dockerfile', bytes: Buffer.from('FROM x') },
    buildArguments: { MIRROR: 'https://m.example', NPM_TOKEN: 'hunter2-hunter2' },
    artifacts: [{ url: 'https://a.example/f', sha256: 'a'.repeat(64) }],
    platform: 'linux/amd64',
    tool: '1.2.3',
  };

  test('is a statement of in-toto, and is read again', () => {
    const text = provenanceStatement(facts);
    expect(provenanceStatement(facts)).toBe(text);
    const statement = JSON.parse(text);
    expect(statement).toMatchObject({
      _type: 'https://in-toto.io/Statement/v1',
      predicateType: 'https://slsa.dev/provenance/v1',
      subject: [{ name: 'r.example/tools', digest: { sha256: 'd'.repeat(64) } }],
    });
    expect(statement.predicate.buildDefinition.resolvedDependencies).toEqual([
      { uri: 'Dockerfile', digest: { sha256: expect.stringMatching(/^[0-9a-f]{64}$/) } },
      { uri: 'git', digest: { gitCommit: 'abc' }, annotations: { dirty: true } },
      { uri: 'debian:trixie', digest: { sha256: 'b'.repeat(64) } },
      { uri: 'https://a.example/f', digest: { sha256: 'a'.repeat(64) } },
    ]);
    expect(readProvenance(statement)).toMatchObject({
      subjects: [facts.digest],
      stage: 'a',
      key: 'k',
      revision: 'abc-dirty',
      tool: '1.2.3',
    });
  });

  test('has no argument that sounds secret', () => {
    const text = provenanceStatement(facts);
    expect(text).toContain('https://m.example');
    expect(text).not.toMatch(/NPM_TOKEN|hunter2/);
  });

  test.each([null, {}, { predicateType: 'other' }])('is not what is none: %j', (document) => {
    expect(readProvenance(document)).toBeNull();
  });
});
