// Builds dist: the command, so that it starts fast, and the library, of the same files. Each piece of code is in one file.
//
// main.js is all that a plain listing runs, command-line.main.js what every other command runs beside that. What is
// required with require('./x') where it is needed becomes a file of its own in dist/cli, read when it is needed. What
// several of them share is a chunk. start.js runs main.js, and command-line.js its main file (src/cli/start). The entries
// of the library are where package.json has them. tsc makes their types.
const { createHash } = require('node:crypto');
const { mkdirSync, readFileSync, rmSync, writeFileSync } = require('node:fs');
const { basename, dirname, join, relative, resolve: resolvePath } = require('node:path');
const { build, buildSync, transformSync } = require('esbuild');
const { exports: packageExports, version } = require('./package.json');

const DIST = 'dist';

const ENTRY = 'src/cli/program/entry.ts';
const COMMAND_LINE = 'src/cli/parser/command-line.ts';

/** What main.js has of what is required where it is needed: a listing needs it. test/cli/start.test.ts finds what is missing. */
const LISTING = ['src/sys/linux/linux-sys.ts', 'src/sys/tree/snapshot.ts'];

/** Requires them. */
const REQUIRES_LISTING = 'src/cli/program/machine.ts';

/** Stays in the file that requires it, which is loaded late itself: what exports by CommonJS cannot be exported again. */
const WITH_REQUIRER = ['node_modules/saxes/saxes.js'];

const NO_CHILD_PROCESS = 'src/cli/parser/no-child-process.ts';

/** The begin of main.js: all that it requires late is required so. */
const LAZY_FILES = 'require = lazyFiles(module, require, caches); ';

/** The same for command-line.main.js, whose chunks are in a cache together. */
const COMMAND_LINE_FILES = 'require = require("./start.js").ofCommandLine ?? require; ';

/** Chunks that so many files use, and no larger, are put together: to load a file takes half a millisecond. */
const SHARED = { users: 12, bytes: 14_000 };

// Less to read at each start, and to download. The names of exports stay: each file is shortened by itself, at the end.
const compact = { minifySyntax: true, minifyWhitespace: true, target: 'node20' };
const shortened = { ...compact, minifyIdentifiers: true };
const options = { ...compact, bundle: true, platform: 'node', logLevel: 'warning', write: false, outdir: DIST };

/** The sources of the library's entries, by the path of each below dist, without `.js`. */
const library = Object.fromEntries(
  Object.values(packageExports)
    .map((entry) => /^\.\/dist\/(.*)\.js$/.exec(entry.default)?.[1])
    .filter(Boolean)
    .map((path) => [path, `src/${path}.ts`]),
);

/** The modules that are in one file each, because all other files import them. */
class Together {
  /** Those of main.js. */
  main = [ENTRY];
  /** What every command needs beside a plain listing. */
  commandLine = [COMMAND_LINE];
  /** Small pieces of the library that many commands need. */
  library = [];
}

/** The sources that are required where they are needed, by the name of the file that each becomes: uio-read for src/cli/uio/read.ts. */
class Lazy {
  files = new Map();
  /** Those that a listing may require, which then does not load the parser. */
  ofListing = new Set();
  together = new Together();

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
        // esbuild makes one chunk of what the same files import. So each file imports all that is to be together.
        onResolve({ filter: /^(?:lazy|library):/ }, ({ path }) => {
          const [namespace, source] = path.split(':');
          return { namespace, path: source };
        });
        const file = (path, together) => ({
          contents: [...together.map((source) => `import './${source}'; `), `export * from './${path}'`].join(''),
          resolveDir: '.',
        });
        const { main, commandLine, library } = this.together;
        onLoad({ filter: /./, namespace: 'lazy' }, ({ path }) =>
          file(path, this.ofListing.has(path) ? main : [...main, ...commandLine, ...library]),
        );
        onLoad({ filter: /./, namespace: 'library' }, ({ path }) => file(path, [...main, ...library]));
      },
    };
  }

  entryPoints() {
    const files = [...this.files].sort().map(([name, source]) => [`cli/${name}`, `lazy:${source}`]);
    const entries = Object.entries(library).map(([name, source]) => [name, `library:${source}`]);
    return { 'cli/entry': ENTRY, ...Object.fromEntries([...files, ...entries]) };
  }
}

