import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Script } from 'node:vm';
import { cacheDirectory, readCache, writeCache } from './code-cache';

/** Put in by the build: tells one content of main.js from another. */
declare const UDRV_MAIN_HASH: string;

/**
 * Runs main.js, which build.config.cjs made: all that a listing needs, as one function of CommonJS. Compiling it takes
 * a third of the time that udrv adds to Node's own start. So what V8 made of it is kept: written when `udrv list` ends for
 * the first time, because then it has the functions that a listing calls, and used by every command from then on.
 *
 * Not by `module.enableCompileCache`: Node 20 lacks it, and it keeps no function that is compiled on its first call.
 */
function start(): void {
  const filename = join(__dirname, 'main.js');
  const directory = cacheDirectory(process.env);
  // A cache is for one V8, and for one kind of CPU, which V8 does not check.
  const name = `main-${UDRV_MAIN_HASH}-${process.version}-${process.arch}`;
  const cachedData = directory === null ? undefined : readCache(directory, name);
  const script = new Script(readFileSync(filename, 'utf8'), { filename, ...(cachedData && { cachedData }) });
  if (directory !== null && (cachedData === undefined || script.cachedDataRejected) && process.argv.includes('list'))
    process.once('exit', () => writeCache(directory, name, () => script.createCachedData()));
  script.runInThisContext()(exports, require, module);
}

start();
