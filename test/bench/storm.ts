import { bootLab } from '../lab/lab';
import { isQuick, stormInLab, summary } from '../lab/storm';
import { storm } from '../support/storm';
import { wantedKernels } from './on-kernels';

/** Length of a run, and the seed, which the environment may choose: `UDRV_STORM=400,7`. */
const FROM_ENVIRONMENT = (process.env['UDRV_STORM'] ?? '').split(',').filter(Boolean).map(Number);
const [CASES = 400, SEED = 1] = FROM_ENVIRONMENT;
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

/** Signals of a run on each kernel, unless `UDRV_STORM=SIGNALS,SEED` says otherwise. */
const LAB_SIGNALS = 200;

/** Sends signals at random moments to commands on the kernels of the lab. */
export async function benchLabStorm(): Promise<boolean> {
  const [signals = LAB_SIGNALS, seed = Date.now() % 1e6] = FROM_ENVIRONMENT;
  const results: boolean[] = [];
  for (const kernel of wantedKernels()) {
    const lab = await bootLab({ kernel, processors: 1 });
    try {
      const result = await stormInLab(lab, signals, seed);
      console.log(`  ${kernel} kernel (${lab.release}), ${summary(result)}`);
      results.push(result.faults.length === 0 && isQuick(result));
    } finally {
      await lab.shutdown();
    }
  }
  return results.every(Boolean);
}
