/** Prints the processor time of a run of the lab's tests by file: run-ts.cjs test/lab/costs.ts FILE, see cost.ts. */
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import type { Cost } from './cost';

const notes = readFileSync(process.argv[2] ?? '', 'utf8')
  .trim()
  .split('\n')
  .map((line) => JSON.parse(line) as Cost);
const sum = (some: readonly Cost[]) => some.reduce((total, { seconds }) => total + seconds, 0);
const cells = (some: readonly Cost[]) => [`${some.length}`, sum(some).toFixed(1)];

const header = ['file', 'boots', 's', 'in a warm process', 's', 'in their own', 's', 'guests, all in all, s'];
const rows = [...new Set(notes.map(({ test }) => test))].map((test) => {
  const mine = notes.filter((note) => note.test === test);
  const of = (what: Cost['what']) => mine.filter((note) => note.what === what);
  return [basename(test), ...cells(of('boot')), ...cells(of('warm')), ...cells(of('own')), sum(of('end')).toFixed(1)];
});
for (const row of [header, ...rows]) console.log(row.join('\t'));
console.log(`${sum(notes.filter(({ what }) => what === 'end')).toFixed(0)} s of processor time`);
