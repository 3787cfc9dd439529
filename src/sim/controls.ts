import type { Access } from '../sys/sys';
import type { Edu } from './devices/edu';
import { GadgetZero } from './devices/usb-gadget-zero';
import { UsbKeyboard } from './devices/usb-keyboard';
import { type StorageFault, UsbStorage } from './devices/usb-storage';
import type { RegisterAccess } from './hardware/access-log';
import { holdNode } from './kernel/procfs';
import type { Machine } from './machine';
import type { PciPower } from './pci/function';
import type { InjectedErrors, Syscall } from './syscalls/injected-errors';

/**
 * The controls of the simulated machine, which a test uses behind the back of the program under test. A device is named
 * by its UIO name (`uio0`) or by its name on its bus (`0000:00:04.0`, `fed60100.timer`, `1-2`).
 */
export class Controls {
  readonly #machine: Machine;
  readonly #injected: InjectedErrors;

  /** @internal */
  constructor(machine: Machine, injected: InjectedErrors) {
    this.#machine = machine;
    this.#injected = injected;
  }

  /** Pulls the device out: its registers answer no more, it is gone from sysfs, and open files of it give errors. */
  unplug(device: string): void {
    this.#machine.unplug(device);
  }

  /** Takes the driver off the device, as a write to the driver's `unbind` does. */
  unbind(device: string): void {
    this.#machine.unbind(device);
  }

  /**
   * Makes the device raise its interrupt. An edu gets the causes in `value`, which have to be acknowledged. The timer
   * expires. The timecode card raises it if a program asked for the next one.
   */
  raise(device: string, value = 1): void {
    this.#machine.raise(device, value);
  }

  /** Sets the interrupt count of a UIO device, as if they had come: 0x7fffffff is one before it wraps. */
  setEventCount(uio: string, count: number): void {
    const device = this.#machine.uio.find(uio);
    if (device === undefined) throw new RangeError(`the simulated machine has no ${uio}`);
    device.event = count;
  }

  /** Returns the edu at a PCI address, or behind a UIO name. */
  edu(device: string): Edu {
    return this.#machine.edu(device);
  }

  /** Plugs an unplugged USB device in again: in the same port, with another number. */
  plug(usb: string): void {
    this.#machine.usb.plug(usb);
  }

  /** Halts an endpoint of a USB device: it answers with a stall until the halt is cleared. */
  stall(usb: string, endpoint: number): void {
    this.#machine.usbDevice(usb).fn.halted.add(endpoint);
  }

  /** Makes an endpoint of a USB device, 0 too, answer nothing from now on, or, with `false`, answer again. */
  hang(usb: string, endpoint: number, hung = true): void {
    this.#machine.usbDevice(usb).pipes.hang(endpoint, hung);
  }

  /** Makes the next transfer from an IN endpoint get more than it has room for. */
  babble(usb: string, endpoint: number): void {
    this.#machine.usbDevice(usb).pipes.babble(endpoint);
  }

  /** Sets the pattern of gadget zero's source and sink. */
  setPattern(usb: string, pattern: 0 | 1 | 2): void {
    const { fn } = this.#machine.usbDevice(usb);
    if (!(fn instanceof GadgetZero)) throw new RangeError(`${usb} is no gadget zero`);
    fn.pattern = pattern;
  }

  /** Presses keys of a USB keyboard, by usage: 0x04 is A. The driver of its interface gets the report. */
  key(usb: string, ...usages: number[]): void {
    const { fn, interfaces } = this.#machine.usbDevice(usb);
    if (!(fn instanceof UsbKeyboard)) throw new RangeError(`${usb} is no keyboard`);
    const [intf] = interfaces;
    // usbhid fetches every report at once.
    if (intf === undefined || this.#machine.usb.interfaces.driverOf(intf) !== 'usbhid') fn.press(...usages);
  }

  /** Has the next commands of a USB disk fail, each in its way. */
  failCommands(usb: string, ...faults: StorageFault[]): void {
    const { fn } = this.#machine.usbDevice(usb);
    if (!(fn instanceof UsbStorage)) throw new RangeError(`${usb} is no disk`);
    fn.fail(...faults);
  }

  setPower(device: string, power: Exclude<PciPower, 'gone'>): void {
    this.#machine.pciFunction(device).power = power;
  }

  /** Makes the IOMMU fail to protect: memory that is unmapped from now on stays in the device's reach. */
  leakIommu(device: string): void {
    this.#machine.iommu.leak(this.#machine.pciFunction(device));
  }

  /** Sets RLIMIT_MEMLOCK in bytes, for a process without CAP_IPC_LOCK; it is infinite at first. */
  setMemlock(bytes: number): void {
    this.#machine.kernel.memory.locked.limit = bytes;
  }

  /**
   * Makes another process open a node: it is in /proc, and has the node as a real process would.
   *
   * @returns the function that closes the node
   */
  hold(node: string, process: { pid: number; command: string }): () => void {
    return holdNode(this.#machine.kernel, node, process);
  }

  /** Ends the process under test, as SIGKILL does: the kernel closes all that it has open, and nothing else is undone. */
  endProcess(): void {
    this.#machine.kernel.descriptors.closeAll();
  }

  /** Makes drivers that look at a USB interface fail, or, with `false`, take it again. @param intf `1-4:1.0` */
  failProbe(intf: string, fails = true): void {
    this.#machine.usb.failProbe(intf, fails);
  }

  /** Sets the access that the calling user has to a node from now on. */
  setAccess(node: string, access: Access): void {
    this.#machine.kernel.setAccess(node, access);
  }

  /**
   * Makes a call fail.
   *
   * @param syscall the method of Sys
   * @param path the path of the call; for a call on a descriptor, the path that was opened
   * @param times the number of calls that fail; all by default
   */
  fail(syscall: Syscall, path: string, code: string, times = Number.POSITIVE_INFINITY): void {
    this.#injected.add(syscall, path, code, times);
  }

  /** Lets the calls succeed again. */
  clearFaults(): void {
    this.#injected.clear();
  }

  /** Starts to record accesses to devices, from none. */
  record(): void {
    this.#machine.kernel.log.entries = [];
  }

  /** The accesses since {@link record}, to registers and configuration space, one entry for each. */
  get accesses(): readonly RegisterAccess[] {
    return this.#machine.kernel.log.entries ?? [];
  }
}
