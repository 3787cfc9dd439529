// Builds the command into dist/cli, so that it starts fast. main.js is all that a listing runs; what src/cli requires
// beside that, with require('./x') where it is needed, is a file of its own, read when it is needed; what several of
// them share is a chunk. start.js runs main.js (src/cli/start). The library beside them, dist, is tsc's.
const { createHash } = require('node:crypto');
const { mkdirSync, readFileSync, rmSync, writeFileSync } = require('node:fs');
const { basename, relative, resolve: resolvePath } = require('node:path');
const { build, buildSync, transformSync } = require('esbuild');
const { version } = require('./package.json');

const ENTRY = 'src/cli/program/entry.ts';

/** What main.js has of what is required where it is needed: a listing needs it. test/cli/start.test.ts finds what is missing. */
const LISTING = ['src/cli/list.ts', 'src/sys/linux/linux-sys.ts', 'src/sys/tree/snapshot.ts'];

/** Stays in the file that requires it, which is loaded late itself: what exports by CommonJS cannot be exported again. */
const WITH_REQUIRER = ['node_modules/saxes/saxes.js'];

const NO_CHILD_PROCESS = 'src/cli/program/no-child-process.ts';

const DIST = 'dist/cli';

// Less to read at each start; names stay, for UDRV_DEBUG.
const minify = { minifySyntax: true, minifyWhitespace: true, target: 'node20' };
const options = { ...minify, bundle: true, platform: 'node', logLevel: 'warning', write: false, outdir: DIST };

/** The sources that are required where they are needed, by the name of the file that each becomes: uio-read for src/cli/uio/read.ts. */
class Lazy {
  files = new Map();

  add(source) {
    const name = source.includes('node_modules/') ? source.split('node_modules/')[1] : source.slice('src/'.length);
    const flat = name
      .replace(/^cli\//, '')
      .replace(/\.[a-z]+$/, '')
      .replaceAll('/', '-');
    this.files.set(flat, source);
    return `./${flat}.js`;
  }

  /** Finds them all while `split` is false, and then makes of each require a require of its file. */
  plugin(split) {
    return {
      name: 'lazy',
      setup: ({ onResolve, onLoad, resolve }) => {
        onResolve({ filter: /./ }, async ({ path, pluginData, ...how }) => {
          if (how.kind !== 'require-call' || pluginData === 'seen' || how.importer.includes('/node_modules/')) return;
          const resolved = await resolve(path, { ...how, pluginData: 'seen' });
          const source = relative('.', resolved.path);
          const isWithin = LISTING.includes(source) || WITH_REQUIRER.includes(source);
          if (resolved.errors.length > 0 || resolved.external || isWithin) return resolved;
          const file = this.add(source);
          return split ? { path: file, external: true } : resolved;
        });
        // commander loads it for subcommands that are programs of their own, which udrv has not: it costs start-up time.
        onResolve({ filter: /^node:child_process$/ }, ({ importer }) =>
          importer.includes('/node_modules/commander/') ? { path: resolvePath(NO_CHILD_PROCESS) } : undefined,
        );
        // Each begins with ENTRY: esbuild makes one chunk of what all files have in common, which is then main.js.
        onResolve({ filter: /^lazy:/ }, ({ path }) => ({ namespace: 'lazy', path: path.slice('lazy:'.length) }));
        onLoad({ filter: /./, namespace: 'lazy' }, ({ path }) => ({
          contents: `import './${ENTRY}'; export * from './${path}'`,
          resolveDir: '.',
        }));
        // What is never shown: the names in commander's functions.
        onLoad({ filter: /\/node_modules\/commander\/lib\// }, ({ path }) => ({
          contents: transformSync(readFileSync(path, 'utf8'), { minify: true }).code,
        }));
      },
    };
  }

  entryPoints() {
    const files = [...this.files].sort().map(([name, source]) => [name, `lazy:${source}`]);
    return { entry: ENTRY, ...Object.fromEntries(files) };
  }
}

async function bundle() {
  const lazy = new Lazy();
  const command = {
    ...options,
    format: 'esm', // esbuild splits no other
    metafile: true,
    define: { UDRV_VERSION: JSON.stringify(version) },
    // A native module: it finds its own binaries beside it.
    external: ['koffi'],
  };
  const { metafile: whole } = await build({ ...command, entryPoints: [ENTRY], plugins: [lazy.plugin(false)] });
  for (const source of LISTING)
    if (whole.inputs[source] === undefined) throw new Error(`build.config.cjs: nothing requires ${source} any more`);
  const { metafile, outputFiles } = await build({
    ...command,
    entryPoints: lazy.entryPoints(),
    splitting: true,
    plugins: [lazy.plugin(true)],
  });

  rmSync(DIST, { recursive: true, force: true });
  mkdirSync(DIST, { recursive: true });
  const [main] = Object.entries(metafile.outputs).find(([, { inputs }]) => ENTRY in inputs);
  for (const { path, text } of outputFiles) {
    // The others ask start.js for what is in main.js, as it is start.js that Node has loaded.
    const { code } = transformSync(text.replaceAll(basename(main), 'start.js'), { ...minify, format: 'cjs' });
    if (basename(path) === basename(main)) makeStart(`(function(exports,require,module){${code}})`);
    else if (basename(path) !== 'entry.js') writeFileSync(`${DIST}/${basename(path)}`, code);
  }
}

function makeStart(main) {
  writeFileSync(`${DIST}/main.js`, main);
  const hash = createHash('sha256').update(main).digest('hex').slice(0, 16);
  buildSync({
    ...options,
    entryPoints: ['src/cli/start/start.ts'],
    format: 'cjs',
    define: { UDRV_MAIN_HASH: JSON.stringify(hash) },
    write: true,
  });
}

void bundle();
