/** The conformance suite as one file of JavaScript: jest, in the guest, takes longer than all that it would run there. */
import { readdirSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { buildSync } from 'esbuild';
import { CHECKOUT } from './prepared';

/** A test that has ended, as the suite prints it. */
export interface Ended {
  readonly name: string;
  readonly status: string;
  readonly errors: readonly string[];
}

/** In the checkout, from which the suite gets koffi. */
const SUITE = 'node_modules/.cache/udrv/conformance.cjs';

/**
 * Makes the suite.
 *
 * @returns its path from the checkout; run with node, it prints a JSON list of {@link Ended}
 */
export function makeSuite(): string {
  const tests = readdirSync(join(CHECKOUT, 'test/conformance')).filter((name) => name.endsWith('.test.ts'));
  const unfinished = join(CHECKOUT, `${SUITE}.${process.pid}`);
  buildSync({
    stdin: {
      contents: [
        "import { runAll } from './lab/suite-runner';",
        `void runAll([${tests.map((name) => `() => require('./conformance/${name}')`).join(', ')}]);`,
      ].join('\n'),
      resolveDir: join(CHECKOUT, 'test'),
    },
    outfile: unfinished,
    bundle: true,
    platform: 'node',
    format: 'cjs',
    target: 'node20',
    // jest's parts have places that would load the transforms of tests, which these do not need.
    external: ['koffi', 'esbuild', '@jest/transform'],
    logLevel: 'error',
  });
  renameSync(unfinished, join(CHECKOUT, SUITE)); // whole, for another run that starts now
  return SUITE;
}
