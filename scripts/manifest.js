// Writes .oclif.manifest.json, from which help and completion are served without loading a command; with --check it
// fails where the file is not what the sources say.
import { readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { Plugin, settings } from '@oclif/core';

const root = fileURLToPath(new URL('..', import.meta.url));
const file = `${root}.oclif.manifest.json`;

settings.enableAutoTranspile = false;
const pjson = JSON.parse(await readFile(`${root}package.json`, 'utf8'));
pjson.oclif.commands.target = './src/cli/commands.ts';
const plugin = new Plugin({ root, pjson, isRoot: true, ignoreManifest: true, errorOnManifestCreate: true });
await plugin.load();
const current = `${JSON.stringify(plugin.manifest, null, 2)}\n`;

if (!process.argv.includes('--check')) {
  await writeFile(file, current);
} else if (current !== (await readFile(file, 'utf8').catch(() => ''))) {
  process.stderr.write('.oclif.manifest.json is stale: run npm run manifest and commit it.\n');
  process.exitCode = 1;
}
