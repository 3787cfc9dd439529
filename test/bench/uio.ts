import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { bootLab } from '../lab/lab';
import { median, verdict } from './measure';

/** Enough that V8's compiled code is what the median shows. */
const COUNT = 20_000;
const ROUNDS = 7;
const C_PROGRAM = 'node_modules/.cache/udrv/uio-latency';

/** Trigger to wake-up on a real kernel, against a C program in the same boot; in turns, so that a drift meets both. */
export async function benchUio(): Promise<boolean> {
  mkdirSync('node_modules/.cache/udrv', { recursive: true });
  execFileSync('gcc', ['-O2', '-Wall', '-Werror', '-o', C_PROGRAM, 'test/bench/uio-latency.c']);
  const lab = await bootLab({ kernel: 'built' });
  const run = async (command: string) => {
    const { code, stdout, stderr } = await lab.run(command);
    if (code !== 0) throw new Error(`${command}: exit ${code}\n${stderr}`);
    return stdout;
  };
  try {
    const ours: number[] = [];
    const theirs: number[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      theirs.push(Number(await run(`${C_PROGRAM} /dev/uio0 /sys/bus/pci/devices/0000:00:04.0/config ${COUNT}`)));
      const json = await run(`udrv --json uio bench uio0 --trigger map0:0x60=1 --ack map0:0x64=map0:0x24 -c ${COUNT}`);
      ours.push(JSON.parse(json).latencyUs.p50);
    }
    console.log(`  p50 of each round: udrv ${ours.join(' ')} us, C ${theirs.join(' ')} us`);
    return verdict('UIO trigger to wake-up, p50 over that of C', median(ours) / median(theirs), 1.5, ' times');
  } finally {
    await lab.shutdown();
  }
}
