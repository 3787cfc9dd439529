// esbuild as jest's transform: the tool that builds the bundle also compiles the tests.
const { createHash } = require('node:crypto');
const { transformSync } = require('esbuild');

module.exports = {
  canInstrument: false,
  process: (source, file) => {
    const { code, map } = transformSync(source, {
      loader: file.endsWith('.ts') ? 'ts' : 'js',
      format: 'cjs',
      target: 'node20',
      sourcefile: file,
      sourcemap: 'both',
    });
    return { code, map };
  },
  getCacheKey: (source, file) => createHash('sha256').update(source).update(file).digest('hex'),
};
