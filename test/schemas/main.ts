/** `npm run schemas`: writes the schemas of the documents, or with `--check` fails where those in the repository are others. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { generateSchemas } from './generate';

const ROOT = join(__dirname, '../..');
const FILE = 'fixtures/schemas.json';

process.chdir(ROOT);
const now = generateSchemas();
const isSame = readFileSync(FILE, 'utf8') === now;
if (process.argv.includes('--check')) {
  if (!isSame) throw new Error(`${FILE} is not what the types say: npm run schemas`);
} else if (!isSame) writeFileSync(FILE, now);
console.log(isSame ? `${FILE} is as it should be` : `${FILE} was written anew`);
