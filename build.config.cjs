// The command in one file, so that it starts fast; the library beside it is tsc's, file by file, with types.
const { buildSync } = require('esbuild');
const { version } = require('./package.json');

buildSync({
  entryPoints: ['src/cli/entry.ts'],
  outfile: 'dist/cli.cjs',
  bundle: true,
  platform: 'node',
  format: 'cjs',
  target: 'node20',
  define: { UDRV_VERSION: JSON.stringify(version) },
  // A native module: it finds its own binaries beside it.
  external: ['koffi'],
  // commander loads these for subcommands that are programs of their own, which udrv has not; each costs start-up time.
  alias: { 'node:child_process': './src/cli/no-child-process.ts' },
  logLevel: 'warning',
});
