import { main } from './main';

// Attributes that a machine does not have are met as errors, thousands of them in a long list: a stack each is time lost.
if (process.env['UDRV_DEBUG'] !== '1') Error.stackTraceLimit = 0;

// All output is written by now. Not left to the event loop, which would take V8's heap down piece by piece first.
void main(process.argv.slice(2), process.env).then((code) => process.exit(code));

// With nothing exported esbuild would take this for CommonJS, and put a function around each module that it imports.
export {};
