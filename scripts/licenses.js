// The licences of the packages that the bundle holds: they ask that their text goes wherever their code goes.
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * @param {string} root @param {readonly string[]} sources paths of the bundle's modules, relative to the root
 * @returns {Promise<string>} names, versions and licence texts, by name
 */
export async function licencesOf(root, sources) {
  const folders = new Set(
    sources.flatMap((source) => /^(?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+/.exec(source) ?? []),
  );
  const parts = [];
  for (const folder of [...folders].sort()) {
    const { name, version, license } = JSON.parse(await readFile(join(root, folder, 'package.json'), 'utf8'));
    const files = (await readdir(join(root, folder))).filter((file) =>
      /^(licen[cs]e|copying|notice)/i.test(file),
    );
    const texts = await Promise.all(files.sort().map((file) => readFile(join(root, folder, file), 'utf8')));
    parts.push([`${name} ${version} (${license})`, ...texts.map((text) => text.trim())].join('\n\n'));
  }
  return `${parts.join(`\n\n${'-'.repeat(80)}\n\n`)}\n`;
}
