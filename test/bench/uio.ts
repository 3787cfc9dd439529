import { quietest, verdict } from './measure';
import { compile, onKernels } from './on-kernels';

/** Enough that V8's compiled code is what the median shows. */
const COUNT = 20_000;
const ROUNDS = 5;
const FUNCTION = '/sys/bus/pci/devices/0000:00:04.0';

/**
 * Trigger to wake-up on a real kernel, against a C program in the same boot; in turns, so that a drift meets both. On
 * the processor that takes the interrupt, where nobody has to be woken elsewhere, and on the other, where that is most
 * of the time: left to the scheduler, chance would decide which of the two is measured.
 */
export async function benchUio(): Promise<boolean> {
  const program = compile('uio-latency');
  return onKernels(async (run) => {
    const irq = (await run(`cat ${FUNCTION}/irq`)).trim();
    const mask = Number.parseInt(await run(`cat /proc/irq/${irq}/effective_affinity`), 16);
    const taking = Math.log2(mask & -mask);
    const results: boolean[] = [];
    for (const [where, cpu] of [
      ['on the CPU that takes the interrupt', taking],
      ['on another', 1 - taking],
    ] as const) {
      const ours: number[] = [];
      const theirs: number[] = [];
      for (let round = 0; round < ROUNDS; round++) {
        theirs.push(Number(await run(`taskset -c ${cpu} ${program} /dev/uio0 ${FUNCTION}/config ${COUNT}`)));
        const json = await run(
          `taskset -c ${cpu} udrv --json uio bench uio0 --trigger map0:0x60=1 --ack map0:0x64=map0:0x24 -c ${COUNT}`,
        );
        ours.push(JSON.parse(json).latencyUs.p50);
      }
      console.log(`  ${where}, p50 of each round: udrv ${ours.join(' ')} us, C ${theirs.join(' ')} us`);
      const ratio = quietest(ours) / quietest(theirs);
      results.push(verdict(`UIO trigger to wake-up ${where}, p50 over that of C`, ratio, 1.5, ' times'));
    }
    return results;
  });
}
