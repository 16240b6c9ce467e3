/** What is read of an image for its bill of materials, and the bill itself by the schema of CycloneDX. */

import { Version } from '@cyclonedx/cyclonedx-library/Spec';
import { JsonStrictValidator } from '@cyclonedx/cyclonedx-library/Validation';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { connectEngine } from '../../src/engine/connect.ts';
import type { Engine } from '../../src/engine/engine.ts';
import { type ImageContents, imagePackages } from '../../src/evidence/image-packages.ts';
import { billOfMaterials } from '../../src/evidence/sbom.ts';
import { testBase, testEngine } from '../support/engine.ts';
import { makeProject, type TestProject } from '../support/project.ts';

let engine: Engine;
let project: TestProject;

const notes: Readonly<Record<string, string>> = {
  'venv/lib/python3.13/site-packages/Some_Thing-1.5.dist-info/METADATA':
    'Metadata-Version: 2.4\nName: Some_Thing\nVersion: 1.5\nLicense-Expression: MIT OR Apache-2.0\n\nLong words.\n',
  'usr/lib/python3/dist-packages/debians.egg-info/PKG-INFO': 'Name: debians\nVersion: 9\n',
  'usr/local/lib/R/site-library/aws.s3/DESCRIPTION':
    'Package: aws.s3\nVersion: 0.3.22\nLicense: GPL (>= 2)\nBuilt: R 4.5.0; ; 2026-01-01; unix\n',
  'usr/local/lib/R/src/aws.s3/DESCRIPTION': 'Package: sources\nVersion: 1\n',
  'opt/editor/node_modules/@scope/part/package.json':
    '{"name": "@scope/part", "version": "2.0.0", "license": "ISC"}',
  'opt/editor/node_modules/@scope/part/dist/package.json': '{"type": "module"}',
};

beforeAll(async () => {
  engine = await connectEngine({ engine: testEngine(), environment: process.env });
  project = await makeProject({
    Dockerfile: `FROM ${testBase()} AS debian\nCOPY notes /\nFROM scratch AS bare\nCOPY notes /\nCOPY status /var/lib/dpkg/status\n`,
    'dwt.yaml': 'version: 1\nstages:\n  debian: {kind: tool}\n  bare: {kind: tool}\n',
    status:
      'Package: libfoo1\nStatus: install ok installed\nVersion: 2:1.0-1\nArchitecture: amd64\nSource: foo (1.0-1)\n\nPackage: gone\nStatus: deinstall ok config-files\nVersion: 1\nArchitecture: all\n',
    ...Object.fromEntries(Object.entries(notes).map(([path, text]) => [`notes/${path}`, text])),
  });
  const { status, stderr } = await project.dwt(['build']);
  if (status !== 0) throw new Error(stderr);
}, 120_000);
afterAll(async () => {
  await project.remove();
  engine.close();
});

const read = (stage: string): Promise<ImageContents> =>
  imagePackages({
    engine,
    image: `${project.name}/${stage}:latest`,
    labels: {},
    signal: new AbortController().signal,
  });
const others = ({ packages }: ImageContents) => packages.filter(({ type }) => type !== 'deb');

describe('the packages of an image', () => {
  test.each(['debian', 'bare'])('are found by what managers wrote down: %s', async (stage) => {
    expect(others(await read(stage)).map(({ type, name, version }) => `${type} ${name} ${version}`)).toEqual([
      'cran aws.s3 0.3.22',
      'npm @scope/part 2.0.0',
      'pypi some-thing 1.5',
    ]);
  });

  test("are Debian's own, of the release that the image says", async () => {
    const { packages, distribution } = await read('debian');
    expect(distribution).toMatchObject({ id: 'debian', release: expect.stringMatching(/^[a-z]+$/) });
    expect(packages.map(({ name }) => name)).toEqual(expect.arrayContaining(['libc6', 'dpkg', 'perl-base']));
    expect((await read('bare')).packages.filter(({ type }) => type === 'deb')).toEqual([
      expect.objectContaining({ name: 'libfoo1', version: '2:1.0-1', source: 'foo', architecture: 'amd64' }),
    ]);
  });

  test('make a valid bill, the same each time', async () => {
    const image = { name: 'r.example/tool', id: 'sha256:0', created: '2026-01-02T03:04:05Z' };
    const [one, two] = [await read('debian'), await read('debian')].map((contents) =>
      billOfMaterials(image, contents, '1.2.3'),
    );
    expect(two).toBe(one);
    expect(await new JsonStrictValidator(Version.v1dot6).validate(one ?? '')).toBeNull();
    const { components } = JSON.parse(one ?? '') as {
      components: { name: string; purl: string; licenses: unknown }[];
    };
    const of = (name: string) => components.find((component) => component.name === name);
    expect([of('some-thing')?.purl, of('some-thing')?.licenses]).toEqual([
      'pkg:pypi/some-thing@1.5',
      [{ expression: 'MIT OR Apache-2.0' }],
    ]);
    expect(of('@scope/part')?.purl).toBe('pkg:npm/%40scope/part@2.0.0');
    expect(of('libc6')?.purl).toMatch(/^pkg:deb\/debian\/libc6@[^?]+\?arch=\w+&distro=[a-z]+$/);
  });

  test('leave no container behind', async () => {
    await read('debian');
    const left = await engine.resourcesByLabel([`dwt.project=${project.name}`]);
    expect(left.filter(({ type }) => type === 'container')).toEqual([]);
  });
});
