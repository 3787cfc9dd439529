import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { labFaults } from './faults';
import type { LabFault, Machine, MachineName } from './faults/fault';
import { MACHINES } from './faults/machine';
import { devices, expected, falseAlarms, isFor, isUsual, prepareGuest, runAfterBoot, runFault } from './faults/run';
import { describeInLab } from './jest';
import { bootLab, type Kernel, type Lab } from './lab';

/** Emulation, on a busy host. */
const FAULT_MS = 400_000;

const files = mkdtempSync(join(tmpdir(), 'udrv-doctor-'));
afterAll(() => rmSync(files, { recursive: true }));

/** Makes the devices of a guest, with images of their own: two guests run side by side where a fault needs a boot. */
function devicesOf(guest: string): string[] {
  const images = ['disk', 'stick'].map((name) => join(files, `${guest}-${name}`));
  for (const image of images) {
    writeFileSync(image, '');
    truncateSync(image, 16 * 1024 * 1024);
  }
  const [disk = '', stick = ''] = images;
  return [...devices(disk, stick)];
}

/** Boots that findings named, for the faults that a boot mends. */
const named = new Map<string, Machine>();
const keyOf = (kernel: Kernel, { name }: LabFault) => `${kernel}: ${name}`;

for (const name of ['withoutIommu', 'iommuOff', 'withoutRemapping', 'usual'] satisfies MachineName[])
  describeInLab(
    `doctor finds what was put in (${name})`,
    (lab, kernel) => {
      const mine = labFaults.filter(isFor(kernel));
      const here = mine.filter(({ machine = 'usual' }) => machine === name);
      beforeAll(() => prepareGuest(lab()), FAULT_MS);

      test.each(here.map((fault) => [fault.name, fault] as const))(
        '%s',
        async (_, fault) => {
          const outcome = await runFault(lab(), fault);
          if (outcome.next !== null) named.set(keyOf(kernel, fault), outcome.next);
          expect(outcome).toMatchObject(expected(fault));
        },
        FAULT_MS,
      );

      if (name !== 'usual') return;
      test.each(mine.filter(({ mend }) => mend === 'boot').map((fault) => [fault.name, fault] as const))(
        'after the boot that was named: %s',
        async (_, fault) => {
          const machine = named.get(keyOf(kernel, fault));
          expect(machine).toBeDefined();
          if (machine === undefined) return;
          const succeeded = await inBoot(machine, lab(), (guest) => runAfterBoot(guest, fault));
          expect(succeeded).toBe(0);
        },
        FAULT_MS,
      );

      test(
        'and finds nothing on the machine as it is left, nor on devices that are ready for use',
        async () => expect(await falseAlarms(lab())).toEqual([]),
        FAULT_MS,
      );
    },
    { qemuArgs: devicesOf('first'), long: 'stock', ...MACHINES[name] },
  );

async function inBoot<T>(machine: Machine, usual: Lab, run: (lab: Lab) => Promise<T>): Promise<T> {
  if (isUsual(machine)) return run(usual);
  const lab = await bootLab({ kernel: usual.kernel, processors: 1, qemuArgs: devicesOf('second'), ...machine });
  try {
    return await run(lab);
  } finally {
    await lab.shutdown();
  }
}
