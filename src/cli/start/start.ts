import { closeSync, constants, fstatSync, openSync, readFileSync, readSync } from 'node:fs';
import { Script } from 'node:vm';
import type { CodeCaches } from './lazy-files';
import { SEAL, STRIDE } from './seal';

/** Put in by the build: the name of the main file, and what tells one build from another. */
declare const UDRV_MAIN: string;
declare const UDRV_BUILD: string;

const { O_DIRECTORY, O_NOFOLLOW, O_NONBLOCK } = constants;

/** Far more than V8 makes of a main file, which is some 200 KiB. */
const MAX_SIZE = 8 * 1024 * 1024;

/** Loaded where the command is no plain listing. */
const PARSER = `${__dirname}/command-line.js`;

const OTHERS_WRITE = 0o022;
const OTHERS_ANY = 0o077;

/**
 * Runs a main file, which build.config.cjs made, one function of CommonJS: main.js is all that a plain listing needs, and
 * command-line.main.js what all other commands need beside it. Compiling them takes a third of the time that udrv adds to
 * Node's own start. So what V8 made of them is kept: of main.js when a plain listing ends for the first time, because then
 * it has the functions that a listing calls and no more, of the other when any command ends.
 *
 * Not by `module.enableCompileCache`: Node 20 lacks it, and it keeps no function that is compiled on its first call.
 *
 * Nothing here is in a cache: each function would be compiled at each start. That is why they are so few.
 */
(() => {
  const filename = `${__dirname}/${UDRV_MAIN}.js`;
  const caches = codeCaches();
  const cachedData = caches?.read(UDRV_MAIN);
  const script = new Script(readFileSync(filename, 'utf8'), { filename, ...(cachedData && { cachedData }) });
  script.runInThisContext()(exports, require, module, caches);
  if (caches === null) return;
  const isMissing = cachedData === undefined || script.cachedDataRejected;
  const keep = () => caches.write(UDRV_MAIN, () => script.createCachedData());
  if (UDRV_MAIN !== 'main') {
    if (isMissing) process.once('exit', keep);
    return;
  }
  const { run } = exports;
  exports.run = () => {
    caches.isCommand = true;
    if (isMissing)
      process.once('exit', () => {
        if (process.argv.includes('list') && require.cache[PARSER] === undefined) keep();
      });
    run();
  };
})();

function codeCaches(): CodeCaches | null {
  const directory = cacheDirectory(process.env);
  if (directory === null) return null;
  // A cache is for one V8, and for one kind of CPU, which V8 does not check.
  const suffix = `-${UDRV_BUILD}-${process.version}-${process.arch}`;
  return {
    isCommand: false,
    read: (name) => readCache(directory, name + suffix),
    write: (name, make) =>
      (require('./write-cache') as typeof import('./write-cache')).writeCache(directory, name + suffix, make),
  };
}

/**
 * Returns the directory for code caches, null where there is none to be had: no home, or the user does not want one.
 * A path that is not absolute is none: XDG Base Directory Specification. Nothing is checked or made yet.
 */
function cacheDirectory(env: NodeJS.ProcessEnv): string | null {
  if (env['NODE_DISABLE_COMPILE_CACHE']) return null;
  if (env['NODE_COMPILE_CACHE']?.startsWith('/')) return `${env['NODE_COMPILE_CACHE']}/udrv`;
  if (env['XDG_CACHE_HOME']?.startsWith('/')) return `${env['XDG_CACHE_HOME']}/udrv`;
  return env['HOME']?.startsWith('/') ? `${env['HOME']}/.cache/udrv` : null;
}

/**
 * Reads a code cache that nobody but this user can have written; undefined for any other, and for one that is damaged.
 * V8 runs what it is given: it checks version, flags and length of a cache, and neither origin nor content.
 */
function readCache(directory: string, name: string): Uint8Array | undefined {
  let inside: number | undefined;
  let fd: number | undefined;
  try {
    const user = process.geteuid?.();
    // A descriptor stays the directory's own if the name is given to another.
    inside = openSync(directory, O_DIRECTORY | O_NOFOLLOW);
    const outer = fstatSync(inside);
    if (outer.uid !== user || (outer.mode & OTHERS_ANY) !== 0) return undefined;
    fd = openSync(`/proc/self/fd/${inside}/${name}`, O_NOFOLLOW | O_NONBLOCK);
    const { size, uid, mode, nlink } = fstatSync(fd);
    const isOurs = uid === user && (mode & OTHERS_WRITE) === 0 && nlink === 1;
    if ((mode & constants.S_IFMT) !== constants.S_IFREG || !isOurs || size > MAX_SIZE) return undefined;
    const content = new Uint8Array(size);
    if (readSync(fd, content, 0, size, 0) !== size) return undefined;
    const words = new Int32Array(content.buffer, 0, size >> 2);
    let sum = size;
    for (let i = SEAL; i < words.length; i += STRIDE) sum = (Math.imul(sum, 31) + (words[i] ?? 0)) | 0;
    return words[0] === sum ? content.subarray(4 * SEAL) : undefined;
  } catch {
    // A cache is never worth a failure.
    return undefined;
  } finally {
    if (fd !== undefined) closeSync(fd);
    if (inside !== undefined) closeSync(inside);
  }
}
