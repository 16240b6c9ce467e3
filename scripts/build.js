// Makes dist/, the program as it is installed: few files, each loaded only when a command needs it.
import { rm, writeFile } from 'node:fs/promises';
import { isBuiltin } from 'node:module';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { licencesOf } from './licenses.js';

const root = fileURLToPath(new URL('..', import.meta.url));
const dist = `${root}dist`;
const absent = `${root}scripts/absent-package.cjs`;

// Packages of CommonJS make call these; in a module they have to be made.
const commonJs = `
const require = process.getBuiltinModule('node:module').createRequire(import.meta.url);
const __filename = import.meta.filename, __dirname = import.meta.dirname;
`;

/**
 * Takes Node's own modules without importing them: an import reads all that such a module exports, and so loads streams,
 * undici and more that nothing here uses (30 ms of a start).
 * @type {import('esbuild').Plugin}
 */
const builtins = {
  name: 'builtins',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /.*/ }, ({ path }) =>
      isBuiltin(path) && path !== 'node:module' ? { path, namespace: 'builtin' } : null,
    );
    onLoad({ filter: /.*/, namespace: 'builtin' }, ({ path }) => ({
      contents: `module.exports = process.getBuiltinModule(${JSON.stringify(path)});`,
    }));
  },
};

await rm(dist, { recursive: true, force: true });
const { metafile } = await build({
  absWorkingDir: root,
  entryPoints: { cli: 'src/cli/main.ts', commands: 'src/cli/commands.ts' },
  outdir: dist,
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node22.12',
  banner: { js: commonJs },
  // dockerode goes over a transport of our own (src/engine/dockerode.ts); these, and ssh2 with them, take 40 ms to load.
  // Bills of materials are written as JSON, never as XML.
  alias: { 'docker-modem': absent, '@grpc/proto-loader': absent, xmlbuilder2: absent },
  // Large, and only for --page: it is installed beside the bundle.
  external: ['playwright-core'],
  minifySyntax: true,
  minifyWhitespace: true,
  keepNames: true,
  legalComments: 'none',
  metafile: true,
  plugins: [builtins],
  logLevel: 'warning',
});

await writeFile(`${dist}/LICENSES.txt`, await licencesOf(root, Object.keys(metafile.inputs)));

// What every command pays for, --help included. These packages are for the work itself and come with it.
const heavy = [
  '@aws-sdk',
  '@cyclonedx',
  '@grpc',
  '@smithy',
  'dockerode',
  'http-proxy-3',
  'listr2',
  'pino',
  'playwright-core',
  'protobufjs',
  'string-width',
  'undici',
  'yaml',
  'zod',
];
const { outputs } = metafile;

/** @param {string} name @param {Set<string>} seen @returns {Set<string>} the output and all that it imports at once */
function loadedWith(name, seen = new Set()) {
  if (seen.has(name)) return seen;
  seen.add(name);
  for (const { path, kind } of outputs[name]?.imports ?? [])
    if (kind === 'import-statement') loadedWith(path, seen);
  return seen;
}

for (const entry of ['dist/cli.js', 'dist/commands.js']) {
  const sources = [...loadedWith(entry)].flatMap((name) => Object.keys(outputs[name]?.inputs ?? {}));
  const early = sources.filter((source) => heavy.some((name) => source.startsWith(`node_modules/${name}/`)));
  if (early.length === 0) continue;
  process.stderr.write(
    `${entry} loads at the start what only some commands need:\n  ${early.slice(0, 10).join('\n  ')}\n`,
  );
  process.exitCode = 1;
}
