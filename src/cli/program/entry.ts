import { main } from './main';

// For build.config.cjs, which has main.js begin with it.
export { lazyFiles } from '../start/lazy-files';

/** Runs the command line of this process, and ends it. Throws nothing. */
export function run(): void {
  // A long list meets thousands of errors, for attributes that a machine does not have: a stack for each takes time.
  if (process.env['UDRV_DEBUG'] !== '1') Error.stackTraceLimit = 0;
  // All output is written by now. The event loop, left to end by itself, would take down V8's heap piece by piece first.
  void main(process.argv.slice(2), process.env).then((code) => process.exit(code));
}
