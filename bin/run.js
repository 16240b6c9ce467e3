#!/usr/bin/env -S node --
// Nothing is imported before it is known to be needed, and nothing is written that an old Node could not parse: it
// is to answer with a sentence, and `--version` at the speed of Node itself. After `--` Node leaves flags alone that it
// has as well, such as --env-file.
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
const argv = process.argv.slice(2);

if (major < 22 || (major === 22 && minor < 12)) {
  process.stderr.write(
    `Error USAGE: dwt needs Node 22.12 or newer, and this is Node ${process.versions.node}.\n`,
  );
  process.exitCode = 2;
} else if (argv[0] === '--version') {
  const { readFileSync } = process.getBuiltinModule('node:fs');
  const { name, version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));
  process.stdout.write(`${name}/${version} ${process.platform}-${process.arch} node-${process.version}\n`);
} else {
  const { enableCompileCache } = process.getBuiltinModule('node:module');
  const { XDG_CACHE_HOME, HOME } = process.env;
  // In the user's own folder: what is compiled is run, so nobody else may write it.
  const cache = XDG_CACHE_HOME || (HOME && `${HOME}/.cache`);
  if (cache) enableCompileCache(`${cache}/dwt/compile`);
  import(new URL('../dist/cli.js', import.meta.url).href).then(({ main }) => main({ argv }));
}
