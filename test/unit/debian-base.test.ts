import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { extract } from 'tar-stream';
import { imageArchive } from '../../src/debian-base/image-archive.ts';
import { standInArguments, standInFor } from '../../src/debian-base/reference.ts';
import { summarise } from '../../src/debian-base/root.ts';
import { parseSources, sourcesForSuite, transportSettings } from '../../src/debian-base/sources.ts';

describe('package sources of the machine', () => {
  test('one-line lists are read, with options and comments', () => {
    expect(
      parseSources(
        '# deb http://off.example/debian bookworm main\ndeb [signed-by=/k.gpg arch=amd64] http://m.example/debian bookworm main contrib # here\ndeb-src http://m.example/debian bookworm main\ndeb http://m.example/debian bookworm contrib\n',
      ),
    ).toEqual([{ uri: 'http://m.example/debian', suite: 'bookworm' }]);
  });

  test('deb822 lists are read: several suites, comments, what is disabled', () => {
    const text = `Types: deb deb-src
# a snapshot
URIs: http://m.example/debian
Suites: bookworm bookworm-updates
Components: main contrib
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Types: deb
URIs: http://m.example/debian-security
Suites: bookworm-security
Components: main
Signed-By:
 -----BEGIN PGP PUBLIC KEY BLOCK-----
 .
 -----END PGP PUBLIC KEY BLOCK-----

Enabled: no
Types: deb
URIs: http://off.example/
Suites: bookworm
Components: main
`;
    expect(parseSources(text).map(({ uri, suite }) => `${uri} ${suite}`)).toEqual([
      'http://m.example/debian bookworm',
      'http://m.example/debian bookworm-updates',
      'http://m.example/debian-security bookworm-security',
    ]);
  });

  test('are the same ones for another suite', () => {
    const host = ['bookworm', 'bookworm-updates', 'bookworm-security', 'sid'].map((suite) => ({
      uri: 'http://m.example/debian',
      suite,
    }));
    expect(sourcesForSuite(host, 'bookworm', 'trixie')).toEqual([
      'deb http://m.example/debian trixie main',
      'deb http://m.example/debian trixie-updates main',
      'deb http://m.example/debian trixie-security main',
    ]);
  });

  test('are not taken where security updates are missing', () => {
    expect(
      sourcesForSuite([{ uri: 'http://m.example/debian', suite: 'bookworm' }], 'bookworm', 'trixie'),
    ).toBeNull();
  });

  test('keep the settings of their transport, and nothing else', () => {
    expect(
      transportSettings(
        'Acquire::http::Proxy "http://proxy.example:3128";\nAcquire::http "";\nAcquire::Languages:: "en";\nDPkg::Options:: "--force-confold";\nAcquire::Check-Valid-Until "false";\n',
      ),
    ).toEqual(['Acquire::http::Proxy "http://proxy.example:3128"', 'Acquire::Check-Valid-Until "false"']);
  });
});

test('the packages of a root are told apart by name and version alone', () => {
  const one = summarise('Package: b\nStatus: install ok installed\nVersion: 2\n\nPackage: a\nVersion: 1\n');
  const other = summarise('Package: a\nMaintainer: x\nVersion: 1\n\nPackage: b\nVersion: 2\n\n');
  expect(one).toEqual(other);
  expect(one.packages).toBe(2);
  expect(summarise('Package: a\nVersion: 2\n').packagesDigest).not.toBe(
    summarise('Package: a\nVersion: 1\n').packagesDigest,
  );
});

test('only the official image has a stand-in', () => {
  expect(
    ['debian:trixie', 'docker.io/library/debian:trixie', 'debian:bookworm', 'example.com/debian:trixie'].map(
      standInFor,
    ),
  ).toEqual(['dwt/debian:trixie', 'dwt/debian:trixie', null, null]);
});

describe('build arguments that name the base image', () => {
  const globals = new Map([
    ['BASE_IMAGE', 'debian:trixie'],
    ['OTHER', 'busybox'],
    ['EMPTY', null],
  ]);
  const having =
    (...images: string[]) =>
    async (reference: string) =>
      images.includes(reference);

  test('name the stand-in where the engine has it alone', async () => {
    expect(await standInArguments(globals, {}, having('dwt/debian:trixie'))).toEqual({
      BASE_IMAGE: 'dwt/debian:trixie',
    });
  });

  test('stay where the official image is there, where none is, and where the user gave one', async () => {
    expect(await standInArguments(globals, {}, having('debian:trixie', 'dwt/debian:trixie'))).toEqual({});
    expect(await standInArguments(globals, {}, having())).toEqual({});
    expect(await standInArguments(globals, { BASE_IMAGE: 'x' }, having('dwt/debian:trixie'))).toEqual({});
  });
});

describe('the image that is written', () => {
  let folder = '';
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'dwt-archive-'));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  const archiveOf = async (bytes: string, labels: Record<string, string> = {}) => {
    const layerFile = join(folder, 'layer.tar');
    await writeFile(layerFile, bytes);
    return await imageArchive({
      layerFile,
      reference: 'a/b:c',
      architecture: 'amd64',
      created: new Date(0),
      labels,
    });
  };

  test('has the id of its configuration, which follows from files and labels alone', async () => {
    const one = await archiveOf('x');
    expect((await archiveOf('x')).id).toBe(one.id);
    expect(await buffer((await archiveOf('x')).open())).toEqual(await buffer(one.open()));
    expect((await archiveOf('y')).id).not.toBe(one.id);
    expect((await archiveOf('x', { a: 'b' })).id).not.toBe(one.id);
  });

  test('holds configuration, manifest and layer that agree with one another', async () => {
    const archive = await archiveOf('x'.repeat(100_000));
    const files = new Map<string, Buffer>();
    const entries = Readable.from(archive.open()).pipe(extract());
    for await (const entry of entries) files.set(entry.header.name, await buffer(entry));
    const [manifest] = JSON.parse(String(files.get('manifest.json')));
    expect(manifest.RepoTags).toEqual(['a/b:c']);
    const config = files.get(manifest.Config) ?? Buffer.alloc(0);
    expect(`sha256:${createHash('sha256').update(config).digest('hex')}`).toBe(archive.id);
    const layer = files.get(manifest.Layers[0]) ?? Buffer.alloc(0);
    expect(JSON.parse(String(config)).rootfs.diff_ids).toEqual([
      `sha256:${createHash('sha256').update(layer).digest('hex')}`,
    ]);
  });
});
