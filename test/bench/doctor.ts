import { faults, isRight } from '../unit/doctor/faults';
import { quietest, verdict, wall } from './measure';

/** The most that `udrv doctor` may take beside an empty Node, in milliseconds. */
const BOUND = 50;

/** The least share of faults whose cause is named first, with the mend that is right. */
const LEAST = 0.95;

const ROUNDS = 21;

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
  // The first list leaves the code cache that every command uses.
  wall([process.execPath, 'bin/udrv', '--snapshot', 'fixtures/small.snapshot', 'list']);
  const times: number[][] = commands.map(() => []);
  // In turns, so that a drift of the machine meets all of them.
  for (let run = 0; run < ROUNDS; run++) for (const [i, command] of commands.entries()) times[i]?.push(wall(command));
  const [empty = 0, ...diagnoses] = times.map(quietest);
  return (
    verdict('udrv doctor on the small fixture beyond node -e 0', Math.max(...diagnoses) - empty, BOUND, ' ms') && isGood
  );
}
