import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { labFaults } from '../lab/faults';
import type { LabFault, Machine, MachineName } from '../lab/faults/fault';
import { MACHINES } from '../lab/faults/machine';
import { isRecordable, type Recorded, writeRecorded } from '../lab/faults/recorded';
import {
  devices,
  expected,
  falseAlarms,
  isFor,
  isUsual,
  prepareGuest,
  runAfterBoot,
  runFault,
} from '../lab/faults/run';
import { bootLab, type Kernel, type Lab } from '../lab/lab';
import { wantedKernels } from './on-kernels';

/** The least share of faults whose cause is named first. */
const LEAST = 0.95;

/** Faults by a pattern for their names, that the environment asks for: all without. */
const { UDRV_FAULTS: wanted = '' } = process.env;
/** The environment asks for snapshots of the machines with the faults in them, which the tests compare. */
const isRecording = process.env['UDRV_RECORD'] === '1';

/**
 * Puts every fault of the lab's table into a guest, and prints how often doctor names the cause first, and how often
 * the line that it prints mends it.
 */
export async function benchFaults(): Promise<boolean> {
  const files = mkdtempSync(join(tmpdir(), 'udrv-faults-'));
  const [disk, stick] = [join(files, 'disk'), join(files, 'stick')];
  for (const file of [disk, stick]) {
    writeFileSync(file, '');
    truncateSync(file, 16 * 1024 * 1024);
  }
  try {
    const results: boolean[] = [];
    for (const kernel of wantedKernels()) results.push(await onKernel(kernel, devices(disk, stick)));
    return results.every(Boolean);
  } finally {
    rmSync(files, { recursive: true });
  }
}

async function onKernel(kernel: Kernel, qemuArgs: readonly string[]): Promise<boolean> {
  const faults = labFaults.filter(isFor(kernel)).filter(({ name }) => new RegExp(wanted).test(name));
  const next = new Map<LabFault, Machine>();
  const recorded: Recorded[] = [];
  const alarms: string[] = [];
  const [right, mended] = [new Set<LabFault>(), new Set<LabFault>()];

  const inGuest = async (machine: Machine, run: (lab: Lab) => Promise<void>) => {
    const lab = await bootLab({ kernel, processors: 1, qemuArgs, ...machine });
    try {
      await prepareGuest(lab);
      await run(lab);
    } finally {
      await lab.shutdown();
    }
  };
  const afterBoot = async (lab: Lab, fault: LabFault) => {
    const code = await runAfterBoot(lab, fault);
    if (code === 0) mended.add(fault);
    else console.log(`  not mended by the boot: ${fault.name}: exit ${code}`);
  };

  for (const name of ['withoutIommu', 'iommuOff', 'withoutRemapping', 'usual'] satisfies MachineName[]) {
    const here = faults.filter(({ machine = 'usual' }) => machine === name);
    const booted = [...next].filter(([, machine]) => name === 'usual' && isUsual(machine)).map(([fault]) => fault);
    if (here.length + booted.length === 0) continue;
    await inGuest(MACHINES[name], async (lab) => {
      for (const fault of here) {
        const start = performance.now();
        const outcome = await runFault(lab, fault, isRecording && isRecordable(fault)).catch((error: Error) => error);
        if (outcome instanceof Error) {
          console.log(`  WRONG ${fault.name}:`, outcome.message);
          continue;
        }
        if (outcome.recorded !== null) recorded.push(outcome.recorded);
        if (outcome.first === fault.first && outcome.failed === fault.fails) right.add(fault);
        if (outcome.next !== null) next.set(fault, outcome.next);
        const is = expected(fault);
        const isRight = (Object.keys(is) as (keyof typeof is)[]).every((key) => is[key] === outcome[key]);
        if (isRight && outcome.succeeded === 0) mended.add(fault);
        const seconds = ((performance.now() - start) / 1000).toFixed(0);
        console.log(`  ${isRight ? 'ok   ' : 'WRONG'} ${fault.first}: ${fault.name} (${seconds} s)`);
        if (!isRight) console.log({ ...outcome, recorded: undefined });
      }
      for (const fault of booted) await afterBoot(lab, fault);
      if (name === 'usual' && wanted === '') alarms.push(...(await falseAlarms(lab)));
    });
    if (isRecording) writeRecorded(recorded);
  }
  for (const [fault, machine] of next) if (!isUsual(machine)) await inGuest(machine, (lab) => afterBoot(lab, fault));

  const mendable = faults.filter(({ mend }) => mend !== 'nothing');
  const isGood = right.size >= LEAST * faults.length && mended.size === mendable.length && alarms.length === 0;
  console.log(
    `  ${isGood ? 'ok  ' : 'MISS'} ${kernel} kernel: ${right.size} of ${faults.length} faults: the right cause first; ${mended.size} of ${mendable.length} mended by what it prints; false alarms: ${alarms.join('; ') || 'none'}`,
  );
  return isGood;
}
