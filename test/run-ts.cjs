'use strict';
// node test/run-ts.cjs FILE.ts [ARGUMENT...]: runs a TypeScript file of this checkout as if it were JavaScript.
const { mkdirSync, renameSync } = require('node:fs');
const { dirname, join, relative, resolve } = require('node:path');
const { buildSync } = require('esbuild');

const root = join(__dirname, '..');
const source = resolve(process.argv[2]);
const bundle = join(root, 'node_modules/.cache/udrv', `${relative(root, source).replaceAll('/', '-')}.cjs`);
const unfinished = `${bundle}.${process.pid}`;
mkdirSync(dirname(bundle), { recursive: true });
buildSync({
  entryPoints: [source],
  outfile: unfinished,
  bundle: true,
  platform: 'node',
  format: 'cjs',
  target: 'node20',
  packages: 'external',
  sourcemap: 'inline',
  define: { __dirname: JSON.stringify(dirname(source)) },
});
renameSync(unfinished, bundle); // whole, for another run that starts now

process.setSourceMapsEnabled(true);
process.argv.splice(1, 2, source);
require(bundle);