const command = {
  ...options,
  format: 'esm', // esbuild splits no other
  metafile: true,
  define: { UDRV_VERSION: JSON.stringify(version) },
  // A native module: it finds its own binaries beside it.
  external: ['koffi'],
};

async function bundle() {
  const lazy = new Lazy();
  const entries = [ENTRY, ...Object.values(library)];
  const { metafile: whole } = await build({ ...command, entryPoints: entries, plugins: [lazy.plugin(false)] });
  for (const source of LISTING)
    if (whole.inputs[source] === undefined) throw new Error(`build.config.cjs: nothing requires ${source} any more`);
  lazy.ofListing = reachable(whole.inputs);
  for (const source of sharedByMany((await split(lazy)).metafile))
    lazy.together[/^src\/cli\//.test(source) ? 'commandLine' : 'library'].push(source);
  write(await split(lazy));
}

function split(lazy) {
  const splitting = { splitting: true, chunkNames: 'cli/[name]-[hash]' };
  return build({ ...command, ...splitting, entryPoints: lazy.entryPoints(), plugins: [lazy.plugin(true)] });
}

function write({ metafile, outputFiles }) {
  rmSync(`${DIST}/cli`, { recursive: true, force: true });
  const withSource = (source) =>
    basename(Object.entries(metafile.outputs).find(([, { inputs }]) => source in inputs)[0]);
  const main = withSource(ENTRY);
  const commandLine = withSource(COMMAND_LINE);
  /** Files of which nothing is left but that they name another. */
  const names = ['entry.js', 'parser-command-line.js'];
  /** Files of types alone. */
  const empty = outputFiles.filter(({ text }) => text.trim() === '').map(({ path }) => basename(path));
  const files = new Map();
  for (const { path, text: whole } of outputFiles) {
    const file = basename(path);
    if (names.includes(file) || empty.includes(file)) continue;
    const text = whole.replace(/import\s*"[./]*(?:cli\/)?([^"/]+)";?/g, (found, name) =>
      empty.includes(name) ? '' : found,
    );
    // The others ask start.js for what is in main.js, as it is start.js that Node has loaded.
    const linked = text
      .replaceAll(main, 'start.js')
      .replaceAll(commandLine, 'command-line.js')
      .replaceAll(names[1], 'command-line.js');
    if (file === main) files.set('cli/main.js', mainFile(LAZY_FILES + withLateExports(linked)));
    else if (file === commandLine)
      files.set('cli/command-line.main.js', mainFile(withLateExports(linked), COMMAND_LINE_FILES));
    else files.set(relative(DIST, path), path.includes(`/${DIST}/cli/`) ? lateFile(linked) : commonJs(linked));
  }
  const hash = createHash('sha256');
  for (const [path, content] of files) {
    writeOutput(path, content);
    hash.update(path).update(content);
  }
  const UDRV_BUILD = JSON.stringify(hash.digest('hex').slice(0, 16));
  writeStart('start', { UDRV_MAIN: '"main"', UDRV_BUILD });
  writeStart('command-line', { UDRV_MAIN: '"command-line.main"', UDRV_BUILD });
  writeStart('write-cache');
}

function writeOutput(path, content) {
  mkdirSync(dirname(join(DIST, path)), { recursive: true });
  writeFileSync(join(DIST, path), content);
}

const MAIN_FILES = /require\("(?:\.\.?\/)+(?:cli\/)?(?:start|command-line)\.js"\)(?!\.all)/g;

