import { storm } from '../support/storm';

/** Cases of a run, and the seed, which the environment may choose: `UDRV_STORM=400,7`. */
const [CASES = 400, SEED = 1] = (process.env['UDRV_STORM'] ?? '').split(',').filter(Boolean).map(Number);
/** The longest time from a signal to the end. */
const MOST_MS = 1000;

/** Sends signals at random moments to each command that opens a device or changes something, on the simulated machine. */
export async function benchStorm(): Promise<boolean> {
  const { cases, signals, exits, slowestMs, slowest, faults } = await storm(SEED, CASES);
  console.log(`  seed ${SEED}: ${cases} cases, ${signals} signals; slowest end ${slowestMs} ms (${slowest})`);
  console.log(
    `  exits: ${Object.entries(exits)
      .map(([exit, count]) => `${exit}: ${count}`)
      .join(', ')}`,
  );
  for (const fault of faults) console.log(`  FAULT ${fault}`);
  return faults.length === 0 && slowestMs <= MOST_MS;
}
