import { quietest, verdict } from './measure';
import { compile, onKernels } from './on-kernels';

const DEVICE = '0000:00:03.0';
/** The rounds of each program, of which the best counts: on some hosts, every other process takes twice as long. */
const ROUNDS = 9;
/** Enough that V8's compiled code is what the median shows. */
const INTERRUPTS = 20_000;
const MAPPINGS = 20_000;
/** Dumps in one process, of which the median counts. */
const DUMPS = 21;

/** A dump as the command makes it, without the command's start: that of C has none either. */
const DUMP = `
  const { findDevice, LinuxSys, NameDatabase, VfioDevice } = require('./dist/index.js');
  const sys = new LinuxSys();
  const device = VfioDevice.open(sys, findDevice(sys, new NameDatabase(sys), '${DEVICE}'), { backend: 'group' });
  const times = [];
  for (let i = 0; i < ${DUMPS}; i++) {
    const start = performance.now();
    for (const word of device.region('bar0').words({ offset: 0, length: 0x10000 }, 4)) if (word < 0) throw word;
    times.push(performance.now() - start);
  }
  device.close();
  console.log(times.sort((a, b) => a - b)[${Math.floor(DUMPS / 2)}]);
`;

/** Against a C program in the same boot; in turns, so that a drift of the machine meets both. */
export async function benchVfio(): Promise<boolean> {
  const program = compile('vfio-bench');
  return onKernels(async (run, kernel) => {
    const nameOf = async (command: string) => (await run(`basename $(${command})`)).trim();
    const paths = {
      group: `/dev/vfio/${await nameOf(`readlink /sys/bus/pci/devices/${DEVICE}/iommu_group`)}`,
      iommufd: `/dev/vfio/devices/${kernel === 'built' ? await nameOf(`ls /sys/bus/pci/devices/${DEVICE}/vfio-dev`) : ''}`,
    };
    type Backend = keyof typeof paths;
    const theirs = async (cpu: number, backend: Backend, what: string, count: number) =>
      Number(await run(`taskset -c ${cpu} ${program} ${DEVICE} ${paths[backend]} ${what} ${count}`));
    const ours = async (cpu: number, backend: Backend, options: string) =>
      JSON.parse(await run(`taskset -c ${cpu} udrv --json vfio bench ${DEVICE} --backend ${backend} ${options}`));
    // Interrupts that are requested from now on go to CPU 0. Left to the scheduler, chance would decide what is measured:
    // on the other CPU a wake-up; on that one the interrupt is there before anybody waits for it, and what is left is what
    // Node's two calls cost. That is shown, and has no bound.
    await run('echo 1 > /proc/irq/default_smp_affinity');
    const interrupt = (cpu: number, where: string, bound: number | null) => ({
      bound,
      what: `MSI trigger to wake-up on ${where}`,
      theirs: () => theirs(cpu, 'group', 'irq', INTERRUPTS),
      ours: async () => {
        const actions = '--irq msi --trigger bar0:0x60=1 --ack bar0:0x64=bar0:0x24';
        return (await ours(cpu, 'group', `${actions} -c ${INTERRUPTS}`)).latencyUs.p50;
      },
    });
    const mapping = (backend: Backend) => ({
      bound: 1.3,
      what: `map and unmap 4 KiB, ${backend}`,
      theirs: () => theirs(0, backend, 'map', MAPPINGS),
      ours: async () => (await ours(0, backend, `--sizes 4K -c ${MAPPINGS}`)).sizes[0].latencyUs.p50,
    });
    const pairs = [
      interrupt(0, 'the CPU that takes it', null),
      interrupt(1, 'another CPU', 1.3),
      mapping('group'),
      ...(kernel === 'built' ? [mapping('iommufd')] : []),
      {
        bound: 1.2,
        what: 'dump of 64 KiB by pread',
        theirs: () => theirs(0, 'group', 'dump', DUMPS),
        ours: async () => Number(await run(['taskset', '-c', '0', 'node', '-e', DUMP])),
      },
    ];
    const results: boolean[] = [];
    for (const { bound, what, ours, theirs } of pairs) {
      const udrv: number[] = [];
      const c: number[] = [];
      for (let round = 0; round < ROUNDS; round++) {
        c.push(await theirs());
        udrv.push(await ours());
      }
      const shown = (values: number[]) => values.map((value) => value.toFixed(1)).join(' ');
      console.log(`  ${what}, p50 of each round: udrv ${shown(udrv)}, C ${shown(c)}`);
      const ratio = quietest(udrv) / quietest(c);
      if (bound === null) console.log(`       ${what}, p50 over that of C: ${ratio.toFixed(2)} times (not judged)`);
      else results.push(verdict(`${what}, p50 over that of C`, ratio, bound, ' times'));
    }
    return results;
  });
}
