/** What is said of a sidecar that keeps a bucket and the home the same; and files as engines hand them out. */
import { expect, test } from '@jest/globals';
import { pack } from 'tar-stream';
import { firstEntry } from '../../../src/contract/archive.ts';
import type { ArrivedFile, SyncEvidence } from '../../../src/contract/evidence.ts';
import { judgeSync } from '../../../src/contract/judge-sync.ts';

const file = (changes: Partial<ArrivedFile> = {}): ArrivedFile => ({
  uid: 4356,
  gid: 4357,
  isSame: true,
  seconds: 1.25,
  ...changes,
});
const evidence = (changes: Partial<SyncEvidence> = {}): SyncEvidence => ({
  down: file(),
  up: file({ uid: 0, gid: 0, seconds: 2 }),
  within: 60,
  ...changes,
});

test.each([
  [
    'both ways',
    evidence(),
    'pass',
    'a file came into the home as 4356:4357 within 1.3 s, and one went into the bucket within 2.0 s',
  ],
  [
    'nothing came',
    evidence({ down: null, up: null }),
    'fail',
    'what was in the bucket from the beginning was not in the home after 60.0 s',
  ],
  [
    'something else came',
    evidence({ down: file({ isSame: false }) }),
    'fail',
    'what came into the home is not what is in the bucket',
  ],
  [
    "root's",
    evidence({ down: file({ uid: 0, gid: 0 }) }),
    'fail',
    'what came into the home belongs to 0:0, not to 4356:4357',
  ],
  [
    'nothing went',
    evidence({ up: null }),
    'fail',
    'a file came into the home as 4356:4357 within 1.3 s, and none went into the bucket within 60.0 s',
  ],
  [
    'something else went',
    evidence({ up: file({ isSame: false }) }),
    'fail',
    'a file came into the home as 4356:4357 within 1.3 s, and what went into the bucket is not what was written',
  ],
])('%s', (_, seen, verdict, words) => {
  expect(judgeSync(seen)).toMatchObject({ verdict, seen: words });
});

test.each(['plain.txt', 'höme.txt', `${'long/'.repeat(60)}file`])(
  'the first entry of a tar: %s',
  async (name) => {
    const tar = pack();
    tar.entry({ name, mode: 0o640, uid: 4356, gid: 4357 }, 'some content');
    tar.entry({ name: 'another' }, 'more');
    tar.finalize();
    const entry = await firstEntry(tar as unknown as NodeJS.ReadableStream, 8);
    expect(entry).toMatchObject({ mode: 0o640, uid: 4356, gid: 4357, isFolder: false });
    expect(entry.content.toString()).toBe('some con');
  },
);