/** Makes CommonJS of a module of the bundle, which calls `all` of a main file for its exports. */
function commonJs(text) {
  // Those that are required where they are needed first: their `require` gets a short name.
  const late = text.replace(MAIN_FILES, '$&.all()');
  const { code } = transformSync(late, { ...shortened, format: 'cjs', platform: 'node' });
  return code.replace(MAIN_FILES, '$&.all()');
}

/**
 * Makes CommonJS of a module in dist/cli. Its exports are as short as can be, because there are hundreds of files, and
 * esbuild's own way begins each with half a kilobyte. Not for the library's entries, whose names Node has to find when
 * they are imported.
 */
function lateFile(text) {
  const { body, getters } = apart(text);
  const code = commonJs(getters === '' ? body : `module.exports = {${getters}}; ${body}`);
  // A function, which lazy-files.ts runs with what V8 kept of it, and its call, for Node.
  return code.includes('import(') ? code : `(function(exports,require,module,__dirname){${code}})${CALL}`;
}

const CALL = '(exports,require,module,__dirname)';

/** Gives a main file its exports by a function, `all`: they are hundreds, and a listing needs none of them but `run`. */
function withLateExports(text) {
  const { body, getters } = apart(text);
  // First of all, because it is asked for while the file still runs.
  const run = getters.includes('get run()') ? 'exports.run = run; ' : '';
  return `let all; exports.all = () => (all ??= {${getters}}); ${run}${body}`;
}

/** Parts the code of a module from its exports. */
function apart(text) {
  const [statement = '', names = ''] = /export\s*\{([^}]*)\};?\s*$/.exec(text) ?? [];
  const getters = names.replace(
    /([\w$]+)(?: as ([\w$]+))?/g,
    (_, own, name = own) => `get ${name}() { return ${own}; }`,
  );
  return { body: text.slice(0, text.length - statement.length), getters };
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

/** Returns the sources of the small chunks that many files use, without those that would load a chunk that is neither. */
function sharedByMany({ inputs, outputs }) {
  const users = new Map();
  for (const entry of Object.keys(outputs).filter((path) => outputs[path].entryPoint !== undefined))
    for (const path of importedBy(outputs, entry)) users.set(path, (users.get(path) ?? 0) + 1);
  const sourcesOf = (path) => Object.keys(outputs[path].inputs);
  const small = [...users]
    .filter(([path, count]) => count >= SHARED.users && outputs[path].bytes <= SHARED.bytes)
    .flatMap(([path]) => sourcesOf(path));
  const loaded = [...users.keys()].map(sourcesOf).filter((of) => of.includes(ENTRY) || of.includes(COMMAND_LINE));
  const found = new Set([...small, ...loaded.flat()]);
  const isAlone = (source) =>
    inputs[source].imports.every(({ path, kind }) => kind !== 'import-statement' || found.has(path));
  for (let before = -1; before !== found.size; ) {
    before = found.size;
    for (const source of small) if (!isAlone(source)) found.delete(source);
  }
  return small.filter((source) => found.has(source)).sort();
}

/** Returns the chunks that an output loads when it is loaded. */
function importedBy(outputs, entry, found = new Set()) {
  for (const { path, kind, external } of outputs[entry].imports) {
    if (external || kind !== 'import-statement' || found.has(path)) continue;
    found.add(path);
    importedBy(outputs, path, found);
  }
  return found;
}

/** Makes a function of CommonJS, for src/cli/start/start.ts to run. */
function mainFile(text, prelude = '') {
  return `(function(exports,require,module,caches){${prelude}${commonJs(text)}})`;
}

/** Writes a file that runs by itself. */
function writeStart(name, define = {}) {
  const source = name === 'write-cache' ? name : 'start';
  const entryPoints = [{ in: `src/cli/start/${source}.ts`, out: `cli/${name}` }];
  const external = ['./write-cache'];
  buildSync({ ...options, ...shortened, entryPoints, format: 'cjs', define, external, write: true });
}

void bundle();
