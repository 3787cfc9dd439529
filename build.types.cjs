// Removes from dist the types that no entry of package.json leads to: tsc makes them of every file.
const { existsSync, readdirSync, readFileSync, rmSync } = require('node:fs');
const { dirname, join, resolve } = require('node:path');
const { exports: packageExports } = require('./package.json');

const DIST = join(__dirname, 'dist');

/** What a file of types names: in `import ... from`, `export ... from` and the type `import('./x')`. */
const NAMED = /(?:\bfrom|\bimport\()\s*['"](\.{1,2}(?:\/[^'"]*)?)['"]/g;

const reached = new Set();

function reach(file) {
  if (reached.has(file)) return;
  reached.add(file);
  for (const [, named] of readFileSync(file, 'utf8').matchAll(NAMED)) {
    const path = resolve(dirname(file), named.replace(/\.js$/, ''));
    const found = [`${path}.d.ts`, join(path, 'index.d.ts')].find(existsSync);
    if (found === undefined) throw new Error(`build.types.cjs: ${file} names ${named}, which has no types`);
    reach(found);
  }
}

for (const { types } of Object.values(packageExports)) if (types !== undefined) reach(join(__dirname, types));

for (const path of readdirSync(DIST, { recursive: true }))
  if (path.endsWith('.d.ts') && !reached.has(join(DIST, path))) rmSync(join(DIST, path));
