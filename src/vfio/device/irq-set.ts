import { SysError } from '../../errors';
import type { Sys } from '../../sys/sys';
import {
  irqInfo,
  irqSet,
  VFIO_DEVICE_GET_IRQ_INFO,
  VFIO_DEVICE_SET_IRQS,
  VFIO_IRQ_INFO_AUTOMASKED,
  VFIO_IRQ_INFO_EVENTFD,
  VFIO_IRQ_INFO_MASKABLE,
  VFIO_IRQ_INFO_NORESIZE,
  VFIO_IRQ_SET_ACTION_MASK,
  VFIO_IRQ_SET_ACTION_TRIGGER,
  VFIO_IRQ_SET_ACTION_UNMASK,
  VFIO_IRQ_SET_DATA_EVENTFD,
  VFIO_IRQ_SET_DATA_NONE,
  VFIO_PCI_IRQS,
} from '../../uapi/vfio';
import { enableIrqFailed, irqIsOn, noIrq, noVector } from '../errors';

/** INTx, MSI, MSI-X; ERR (a PCI Express error), REQ (the kernel requests the device back). */
export const VFIO_IRQ_NAMES = VFIO_PCI_IRQS;
export type IrqName = (typeof VFIO_PCI_IRQS)[number];

/** One of a device's interrupts, as VFIO_DEVICE_GET_IRQ_INFO describes it. */
export interface IrqInfo {
  index: number;
  name: IrqName;
  /** Vectors; 0: the device does not have it. */
  count: number;
  /** Can be signalled by an eventfd. */
  eventfd: boolean;
  maskable: boolean;
  /** Masked by the kernel each time it fires. */
  automasked: boolean;
  /** Vectors can only be changed all together, after they were switched off. */
  noresize: boolean;
}

/** One of a device's interrupts: VFIO_DEVICE_SET_IRQS. Of INTx, MSI and MSI-X one can be on at a time. */
export class Irq {
  readonly info: IrqInfo;
  readonly #sys: Sys;
  readonly #fd: number;
  readonly #device: string;
  /** Struct without eventfds, written once: nothing but action and vector differ at each interrupt. */
  readonly #simple = Buffer.alloc(irqSet.size);
  #on = false;

  constructor(sys: Sys, fd: number, device: string, name: IrqName) {
    this.#sys = sys;
    this.#fd = fd;
    this.#device = device;
    this.info = readIrqInfo(sys, fd, name);
    this.#simple.writeUInt32LE(irqSet.size, irqSet.argsz);
    this.#simple.writeUInt32LE(this.info.index, irqSet.index);
  }

  /**
   * Switches vectors on, an eventfd each.
   *
   * @throws exit 9 where the device has no such interrupt, exit 3 where not so many vectors, exit 5 where this or another of
   *   its interrupts is on
   */
  enable(start: number, eventfds: readonly number[]): void {
    this.mustHave(start, eventfds.length);
    const { name, index } = this.info;
    // The kernel would put the new eventfds in the place of those that somebody waits for.
    if (this.#on) throw irqIsOn(this.#device, name);
    const struct = Buffer.alloc(irqSet.size + 4 * eventfds.length);
    struct.writeUInt32LE(struct.length, irqSet.argsz);
    struct.writeUInt32LE(VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER, irqSet.flags);
    struct.writeUInt32LE(index, irqSet.index);
    struct.writeUInt32LE(start, irqSet.start);
    struct.writeUInt32LE(eventfds.length, irqSet.count);
    for (const [i, fd] of eventfds.entries()) struct.writeInt32LE(fd, irqSet.data + 4 * i);
    try {
      this.#sys.ioctl(this.#fd, VFIO_DEVICE_SET_IRQS, struct);
    } catch (error) {
      throw enableIrqFailed(this.#device, name, error);
    }
    this.#on = true;
  }

  /** @throws exit 9 where the device has no such interrupt, exit 3 where not these vectors */
  mustHave(start: number, vectors: number): void {
    const { name, count } = this.info;
    if (count === 0) throw noIrq(this.#device, name);
    if (start + vectors > count) throw noVector(this.#device, name, count);
  }

  get isOn(): boolean {
    return this.#on;
  }

  /** Switches the whole interrupt off, unless it is. */
  disable(): void {
    if (!this.#on) return;
    this.#on = false;
    this.#do(VFIO_IRQ_SET_ACTION_TRIGGER, 0, 0);
  }

  /** Lets the interrupt through again: one that waits fires now. */
  unmask(vector = 0): void {
    this.#do(VFIO_IRQ_SET_ACTION_UNMASK, vector, 1);
  }

  mask(vector = 0): void {
    this.#do(VFIO_IRQ_SET_ACTION_MASK, vector, 1);
  }

  /** Has the kernel signal a vector's eventfd, without the device. */
  trigger(vector: number): void {
    this.#do(VFIO_IRQ_SET_ACTION_TRIGGER, vector, 1);
  }

  #do(action: number, vector: number, count: number): void {
    this.#simple.writeUInt32LE(VFIO_IRQ_SET_DATA_NONE | action, irqSet.flags);
    this.#simple.writeUInt32LE(vector, irqSet.start);
    this.#simple.writeUInt32LE(count, irqSet.count);
    this.#sys.ioctl(this.#fd, VFIO_DEVICE_SET_IRQS, this.#simple);
  }
}

function readIrqInfo(sys: Sys, fd: number, name: IrqName): IrqInfo {
  const index = VFIO_PCI_IRQS.indexOf(name);
  const struct = Buffer.alloc(irqInfo.size);
  struct.writeUInt32LE(irqInfo.size, irqInfo.argsz);
  struct.writeUInt32LE(index, irqInfo.index);
  try {
    sys.ioctl(fd, VFIO_DEVICE_GET_IRQ_INFO, struct);
  } catch (error) {
    // ERR of a device that is no PCI Express device.
    if (!(error instanceof SysError) || error.code !== 'EINVAL') throw error;
    return { index, name, count: 0, eventfd: false, maskable: false, automasked: false, noresize: false };
  }
  const flags = struct.readUInt32LE(irqInfo.flags);
  return {
    index,
    name,
    count: struct.readUInt32LE(irqInfo.count),
    eventfd: (flags & VFIO_IRQ_INFO_EVENTFD) !== 0,
    maskable: (flags & VFIO_IRQ_INFO_MASKABLE) !== 0,
    automasked: (flags & VFIO_IRQ_INFO_AUTOMASKED) !== 0,
    noresize: (flags & VFIO_IRQ_INFO_NORESIZE) !== 0,
  };
}
