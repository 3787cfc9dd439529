// Builds the command into dist/cli, so that it starts fast. main.js is all that a plain listing runs, command-line.main.js
// all that every other command runs beside that; what src/cli requires further, with require('./x') where it is needed,
// is a file of its own, read when it is needed; what several of them share is a chunk. start.js runs main.js, and
// command-line.js its main file (src/cli/start). The library beside them, dist, is tsc's.
const { createHash } = require('node:crypto');
const { mkdirSync, readFileSync, rmSync, writeFileSync } = require('node:fs');
const { basename, dirname, relative, resolve: resolvePath } = require('node:path');
const { build, buildSync, transformSync } = require('esbuild');
const { version } = require('./package.json');

const ENTRY = 'src/cli/program/entry.ts';
const COMMAND_LINE = 'src/cli/parser/command-line.ts';

/** What main.js has of what is required where it is needed: a listing needs it. test/cli/start.test.ts finds what is missing. */
const LISTING = ['src/sys/linux/linux-sys.ts', 'src/sys/tree/snapshot.ts'];

/** Requires them. */
const REQUIRES_LISTING = 'src/cli/program/machine.ts';

/** Stays in the file that requires it, which is loaded late itself: what exports by CommonJS cannot be exported again. */
const WITH_REQUIRER = ['node_modules/saxes/saxes.js'];

const NO_CHILD_PROCESS = 'src/cli/parser/no-child-process.ts';

/** Beside what runs a main file: loaded when its cache is to be written. */
const WRITE_CACHE = 'src/cli/start/write-cache.ts';

const DIST = 'dist/cli';

// Less to read at each start, and to download. The names of exports stay: each file is shortened by itself, at the end.
const compact = { minifySyntax: true, minifyWhitespace: true, target: 'node20' };
const shortened = { ...compact, minifyIdentifiers: true };
const options = { ...compact, bundle: true, platform: 'node', logLevel: 'warning', write: false, outdir: DIST };

/** The sources that are required where they are needed, by the name of the file that each becomes: uio-read for src/cli/uio/read.ts. */
class Lazy {
  files = new Map();
  /** Those that a listing may require, which then does not load the parser. */
  ofListing = new Set();

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
        // As an import, because esbuild puts a function around each module that can be reached by a require.
        onLoad({ filter: new RegExp(`/${REQUIRES_LISTING}$`) }, ({ path }) => {
          const imports = [];
          const contents = readFileSync(path, 'utf8').replace(/require\('([^']+)'\)/g, (required, source) => {
            if (!LISTING.includes(relative('.', resolvePath(dirname(path), `${source}.ts`)))) return required;
            imports.push(`import * as listing${imports.length} from '${source}'; `);
            return `listing${imports.length - 1}`;
          });
          return { contents: imports.join('') + contents, loader: 'ts' };
        });
        // esbuild makes one chunk of what all files have in common, which is ENTRY, then main.js; and one of what all
        // but those of a listing have in common.
        onResolve({ filter: /^lazy:/ }, ({ path }) => ({ namespace: 'lazy', path: path.slice('lazy:'.length) }));
        onLoad({ filter: /./, namespace: 'lazy' }, ({ path }) => ({
          contents: [ENTRY, ...(this.ofListing.has(path) ? [] : [COMMAND_LINE])]
            .map((common) => `import './${common}'; `)
            .concat(`export * from './${path}'`)
            .join(''),
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
  lazy.ofListing = reachable(whole.inputs);
  const { metafile, outputFiles } = await build({
    ...command,
    entryPoints: lazy.entryPoints(),
    splitting: true,
    plugins: [lazy.plugin(true)],
  });

  rmSync(DIST, { recursive: true, force: true });
  writeStart({ in: WRITE_CACHE, out: 'write-cache' });
  mkdirSync(DIST, { recursive: true });
  const withSource = (source) =>
    basename(Object.entries(metafile.outputs).find(([, { inputs }]) => source in inputs)[0]);
  const main = withSource(ENTRY);
  const commandLine = withSource(COMMAND_LINE);
  /** Files of which nothing is left but that they name another. */
  const names = ['entry.js', basename(lazy.add(COMMAND_LINE))];
  for (const { path, text } of outputFiles) {
    const file = basename(path);
    if (names.includes(file)) continue;
    // The others ask start.js for what is in main.js, as it is start.js that Node has loaded.
    const linked = text
      .replaceAll(main, 'start.js')
      .replaceAll(commandLine, 'command-line.js')
      .replaceAll(names[1], 'command-line.js');
    if (file === main) makeCached('start', 'main', linked);
    else if (file === commandLine) makeCached('command-line', 'command-line.main', linked);
    else writeFileSync(`${DIST}/${file}`, commonJs(linked));
  }
}

const MAIN_FILES = /require\("\.\/(?:start|command-line)\.js"\)(?!\.all)/g;

/** Makes CommonJS of a module of the bundle, which calls `all` of a main file for its exports. */
function commonJs(text) {
  // Those that are required where they are needed first: their `require` gets a short name.
  const late = text.replace(MAIN_FILES, '$&.all()');
  return transformSync(late, { ...shortened, format: 'cjs' }).code.replace(MAIN_FILES, '$&.all()');
}

/** Gives a main file its exports by a function, `all`: they are hundreds, and a listing needs none of them. */
function withLateExports(text) {
  const [statement, names] = /export\s*\{([^}]*)\};?\s*$/.exec(text);
  const getters = names.replace(
    /([\w$]+)(?: as ([\w$]+))?/g,
    (_, own, name = own) => `get ${name}() { return ${own}; }`,
  );
  // First of all, because it is asked for while the file still runs.
  return `let all; exports.all = () => (all ??= {${getters}}); ${text.slice(0, -statement.length)}`;
}

/** Returns the sources that a listing can come to: all that ENTRY imports or requires, without what is behind COMMAND_LINE. */
function reachable(inputs) {
  const found = new Set([COMMAND_LINE]);
  const visit = (source) => {
    if (found.has(source)) return;
    found.add(source);
    for (const { path } of inputs[source]?.imports ?? []) visit(path);
  };
  visit(ENTRY);
  found.delete(COMMAND_LINE);
  return found;
}

/** Writes code as a function of CommonJS, and beside it the file that runs it with what V8 keeps of it. */
function makeCached(file, main, text) {
  const content = `(function(exports,require,module){${commonJs(withLateExports(text))}})`;
  writeFileSync(`${DIST}/${main}.js`, content);
  const hash = createHash('sha256').update(content).digest('hex').slice(0, 16);
  const define = { UDRV_MAIN: JSON.stringify(main), UDRV_MAIN_HASH: JSON.stringify(hash) };
  writeStart({ in: 'src/cli/start/start.ts', out: file }, define);
}

function writeStart(entryPoint, define = {}) {
  const external = ['./write-cache'];
  buildSync({ ...options, ...shortened, entryPoints: [entryPoint], format: 'cjs', define, external, write: true });
}

void bundle();
