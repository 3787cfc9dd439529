import { execFileSync } from 'node:child_process';
import { quietest, verdict } from './measure';
import { compile, onKernels } from './on-kernels';

const QUEUES = [1, 4, 16];
/** Long enough for the compiler to have done its work, as in a stream that matters. */
const SECONDS = 4;
/**
 * The rounds of each program, of which the best counts: where a process's buffers happen to lie badly in memory, the
 * kernel's copying takes up to twice as long for as long as it runs.
 */
const ROUNDS = 9;
const SIZE = 512 * 1024;
const CONTROLS = 4000;

/**
 * Bulk throughput and control round trips on gadget zero, against a C program with libusb in the same boot; in turns,
 * so that a drift meets both. That program has its buffers from malloc(), as such programs do; with memory that usbfs lends,
 * as udrv has it, it is measured besides. Needs libusb's headers (libusb-1.0-0-dev).
 */
export async function benchUsb(): Promise<boolean> {
  const flags = execFileSync('pkg-config', ['--cflags', '--libs', 'libusb-1.0'], { encoding: 'utf8' });
  const program = compile('usb-libusb', flags.trim().split(/\s+/));
  return onKernels(async (run) => {
    const node = (await run("cd /sys/bus/usb/devices/3-1 && cat busnum devnum | tr '\\n' ' '")).trim();
    const bench = async (endpoint: string, options: string) =>
      JSON.parse(await run(`udrv --json usb bench 3-1 ${endpoint} ${options}`)).runs[0];
    const results: boolean[] = [];
    const libusb = async (memory: 'bulk' | 'lent', queue: number) =>
      Number(await run(`${program} ${node} ${memory} 0x81 ${SIZE} ${queue} ${SECONDS}`)) / 2 ** 20;
    for (const queue of QUEUES) {
      const [ours, theirs, lent]: [number[], number[], number[]] = [[], [], []];
      for (let round = 0; round < ROUNDS; round++) {
        theirs.push(await libusb('bulk', queue));
        const { bytesPerSecond } = await bench('0x81', `--size ${SIZE} --queue ${queue} --seconds ${SECONDS}`);
        ours.push(bytesPerSecond / 2 ** 20);
        lent.push(await libusb('lent', queue));
      }
      const shown = `udrv ${rounded(ours)}, libusb ${rounded(theirs)}, with lent memory ${rounded(lent)}`;
      console.log(`  ${queue} in flight, MiB/s of each round: ${shown}`);
      const over = (values: number[]) => Math.max(...values) / Math.max(...ours);
      const what = `bulk throughput of libusb over udrv's, ${queue} in flight`;
      results.push(verdict(what, over(theirs), 1 / 0.95, ' times'));
      console.log(`       the same with libusb_dev_mem_alloc(): ${over(lent).toFixed(2)} times (not judged)`);
    }
    const [ours, theirs]: [number[], number[]] = [[], []];
    for (let round = 0; round < ROUNDS; round++) {
      theirs.push(Number(await run(`${program} ${node} control ${CONTROLS}`)));
      ours.push((await bench('0', '--seconds 3')).latencyUs.p50);
    }
    console.log(`  control p50 of each round: udrv ${rounded(ours)} us, libusb ${rounded(theirs)} us`);
    const ratio = quietest(ours) / quietest(theirs);
    results.push(verdict('control round trip, p50 over that of libusb', ratio, 1.3, ' times'));
    return results;
  });
}

const rounded = (values: readonly number[]) => values.map((value) => value.toFixed(1)).join(' ');
