import { expect, test } from '@jest/globals';
import { requirementsChanges } from '../../scripts/requirements-changes.ts';

const lock = (...pins: string[]): string =>
  pins.map((pin) => `${pin} \\\n    --hash=sha256:${'0'.repeat(64)}\n    # via pandas==9\n`).join('');

test('says what is new, gone and of another version, and nothing of what stayed', () => {
  const before = lock('numpy==2.3.1', 'pandas==2.3.0', 'psycopg[binary,pool]==3.2.1', 'six==1.16.0');
  const after = lock('numpy==2.3.2', 'pandas==2.3.0', 'psycopg[binary,pool]==3.2.2', 'narwhals==1.0');
  expect(requirementsChanges(before, after)).toEqual([
    '+ narwhals 1.0',
    '  numpy 2.3.1 → 2.3.2',
    '  psycopg 3.2.1 → 3.2.2',
    '- six 1.16.0',
  ]);
  expect(requirementsChanges(before, before)).toEqual([]);
});
