import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { brotliCompressSync, brotliDecompressSync, constants } from 'node:zlib';
import type { Purpose, Severity } from '../../../src/doctor/check';
import { packageFolder } from '../../../src/sys/package-folder';
import type { Kernel } from '../lab';
import type { LabFault } from './fault';

/** A machine that was recorded with a fault in it, and what doctor said of it there. */
export interface Recorded {
  kernel: Kernel;
  /** Of the fault. */
  name: string;
  /** The device that was asked about, null for the machine, and what for. */
  selector: string | null;
  purpose: Purpose | null;
  /** The first finding. */
  id: string;
  severity: Severity;
  means: string;
  snapshot: string;
}

const FILE = join(packageFolder(), 'test/lab/faults/recorded.json.br');

/** Tells whether a snapshot has what a verdict on the fault is made of. */
export const isRecordable = ({ notInTree }: LabFault): boolean =>
  notInTree === undefined || notInTree === 'mode of a node';

/** Reads the recorded machines. Each differs from the others by a few lines, and so takes a few bytes in the file. */
export function readRecorded(): Recorded[] {
  return existsSync(FILE) ? JSON.parse(brotliDecompressSync(readFileSync(FILE)).toString('utf8')) : [];
}

/** Writes machines in the place of those of the same kernel and fault. */
export function writeRecorded(machines: readonly Recorded[]): void {
  const key = ({ kernel, name }: Recorded) => `${kernel}: ${name}`;
  const all = new Map([...readRecorded(), ...machines].map((machine) => [key(machine), withoutHost(machine)]));
  const text = JSON.stringify([...all.values()]);
  const params = {
    [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY,
    // All of it, so that what the machines share is in the file once.
    [constants.BROTLI_PARAM_LGWIN]: constants.BROTLI_MAX_WINDOW_BITS,
    [constants.BROTLI_PARAM_SIZE_HINT]: text.length,
  };
  writeFileSync(FILE, brotliCompressSync(text, { params }));
}

/** Leaves out where the checkout and the modules are on the host. */
function withoutHost(machine: Recorded): Recorded {
  const snapshot = machine.snapshot.replace(/ udrv\.\w+=\S*/g, '').replaceAll(packageFolder(), '/checkout');
  return { ...machine, snapshot };
}
