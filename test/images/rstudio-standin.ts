/**
 * The stand-in for RStudio Server's package, which cannot be had everywhere: a package of the same name, with the same
 * paths and options, made of the files in `rstudio-standin/`.
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const source = join(import.meta.dirname, 'rstudio-standin');

/** Makes the package in a folder; answers its path. */
function makeStandIn(folder: string): string {
  const file = join(folder, 'rstudio-server-standin.deb');
  execFileSync('dpkg-deb', ['--root-owner-group', '--build', source, file], {
    stdio: 'pipe',
    // The same package from every checkout, so that its sum stays what it is.
    env: { ...process.env, SOURCE_DATE_EPOCH: '0' },
  });
  return file;
}

/** `dwt.yaml` with the stand-in, made in a folder, in the place of the real package. */
export async function withStandIn(yaml: string, folder: string): Promise<string> {
  const file = makeStandIn(folder);
  const sum = createHash('sha256')
    .update(await readFile(file))
    .digest('hex');
  const declared = `  rstudio-server: {url: "${pathToFileURL(file).href}", sha256: "${sum}", stand-in: true}`;
  const changed = yaml.replace(/^ {2}rstudio-server: \{url: .*$/m, declared);
  if (changed === yaml) throw new Error('dwt.yaml does not name the artifact rstudio-server as expected');
  return changed;
}
