import { readdirSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { findDevice } from '../../src/devices/select';
import { NO_NAMES } from '../../src/names/database';
import { Session } from '../../src/session/session';
import { simulatedMachine } from '../../src/sim';
import { quietest, verdict } from './measure';
import { compile, onKernels } from './on-kernels';

const DEVICE = '0000:00:03.0';
const STEPS = 1_000_000;
/** A growth of less is the collector's doing: a step that kept 16 bytes would make 16 MB of a million. */
const GROWTH_MB = 4;
const ROUNDS = 9;

/**
 * The cost of a session: memory and descriptors over a million steps on the simulated machine, and in the lab a step
 * beside the library's call, and the library's load of a register beside that of a C program.
 */
export async function benchSession(): Promise<boolean> {
  const held = await benchGrowth();
  return (await onKernels(async (run, kernel) => [await benchSteps(run), await benchLoads(run, kernel)])) && held;
}

/** Runs steps of all kinds, in one call and in many: each has something to give back. */
async function benchGrowth(): Promise<boolean> {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  const { sys } = simulatedMachine();
  const device = findDevice(sys, NO_NAMES, DEVICE);
  if (device.framework !== 'vfio') throw new Error(`${DEVICE} is not bound to a VFIO driver`);
  using session = Session.open(sys, device);
  const round = 'buf A 4K; fill A 1; write bar0:0x80/8 A; read bar0:0x80/8; irq msi on; irq msi off; unmap A; free A';
  const each = round.split(';').length;
  const block = async (count: number): Promise<void> => {
    await session.do(`repeat ${count / 2 / each} { ${round} }`);
    for (let i = 0; i < count / 2 / each; i++) await session.do(round);
  };
  const sizes: number[] = [];
  for (let done = 0; done < STEPS; done += STEPS / 10) {
    await block(STEPS / 10);
    collect();
    sizes.push(process.memoryUsage().heapUsed / 1e6);
  }
  const descriptors = readdirSync('/proc/self/fd').length;
  await block(STEPS / 10);
  const growth = (sizes.at(-1) ?? 0) - (sizes[1] ?? 0);
  console.log(`  heap after each ${STEPS / 10} steps: ${sizes.map((size) => size.toFixed(1)).join(' ')} MB`);
  return [
    verdict(`growth of the heap over ${STEPS} steps`, growth, GROWTH_MB, ' MB'),
    verdict('descriptors that stay open', readdirSync('/proc/self/fd').length - descriptors, 0, ''),
  ].every(Boolean);
}

/** A read of a register as a step and as the library's call, in turns in one process. */
const STEP = `
  const { findDevice, LinuxSys, NameDatabase, Session } = require('./dist/index.js');
  const sys = new LinuxSys();
  const session = Session.open(sys, findDevice(sys, new NameDatabase(sys), '${DEVICE}'));
  const registers = session.device.region('bar0');
  const COUNT = 20000;
  const best = { call: Infinity, step: Infinity };
  (async () => {
    for (let round = 0; round < ${ROUNDS}; round++) {
      let start = performance.now();
      for (let i = 0; i < COUNT; i++) if (registers.read(4, 4) < 0) throw i;
      best.call = Math.min(best.call, performance.now() - start);
      start = performance.now();
      await session.do('repeat ' + COUNT + ' { read bar0:0x4 }');
      best.step = Math.min(best.step, performance.now() - start);
    }
    session.close();
    console.log(JSON.stringify({ call: best.call / COUNT * 1000, step: best.step / COUNT * 1000 }));
  })();
`;

async function benchSteps(run: (command: readonly string[]) => Promise<string>): Promise<boolean> {
  const { call, step } = JSON.parse(await run(['taskset', '-c', '0', 'node', '-e', STEP])) as Record<string, number>;
  console.log(`  a register read: ${step?.toFixed(2)} us as a step, ${call?.toFixed(2)} us as a call`);
  return verdict("a session's step over the library's call", (step ?? 0) / (call ?? 0), 1.5, ' times');
}

/** The load of a register by mmap, in the loop that a driver has. */
const LOAD = `
  const { findDevice, LinuxSys, NameDatabase, VfioDevice } = require('./dist/index.js');
  const sys = new LinuxSys();
  const info = findDevice(sys, new NameDatabase(sys), '${DEVICE}');
  const device = VfioDevice.open(sys, info, { backend: 'group', mmap: true });
  const load = device.region('bar0').reader(4, 4);
  const times = [];
  for (let round = 0; round < 40; round++) {
    const start = performance.now();
    let sum = 0;
    for (let i = 0; i < 10000; i++) sum += load();
    times.push((performance.now() - start) / 10);
    if (sum === 1) throw sum;
  }
  device.close();
  console.log(times.sort((a, b) => a - b)[20]);
`;

async function benchLoads(run: (command: readonly string[]) => Promise<string>, kernel: string): Promise<boolean> {
  const program = compile('vfio-bench');
  const group = (await run(['readlink', `/sys/bus/pci/devices/${DEVICE}/iommu_group`])).trim().replace(/.*\//, '');
  const c: number[] = [];
  const udrv: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    c.push(Number(await run(['taskset', '-c', '0', program, DEVICE, `/dev/vfio/${group}`, 'load', '40'])));
    udrv.push(Number(await run(['taskset', '-c', '0', 'node', '-e', LOAD])));
  }
  const shown = (values: number[]) => values.map((value) => value.toFixed(2)).join(' ');
  console.log(`  a register by mmap on the ${kernel} kernel, us: udrv ${shown(udrv)}, C ${shown(c)}`);
  return verdict('a register by mmap, over that of C', quietest(udrv) / quietest(c), 2, ' times');
}
