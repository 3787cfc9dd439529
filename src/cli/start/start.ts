import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Script } from 'node:vm';
import { cacheDirectory, readCache, writeCache } from './code-cache';

/** Put in by the build: the name of the main file, and what tells one content of it from another. */
declare const UDRV_MAIN: string;
declare const UDRV_MAIN_HASH: string;

/**
 * Runs a main file, which build.config.cjs made, one function of CommonJS: main.js is all that a plain listing needs, and
 * command-line.main.js what all other commands need beside it. Compiling them takes a third of the time that udrv adds to
 * Node's own start. So what V8 made of them is kept: of main.js when a listing ends for the first time, because then it
 * has the functions that a listing calls, of the other when any command ends.
 *
 * Not by `module.enableCompileCache`: Node 20 lacks it, and it keeps no function that is compiled on its first call.
 */
function start(): void {
  const filename = join(__dirname, `${UDRV_MAIN}.js`);
  const directory = cacheDirectory(process.env);
  // A cache is for one V8, and for one kind of CPU, which V8 does not check.
  const name = `${UDRV_MAIN}-${UDRV_MAIN_HASH}-${process.version}-${process.arch}`;
  const cachedData = directory === null ? undefined : readCache(directory, name);
  const script = new Script(readFileSync(filename, 'utf8'), { filename, ...(cachedData && { cachedData }) });
  const isMissing = directory !== null && (cachedData === undefined || script.cachedDataRejected);
  if (isMissing && (UDRV_MAIN !== 'main' || process.argv.includes('list')))
    process.once('exit', () => writeCache(directory, name, () => script.createCachedData()));
  script.runInThisContext()(exports, require, module);
}

start();
