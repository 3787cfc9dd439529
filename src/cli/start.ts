import { readFileSync } from 'node:fs';
import { wrap } from 'node:module';
import { Script } from 'node:vm';

/**
 * Runs the bundle with the code that V8 made of it at build time, which saves a third of the start-up. Where that was
 * another version of Node, V8 refuses the cache and compiles as it would without.
 */
const filename = `${__dirname}/cli.cjs`;
// esbuild writes ASCII alone.
const script = new Script(wrap(readFileSync(filename, 'latin1')), { filename, cachedData: readCache() });
script.runInThisContext()(exports, require, module, filename, __dirname);

function readCache(): Buffer | undefined {
  try {
    return readFileSync(`${__dirname}/cli.cache`);
  } catch {
    return undefined;
  }
}
