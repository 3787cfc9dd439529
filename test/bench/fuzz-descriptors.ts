import { checkInput } from '../support/descriptor-check';
import { inputOf } from '../support/descriptor-inputs';
import { verdict } from './measure';

const MOST_MEGABYTES = 512;

/** No input may take longer: a loop without end would. */
const MOST_MS = 2000;

/**
 * Descriptors, mutated and made up, through all that udrv does with them: `npm run bench -- fuzz`, or, with a count
 * and the number of the first input, `node test/run-ts.cjs test/bench/fuzz-descriptors.ts 1000000 0`.
 */
export function benchFuzz(count = 1_000_000, first = 0): boolean {
  const start = performance.now();
  let [peak, slowest, longest] = [0, 0, 0];
  for (let number = first; number < first + count; number++) {
    const begin = performance.now();
    try {
      longest = Math.max(longest, checkInput(inputOf(number)));
    } catch (error) {
      console.error(`  input ${number}: ${inputOf(number).toString('hex')}`);
      throw error;
    }
    slowest = Math.max(slowest, performance.now() - begin);
    if (number % 10_000 === 0) peak = Math.max(peak, process.memoryUsage().rss);
  }
  const seconds = (performance.now() - start) / 1000;
  console.log(
    `  ${count} inputs in ${seconds.toFixed(0)} s, ${(count / seconds).toFixed(0)}/s, longest text ${longest} characters`,
  );
  return [
    verdict('peak memory', peak / 2 ** 20, MOST_MEGABYTES, ' MiB'),
    verdict('slowest input', slowest, MOST_MS, ' ms'),
  ].every(Boolean);
}

if (process.argv[1]?.endsWith('fuzz-descriptors.ts')) {
  const [count, first] = process.argv.slice(2).map(Number);
  if (!benchFuzz(count, first)) process.exitCode = 1;
}
