// The command in one file, so that it starts fast; the library beside it is tsc's, file by file, with types.
const { execFileSync } = require('node:child_process');
const { rmSync } = require('node:fs');
const { buildSync } = require('esbuild');
const { version } = require('./package.json');

// First: V8 tells a stale cache from a good one by little more than the length of the source.
rmSync('dist/cli.cache', { force: true });

buildSync({
  bundle: true,
  platform: 'node',
  format: 'cjs',
  target: 'node20',
  // Less to read at each start; names stay, for UDRV_DEBUG.
  minifySyntax: true,
  minifyWhitespace: true,
  logLevel: 'warning',
  entryPoints: ['src/cli/entry.ts'],
  outfile: 'dist/cli.js',
  // A function, for bin/udrv to call.
  banner: { js: '(function (exports, require, module, __filename, __dirname) {' },
  footer: { js: '})' },
  define: { UDRV_VERSION: JSON.stringify(version) },
  // A native module: it finds its own binaries beside it.
  external: ['koffi'],
  // commander loads these for subcommands that are programs of their own, which udrv has not; each costs start-up time.
  alias: { 'node:child_process': './src/cli/no-child-process.ts' },
});

// The cache holds what has been compiled by then: so after a listing, which every command's start resembles.
const makeCache = `
  const { readFileSync, writeFileSync } = require('node:fs');
  const { Script } = require('node:vm');
  const filename = require('node:path').resolve('dist/cli.js');
  const script = new Script(readFileSync(filename, 'latin1'), { filename });
  process.on('exit', () => writeFileSync('dist/cli.cache', script.createCachedData()));
  process.argv = ['node', 'udrv', '--snapshot', 'fixtures/lab.snapshot', 'list'];
  script.runInThisContext()(exports, require, module, filename, 'dist');
`;
execFileSync(process.execPath, ['-e', makeCache], { stdio: ['ignore', 'ignore', 'inherit'] });
