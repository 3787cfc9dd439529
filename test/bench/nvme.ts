import { quietest, verdict } from './measure';
import { compile, onKernels, type Run } from './on-kernels';

const DEVICE = '0000:01:00.0';
const DEPTHS = [1, 32];
/** Long enough that V8's compiled code is what the figures show. */
const SECONDS = 2;
/** Rounds of each program, of which the best counts. */
const ROUNDS = 11;
const STEADY_SECONDS = 10;

interface Reads {
  iops: number;
  p50: number;
  p99: number;
}

const OPEN = `
  const { findDevice, LinuxSys, NameDatabase, VfioDevice } = require('./dist/index.js');
  const { Nvme } = require('./dist/drivers/nvme.js');
  const withDisk = async (work) => {
    const sys = new LinuxSys();
    const info = findDevice(sys, new NameDatabase(sys), '${DEVICE}');
    const device = VfioDevice.open(sys, info, { backend: 'group', mmap: true });
    try {
      const disk = await Nvme.open(device, { depth: 64, interrupts: false });
      try {
        await work(disk, await disk.namespace());
      } finally {
        await disk.close();
      }
    } finally {
      device.close();
    }
  };
`;

/** The example's own loop. */
const READS = `${OPEN}
  withDisk(async (disk, { blocks, blockSize }) => {
    const { measure } = await import('./fixtures/examples/nvme.mjs');
    const signal = { aborted: false };
    for (const depth of ${JSON.stringify(DEPTHS)}) {
      const { iops, p50, p99 } = await measure(disk, { depth, blocks, blockSize, seconds: ${SECONDS}, signal });
      console.log(iops, p50, p99);
    }
  });
`;

/**
 * Reads at queue depth 32 between two collections that are asked for, once V8 has compiled the loop. Without latencies:
 * each reading of Node's clock is an object of 16 bytes, which is not the driver's.
 */
const STEADY = `${OPEN}
  withDisk(async (disk, { blocks, blockSize }) => {
    const [queue] = disk.queues;
    const iova = Number(disk.allocate(4096).iova);
    const count = 4096 / blockSize;
    const reads = (seconds) => {
      const end = performance.now() + seconds * 1000;
      let block = 0;
      let done = 0;
      const onCompletion = (command, status) => {
        if (status !== 0) throw new Error('a read failed');
        done++;
      };
      for (let turn = 0; turn % 4096 !== 0 || performance.now() < end; turn++) {
        while (queue.pending < 32) {
          queue.read(1, block, count, iova, 4096);
          block = (block + 7919 * count) % (blocks - count);
        }
        queue.ring();
        queue.reap(onCompletion);
      }
      return done;
    };
    for (let round = 0; round < 5; round++) reads(1);
    gc();
    const done = reads(${STEADY_SECONDS});
    gc();
    console.log(JSON.stringify({ done }));
  });
`;

/** 4 KiB reads against a C program in the same guest, in turns, and the collections that the driver causes. */
export async function benchNvme(): Promise<boolean> {
  const program = compile('nvme');
  return onKernels(async (run) => {
    await run(['udrv', 'bind', DEVICE, 'vfio-pci']);
    const group = (await run(['readlink', `/sys/bus/pci/devices/${DEVICE}/iommu_group`])).trim().replace(/.*\//, '');
    const c: Reads[][] = [];
    const udrv: Reads[][] = [];
    for (let round = 0; round < ROUNDS; round++) {
      c.push(parsed(await run([program, DEVICE, `/dev/vfio/${group}`, String(SECONDS), ...DEPTHS.map(String)])));
      udrv.push(parsed(await run(['node', '-e', READS])));
    }
    const results = DEPTHS.flatMap((depth, i) => compare(depth, column(udrv, i), column(c, i)));
    results.push(await benchSteady(run));
    return results;
  });
}

function parsed(output: string): Reads[] {
  return output
    .trim()
    .split('\n')
    .map((line) => {
      const [iops = Number.NaN, p50 = Number.NaN, p99 = Number.NaN] = line.split(' ').map(Number);
      return { iops, p50, p99 };
    });
}

const column = (rounds: readonly Reads[][], i: number) => rounds.map((round) => round[i] as Reads);

/** Only depth 32 has bounds: at depth 1 what QEMU takes for a read is nearly all there is. */
function compare(depth: number, udrv: readonly Reads[], c: readonly Reads[]): boolean[] {
  const best = (reads: readonly Reads[]): Reads => ({
    iops: Math.max(...reads.map(({ iops }) => iops)),
    p50: quietest(reads.map(({ p50 }) => p50)),
    p99: quietest(reads.map(({ p99 }) => p99)),
  });
  const shown = (reads: readonly Reads[]) =>
    reads.map(({ iops, p50, p99 }) => `${iops.toFixed(0)}/${p50.toFixed(0)}/${p99.toFixed(0)}`).join(' ');
  console.log(`  depth ${depth}, reads a second/p50/p99 in us of each round: udrv ${shown(udrv)}, C ${shown(c)}`);
  const [ours, theirs] = [best(udrv), best(c)];
  const what = `NVMe 4 KiB reads at depth ${depth}`;
  if (depth === 1) {
    const [reads, p99] = [ours.iops / theirs.iops, ours.p99 / theirs.p99];
    console.log(`       ${what}: ${reads.toFixed(2)} of C's, p99 ${p99.toFixed(2)} times (not judged)`);
    return [];
  }
  return [
    verdict(`${what}, C's over udrv's`, theirs.iops / ours.iops, 1 / 0.8, ' times'),
    verdict(`${what}, p99 over that of C`, ours.p99 / theirs.p99, 1.5, ' times'),
  ];
}

async function benchSteady(run: Run): Promise<boolean> {
  const lines = (await run(['node', '--trace-gc', '--expose-gc', '-e', STEADY])).split('\n');
  const asked = lines.flatMap((line, i) => (/testing|requested/.test(line) ? [i] : []));
  const [begin, end] = asked.slice(-2);
  const result = lines.find((line) => line.startsWith('{"done"'));
  if (begin === undefined || end === undefined || result === undefined) throw new Error(lines.join('\n'));
  const collections = lines.slice(begin + 1, end).filter((line) => / ms: /.test(line)).length;
  const { done } = JSON.parse(result) as { done: number };
  return verdict(`collections in ${STEADY_SECONDS} s and ${done} reads`, collections, 0, '');
}
