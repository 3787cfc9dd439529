import type { Access } from '../sys/sys';
import type { Edu } from './edu';
import type { Faults, Syscall } from './faults';
import type { Machine } from './machine';
import type { PciPower } from './pci';
import { holdNode } from './processes';
import type { RegisterAccess } from './region';

/**
 * What a test does to the simulated machine behind the back of the program that uses it. A device is named by its UIO
 * name (`uio0`) or as its bus does (`0000:00:04.0`, `fed60100.timer`).
 */
export class Controls {
  readonly #machine: Machine;
  readonly #faults: Faults;

  constructor(machine: Machine, faults: Faults) {
    this.#machine = machine;
    this.#faults = faults;
  }

  /** Pulls the device out: its registers answer no more, it is gone from sysfs, who has it open gets errors. */
  unplug(device: string): void {
    this.#machine.unplug(device);
  }

  /** Takes the driver off the device, as a write to the driver's `unbind` does. */
  unbind(device: string): void {
    this.#machine.unbind(device);
  }

  /**
   * Makes the device raise its interrupt. Edu: the causes in `value`, which have to be acknowledged. The timer
   * expires. The timecode card: if the last one was asked for.
   */
  raise(device: string, value = 1): void {
    this.#machine.raise(device, value);
  }

  /** Sets how many interrupts a UIO device counts, as if they had come: 0x7fffffff is one before it wraps. */
  setEventCount(uio: string, count: number): void {
    const device = this.#machine.uio.find(uio);
    if (device === undefined) throw new RangeError(`the simulated machine has no ${uio}`);
    device.event = count;
  }

  /** The edu at a PCI address, or behind a UIO name. */
  edu(device: string): Edu {
    return this.#machine.edu(device);
  }

  setPower(device: string, power: Exclude<PciPower, 'gone'>): void {
    this.#machine.pciFunction(device).power = power;
  }

  /** Makes the IOMMU fail at its task: what is unmapped from now on stays in the device's reach. */
  leakIommu(device: string): void {
    this.#machine.iommu.leak(this.#machine.pciFunction(device));
  }

  /** RLIMIT_MEMLOCK in bytes, for a process without CAP_IPC_LOCK; infinity is what it is at first. */
  setMemlock(bytes: number): void {
    this.#machine.kernel.memory.locked.limit = bytes;
  }

  /**
   * Another process opens a node: it is in /proc, and keeps what it has open from others.
   *
   * @returns what lets go of it
   */
  hold(node: string, process: { pid: number; command: string }): () => void {
    return holdNode(this.#machine.kernel, node, process);
  }

  /** What the calling user may do with a node from now on. */
  setAccess(node: string, access: Access): void {
    this.#machine.kernel.setAccess(node, access);
  }

  /**
   * Makes a call fail.
   *
   * @param syscall the method of Sys
   * @param path what it names; for a call on a descriptor, what that was opened from
   * @param times how many calls; all by default
   */
  fail(syscall: Syscall, path: string, code: string, times = Number.POSITIVE_INFINITY): void {
    this.#faults.add(syscall, path, code, times);
  }

  /** Lets the calls succeed again. */
  clearFaults(): void {
    this.#faults.clear();
  }

  /** Starts to record accesses to devices, from none. */
  record(): void {
    this.#machine.kernel.log.entries = [];
  }

  /** What was recorded since {@link record}: registers and configuration space, one entry for each access. */
  get accesses(): readonly RegisterAccess[] {
    return this.#machine.kernel.log.entries ?? [];
  }
}
