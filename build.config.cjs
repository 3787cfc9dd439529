// The command, so that it starts fast: what a listing needs is one file, dist/cli.js; the rest stands in pieces in dist/cli,
// each read when it is needed. The library beside them is tsc's, file by file, with types.
const { execFileSync } = require('node:child_process');
const { mkdirSync, readFileSync, rmSync, writeFileSync } = require('node:fs');
const { basename } = require('node:path');
const { build, transformSync } = require('esbuild');
const { version } = require('./package.json');

/** What a listing runs: here, and of a snapshot. */
const START = ['cli/program/entry', 'cli/list', 'sys/linux', 'sys/snapshot'];

// Less to read at each start; names stay, for UDRV_DEBUG.
const minify = { minifySyntax: true, minifyWhitespace: true, target: 'node20' };

/**
 * esbuild takes apart only what import() joins; a require() in a function is put off likewise, but does not wait. And a file
 * without exports is CommonJS to it, as the package is: around all that one imports it would put functions.
 */
const splitAtRequire = {
  name: 'split-at-require',
  setup: (esbuild) =>
    esbuild.onLoad({ filter: /\/src\/.*\.ts$/ }, ({ path }) => ({
      loader: 'ts',
      contents: `${readFileSync(path, 'utf8').replace(/require\('(\.[^']+|chalk)'\)/g, "import('$1')")}export {};`,
    })),
};
const joinByRequire = (text) => text.replace(/\bimport\("(\.\/[^"]+)"\)/g, 'require("$1")');

async function bundle() {
  const { metafile, outputFiles } = await build({
    entryPoints: ['src/cli/program/entry.ts'],
    outdir: 'dist',
    write: false,
    metafile: true,
    logLevel: 'warning',
    bundle: true,
    splitting: true, // of ES modules alone
    format: 'esm',
    platform: 'node',
    ...minify,
    define: { UDRV_VERSION: JSON.stringify(version) },
    // A native module: it finds its own binaries beside it.
    external: ['koffi'],
    // commander loads these for subcommands that are programs of their own, which udrv has not; each costs start-up time.
    alias: { 'node:child_process': './src/cli/program/no-child-process.ts' },
    plugins: [splitAtRequire],
  });
  const { outputs } = metafile;
  const start = new Set();
  const add = (path) => {
    if (start.has(path)) return;
    start.add(path);
    for (const { kind, external, path: imported } of outputs[path].imports)
      if (kind === 'import-statement' && !external) add(imported);
  };
  for (const name of START) {
    const chunk = Object.keys(outputs).find((path) => outputs[path].entryPoint === `src/${name}.ts`);
    if (chunk === undefined) throw new Error(`src/${name}.ts: nothing puts it off any more`);
    add(chunk);
  }
  const isStart = ({ path }) => start.has(`dist/${basename(path)}`);
  const asFunction = ({ text }) =>
    `function (exports, require, module, __dirname) {${transformSync(joinByRequire(text), { format: 'cjs', ...minify }).code}}`;
  // First: V8 tells a stale cache from a good one by little more than the length of the source.
  rmSync('dist/cli.cache', { force: true });
  rmSync('dist/cli', { recursive: true, force: true });
  mkdirSync('dist/cli', { recursive: true });
  for (const file of outputFiles)
    if (!isStart(file)) writeFileSync(`dist/cli/${basename(file.path)}`, `(${asFunction(file)})`);
  const pieces = outputFiles
    .filter(isStart)
    .map((file) => `${JSON.stringify(`./${basename(file.path)}`)}: ${asFunction(file)}`);
  writeFileSync('dist/cli.js', `({${pieces.join(',\n')}})`);
}

/** Of which each file's code is kept: what V8 compiles for the first of them that needs the file. */
const TYPICAL = [
  '--snapshot fixtures/lab.snapshot list',
  '--sim show uio0',
  '--sim uio read uio0 map0 0',
  '--sim uio dump uio0 map0 0+0x10',
  '--sim uio watch-irq uio0 --count 1 --trigger map0:0x60=1 --ack map0:0x64=map0:0x24',
  '--sim vfio info 0000:00:03.0',
  '--sim vfio read 0000:00:03.0 bar0 0',
  '--sim vfio watch-irq 0000:00:03.0 --loopback --count 1',
  '--sim vfio dma-test 0000:00:03.0 --tier generic',
  '--sim vfio config 0000:00:03.0',
  '--sim usb list',
  '--sim usb show 1-2',
  '--sim usb ctrl 1-2 0x80 6 0x0100 0 18',
  '--sim usb bulk 1-2 0x81 --length 512',
  '--sim unbind uio0',
];

function makeCaches() {
  const code = (line) => `
    const { existsSync, writeFileSync } = require('node:fs');
    const vm = require('node:vm');
    const scripts = [];
    vm.Script = class extends vm.Script {
      constructor(source, options) {
        super(source, options);
        scripts.push({ cache: options.filename.replace(/js$/, 'cache'), script: this });
      }
    };
    process.on('exit', (code) => {
      if (code !== 0) throw new Error('udrv ${line}: exit ' + code);
      for (const { cache, script } of scripts) if (!existsSync(cache)) writeFileSync(cache, script.createCachedData());
    });
    process.argv = ['node', 'udrv', ...${JSON.stringify(line.split(' '))}];
    require('./bin/udrv');
  `;
  for (const line of TYPICAL)
    execFileSync(process.execPath, ['-e', code(line)], { stdio: ['ignore', 'ignore', 'inherit'] });
}

void bundle().then(makeCaches);
