import { release } from 'node:os';
import { simulatedMachine } from '../../src/sim';
import { LinuxSys } from '../../src/sys/linux/linux-sys';
import type { Sys } from '../../src/sys/sys';

/**
 * The machine that the suite speaks of: the simulated one, or with `UDRV_TARGET=kernel` the one it runs on, which is
 * then the lab's guest (test/lab/conformance.test.ts runs it there). Both have an edu at 0000:00:04.0 behind
 * uio_pci_generic. Each behaviour is stated once; where the two differ, the simulation is wrong.
 */
export const onKernel = process.env['UDRV_TARGET'] === 'kernel';

const isLinux7 = onKernel && Number.parseInt(release(), 10) >= 7;

/** Returns what Linux 7.3 answers where the kernel is no older than 7, and else what 6.1, 6.12 and the simulation do. */
export const sinceLinux7 = <T>(newer: T, before: T): T => (isLinux7 ? newer : before);

export const makeSys: () => Sys = onKernel ? () => new LinuxSys() : () => simulatedMachine().sys;

export const title = (name: string) => `${name} (${onKernel ? 'real kernel' : 'simulation'})`;

/** QEMU's edu: docs/specs/edu.rst. */
export const EDU = {
  id: 0x00,
  liveness: 0x04,
  factorial: 0x08,
  status: 0x20,
  irqStatus: 0x24,
  raise: 0x60,
  acknowledge: 0x64,
} as const;

export const UIO = 'uio0';
export const NODE = '/dev/uio0';
export const PARENT = '/sys/bus/pci/devices/0000:00:04.0';

/** Gadget zero has configurations 1 (source and sink) and 2 (loopback); `iso` has an isochronous OUT endpoint in setting 1. */
export const USB = {
  zero: '3-1',
  disk: '1-4',
  hub: '1-3',
  keyboard: '1-3.1',
  // The lab's gadget zero has none, and the simulation no audio device.
  iso: onKernel ? { address: '1-5', interface: 1 } : { address: '1-2', interface: 0 },
};

/** The errno name that a call fails with; fails the test where it does not fail. */
export function errnoOf(call: () => unknown): string {
  try {
    call();
  } catch (error) {
    return (error as { code?: string }).code ?? String(error);
  }
  throw new Error('it did not fail');
}
