/** Writes `schema/dwt.schema.json` from the schema that dwt itself validates with; with --check it fails where that is stale. */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { jsonSchema } from '../src/project/json-schema.ts';

const file = join(import.meta.dirname, '..', 'schema', 'dwt.schema.json');
if (!process.argv.includes('--check')) {
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, jsonSchema());
} else if (jsonSchema() !== (await readFile(file, 'utf8').catch(() => ''))) {
  process.stderr.write('schema/dwt.schema.json is stale: run npm run schema and commit it.\n');
  process.exitCode = 1;
}
