import { faults, isRight } from '../unit/doctor/faults';
import { interleaved, verdict } from './measure';

/** The most that `udrv doctor` may take beside an empty Node, in milliseconds. */
const BOUND = 50;

/** The least share of faults whose cause is named first, with the mend that is right. */
const LEAST = 0.95;

/** Prints how many of the injected faults are diagnosed rightly, and what a diagnosis costs on the small fixture. */
export function benchDoctor(): boolean {
  const wrong = faults.filter((fault) => !isRight(fault));
  const right = faults.length - wrong.length;
  for (const { family, name } of wrong) console.log(`  wrong: ${family}: ${name}`);
  const share = (100 * right) / faults.length;
  const isGood = right >= LEAST * faults.length;
  console.log(
    `  ${isGood ? 'ok  ' : 'MISS'} ${right} of ${faults.length} faults: the right cause first, with what mends it (${share.toFixed(0)} %, at least ${100 * LEAST} %)`,
  );
  const doctor = (device: string) => [
    process.execPath,
    'bin/udrv',
    '--snapshot',
    'fixtures/small.snapshot',
    'doctor',
    device,
  ];
  const commands = [[process.execPath, '-e', '0'], doctor('0000:00:03.0'), doctor('uio0'), doctor('1-2')];
  interleaved(commands, 1);
  const [empty = 0, ...times] = interleaved(commands, 21);
  return (
    verdict('udrv doctor on the small fixture beyond node -e 0', Math.max(...times) - empty, BOUND, ' ms') && isGood
  );
}
