import { PCI_COMMAND_INTX_DISABLE } from '../../../uapi/pci-regs';
import {
  irqSet,
  VFIO_IRQ_SET_ACTION_MASK,
  VFIO_IRQ_SET_ACTION_TRIGGER,
  VFIO_IRQ_SET_ACTION_UNMASK,
  VFIO_IRQ_SET_DATA_BOOL,
  VFIO_IRQ_SET_DATA_EVENTFD,
  VFIO_IRQ_SET_DATA_NONE,
  VFIO_PCI_IRQS,
} from '../../../uapi/vfio';
import { Errno } from '../../kernel/errno';
import { EventFd } from '../../kernel/eventfd';
import type { Kernel } from '../../kernel/kernel';
import { UserStruct } from '../../kernel/user-struct';
import { CAP_EXP, CAP_MSI, CAP_MSIX } from '../../pci/config-space';
import type { PciFunction } from '../../pci/function';

export const INTX = VFIO_PCI_IRQS.indexOf('intx');
export const MSI = VFIO_PCI_IRQS.indexOf('msi');
export const MSIX = VFIO_PCI_IRQS.indexOf('msix');
export const ERR = VFIO_PCI_IRQS.indexOf('err');
export const REQ = VFIO_PCI_IRQS.indexOf('req');

const DATA = VFIO_IRQ_SET_DATA_NONE | VFIO_IRQ_SET_DATA_BOOL | VFIO_IRQ_SET_DATA_EVENTFD;
const ACTIONS = VFIO_IRQ_SET_ACTION_MASK | VFIO_IRQ_SET_ACTION_UNMASK | VFIO_IRQ_SET_ACTION_TRIGGER;
const U32_MAX = 0xffffffff;
const MSI_ENABLE = 0x0001;
const MSIX_ENABLE = 0x8000;
/** The address of a message with interrupt remapping, in the range that is no memory. */
const MESSAGE_ADDRESS = 0xfee00418;

/** The arguments of one call of VFIO_DEVICE_SET_IRQS. */
interface Request {
  readonly flags: number;
  readonly index: number;
  readonly start: number;
  readonly count: number;
  readonly data: UserStruct | null;
}

/** INTx while it is in use: struct vfio_pci_irq_ctx. */
interface Intx {
  trigger: EventFd | null;
  masked: boolean;
  /** A write to it unmasks. */
  unmask: EventFd | null;
}

/** The interrupts of a function that vfio-pci has: drivers/vfio/pci/vfio_pci_intrs.c. */
export class VfioPciIrqs {
  readonly #kernel: Kernel;
  readonly #fn: PciFunction;
  /** INTX, MSI or MSIX, one at a time. */
  #type: number | null = null;
  #intx: Intx | null = null;
  readonly #vectors = new Map<number, EventFd>();
  /** Messages that came without a handler: the kernel masks such MSI-X vectors, which keeps them pending. */
  readonly #pending = new Set<number>();
  #queueSize = 0;
  #err: EventFd | null = null;
  #req: EventFd | null = null;
  /** The user's own Interrupt Disable. */
  #intxDisabled = false;

  constructor(kernel: Kernel, fn: PciFunction) {
    this.#kernel = kernel;
    this.#fn = fn;
  }

  get msi(): { enabled: boolean; queueSize: number } {
    return { enabled: this.#type === MSI, queueSize: this.#queueSize };
  }

  /** vfio_pci_get_irq_count(). @param interruptPin as the user sees it */
  count(index: number, interruptPin: number): number {
    const { config, msix } = this.#fn;
    switch (index) {
      case INTX:
        return interruptPin === 0 ? 0 : 1;
      case MSI: {
        const at = config.capability(CAP_MSI);
        return at === undefined ? 0 : 1 << ((config.read(at + 2, 2) >> 1) & 7);
      }
      case MSIX:
        return msix?.vectors ?? 0;
      case ERR:
        return isExpress(this.#fn) ? 1 : 0;
      case REQ:
        return 1;
      default:
        return 0;
    }
  }

  /** vfio_pci_ioctl_set_irqs(), vfio_set_irqs_validate_and_prepare() */
  set(argument: Buffer | number, interruptPin: number): number {
    const user = new UserStruct(argument, irqSet.size);
    const argsz = user.u32(irqSet.argsz);
    const flags = user.u32(irqSet.flags);
    const index = user.u32(irqSet.index);
    const start = user.u32(irqSet.start);
    const count = user.u32(irqSet.count);
    const known = (flags & ~(DATA | ACTIONS)) === 0;
    if (argsz < irqSet.size || index >= VFIO_PCI_IRQS.length || count >= U32_MAX - start || !known)
      throw new Errno('EINVAL');
    const vectors = this.count(index, interruptPin);
    if (start >= vectors || start + count > vectors) throw new Errno('EINVAL');
    const size = dataSize(flags & DATA) * count;
    if (size > 0 && argsz - irqSet.size < size) throw new Errno('EINVAL');
    if (user.bytes.length < irqSet.data + size) throw new Errno('EFAULT');
    const data = size === 0 ? null : new UserStruct(user.bytes.subarray(irqSet.data, irqSet.data + size), size);
    this.#apply({ flags, index, start, count, data });
    return 0;
  }

  /**
   * Follows a change of the user's Interrupt Disable: INTx is masked, or the hardware's bit set where INTx is not in
   * use.
   */
  intxDisabled(disabled: boolean): void {
    this.#intxDisabled = disabled;
    if (disabled) this.#mask();
    else this.#unmask();
  }

  /** vfio_pci_core_request() @returns whether an eventfd was signalled */
  request(): boolean {
    this.#req?.signal();
    return this.#req !== null;
  }

  /** Turns everything off when the device is closed. */
  close(): void {
    if (this.#type === INTX) this.#disableIntx();
    else if (this.#type !== null) this.#disableMessages(this.#type);
    this.#intxDisabled = false;
    this.#err = null;
    this.#req = null;
  }

  /** vfio_pci_set_irqs_ioctl(): takes exactly one action. */
  #apply(request: Request): void {
    const action = request.flags & ACTIONS;
    const trigger = action === VFIO_IRQ_SET_ACTION_TRIGGER;
    if (request.index === INTX && action === VFIO_IRQ_SET_ACTION_MASK) this.#maskIntx(request);
    else if (request.index === INTX && action === VFIO_IRQ_SET_ACTION_UNMASK) this.#unmaskIntx(request);
    else if (request.index === INTX && trigger) this.#triggerIntx(request);
    else if ((request.index === MSI || request.index === MSIX) && trigger) this.#triggerMessages(request);
    else if (request.index === ERR && trigger) this.#err = this.#triggerSingle(request, this.#err);
    else if (request.index === REQ && trigger) this.#req = this.#triggerSingle(request, this.#req);
    else throw new Errno('ENOTTY');
  }

  #maskIntx({ start, count, flags, data }: Request): void {
    if (this.#type !== INTX || start !== 0 || count !== 1) throw new Errno('EINVAL');
    if (flags & VFIO_IRQ_SET_DATA_EVENTFD) throw new Errno('ENOTTY');
    if (isOn(flags, data, 0)) this.#mask();
  }

  #unmaskIntx({ start, count, flags, data }: Request): void {
    if (this.#intx === null || start !== 0 || count !== 1) throw new Errno('EINVAL');
    if ((flags & VFIO_IRQ_SET_DATA_EVENTFD) === 0) {
      if (isOn(flags, data, 0)) this.#unmask();
      return;
    }
    const fd = data?.s32(0) ?? -1;
    if (fd >= 0) this.#unmaskBy(this.#intx, this.#eventfd(fd));
    else this.#stopUnmasking(this.#intx);
  }

  /** vfio_virqfd_enable(): a write to the eventfd unmasks, and is taken by the kernel. */
  #unmaskBy(intx: Intx, eventfd: EventFd): void {
    if (intx.unmask !== null) throw new Errno('EBUSY');
    intx.unmask = eventfd;
    eventfd.consumer = () => this.#unmask();
  }

  #stopUnmasking(intx: Intx): void {
    if (intx.unmask !== null) intx.unmask.consumer = null;
    intx.unmask = null;
  }

  #triggerIntx({ start, count, flags, data }: Request): void {
    if (this.#type === INTX && count === 0 && flags & VFIO_IRQ_SET_DATA_NONE) {
      this.#disableIntx();
      return;
    }
    if ((this.#type !== INTX && this.#type !== null) || start !== 0 || count !== 1) throw new Errno('EINVAL');
    if (flags & VFIO_IRQ_SET_DATA_EVENTFD) {
      const fd = data?.s32(0) ?? -1;
      const trigger = fd >= 0 ? this.#eventfd(fd) : null;
      if (this.#intx === null) this.#enableIntx(trigger);
      else this.#intx.trigger = trigger;
      return;
    }
    if (this.#intx === null) throw new Errno('EINVAL');
    if (isOn(flags, data, 0)) this.#signalIntx(this.#intx);
  }

  #enableIntx(trigger: EventFd | null): void {
    const intx: Intx = { trigger, masked: this.#intxDisabled, unmask: null };
    this.#intx = intx;
    this.#type = INTX;
    this.#setPhysicalMask(intx.masked);
    // vfio_intx_handler(): masks INTx when it has fired, until the user unmasks it.
    this.#fn.irq.request(`vfio-intx(${this.#fn.name})`, () => {
      if (intx.masked || !this.#fn.checkAndMaskIntx()) return false;
      intx.masked = true;
      this.#signalIntx(intx);
      return true;
    });
  }

  #disableIntx(): void {
    if (this.#intx !== null) this.#stopUnmasking(this.#intx);
    this.#fn.irq.free();
    this.#intx = null;
    this.#type = null;
  }

  #signalIntx(intx: Intx): void {
    if (!this.#intxDisabled) intx.trigger?.signal();
  }

  #mask(): void {
    const intx = this.#intx;
    if (intx === null) this.#setPhysicalMask(true);
    else if (!intx.masked) {
      this.#setPhysicalMask(true);
      intx.masked = true;
    }
  }

  /** vfio_pci_intx_unmask_handler(): signals again at once where INTx is still asserted, and leaves it masked. */
  #unmask(): void {
    const intx = this.#intx;
    if (intx === null) {
      this.#setPhysicalMask(false);
      return;
    }
    if (!intx.masked || this.#intxDisabled) return;
    // The order matters: an interrupt that comes once the line is unmasked is a new one.
    intx.masked = this.#fn.asserted;
    if (intx.masked) this.#signalIntx(intx);
    else this.#fn.checkAndUnmaskIntx();
  }

  #setPhysicalMask(masked: boolean): void {
    if (masked) this.#fn.config.setCommand(PCI_COMMAND_INTX_DISABLE);
    else this.#fn.config.setCommand(0, PCI_COMMAND_INTX_DISABLE);
  }

  #triggerMessages({ index, start, count, flags, data }: Request): void {
    if (this.#type === index && count === 0 && flags & VFIO_IRQ_SET_DATA_NONE) {
      this.#disableMessages(index);
      return;
    }
    if (this.#type !== index && this.#type !== null) throw new Errno('EINVAL');
    if (flags & VFIO_IRQ_SET_DATA_EVENTFD) {
      const enables = this.#type === null;
      if (enables) this.#enableMessages(index, start + count);
      try {
        this.#setVectors(start, count, data);
      } catch (error) {
        for (let i = start; i < start + count; i++) this.#vectors.delete(i);
        if (enables) this.#disableMessages(index);
        throw error;
      }
      return;
    }
    if (this.#type !== index) throw new Errno('EINVAL');
    for (let i = 0; i < count; i++) if (isOn(flags, data, i)) this.#vectors.get(start + i)?.signal();
  }

  #setVectors(start: number, count: number, data: UserStruct | null): void {
    for (let i = 0; i < count; i++) {
      const vector = start + i;
      const fd = data?.s32(4 * i) ?? -1;
      this.#vectors.delete(vector);
      this.#programMessage();
      if (fd < 0) continue;
      const eventfd = this.#eventfd(fd);
      this.#vectors.set(vector, eventfd);
      this.#programMessage();
      // The vector's mask is lifted.
      if (this.#pending.delete(vector)) eventfd.signal();
    }
  }

  /** vfio_msi_enable(). The command register is put back afterwards, with the Interrupt Disable that it sets. */
  #enableMessages(index: number, vectors: number): void {
    this.#type = index;
    this.#pending.clear();
    this.#setMessages(index, true);
    if (index === MSI) this.#queueSize = Math.ceil(Math.log2(vectors));
    this.#fn.onMessage = (vector) => this.#receive(index, vector);
  }

  #disableMessages(index: number): void {
    this.#vectors.clear();
    this.#setMessages(index, false);
    this.#fn.onMessage = () => {};
    this.#type = null;
  }

  #receive(index: number, vector: number): void {
    const eventfd = this.#vectors.get(vector);
    if (eventfd !== undefined) eventfd.signal();
    else if (index === MSIX) this.#pending.add(vector);
    // The kernel has cleared a message without a handler: a function that sends it writes a zero to address 0.
    else this.#fn.writeDma(0n, Buffer.alloc(4));
  }

  #setMessages(index: number, on: boolean): void {
    const { config } = this.#fn;
    const at = config.capability(index === MSI ? CAP_MSI : CAP_MSIX);
    if (at === undefined) return;
    const bit = index === MSI ? MSI_ENABLE : MSIX_ENABLE;
    const control = config.read(at + 2, 2);
    config.write(at + 2, 2, on ? control | bit : control & ~bit);
    this.#programMessage();
  }

  /** Programs the message of MSI vector 0 while it has a handler, and clears it otherwise. */
  #programMessage(): void {
    const at = this.#fn.config.capability(CAP_MSI);
    if (this.#type !== MSI || at === undefined) return;
    this.#fn.config.write(at + 4, 4, this.#vectors.has(0) ? MESSAGE_ADDRESS : 0);
  }

  /** vfio_pci_set_ctx_trigger_single() @returns the eventfd from now on */
  #triggerSingle({ start, count, flags, data }: Request, current: EventFd | null): EventFd | null {
    if (start !== 0 || count > 1) throw new Errno('EINVAL');
    if (flags & VFIO_IRQ_SET_DATA_NONE) {
      if (current === null) throw new Errno('EINVAL');
      if (count === 0) return null;
      current.signal();
      return current;
    }
    if (count === 0) throw new Errno('EINVAL');
    if (flags & VFIO_IRQ_SET_DATA_BOOL) {
      if (isOn(flags, data, 0)) current?.signal();
      return current;
    }
    const fd = data?.s32(0) ?? -1;
    if (fd < -1) throw new Errno('EINVAL');
    return fd === -1 ? null : this.#eventfd(fd);
  }

  /** eventfd_ctx_fdget() */
  #eventfd(fd: number): EventFd {
    const file = this.#kernel.descriptors.get(fd)?.file;
    if (file === undefined) throw new Errno('EBADF');
    if (!(file instanceof EventFd)) throw new Errno('EINVAL');
    return file;
  }
}

export function isExpress(fn: PciFunction): boolean {
  return fn.config.capability(CAP_EXP) !== undefined;
}

/** Returns the bytes of data for each interrupt; exactly one kind may be given. */
function dataSize(kind: number): number {
  switch (kind) {
    case VFIO_IRQ_SET_DATA_NONE:
      return 0;
    case VFIO_IRQ_SET_DATA_BOOL:
      return 1;
    case VFIO_IRQ_SET_DATA_EVENTFD:
      return 4;
    default:
      throw new Errno('EINVAL');
  }
}

/** Returns whether an interrupt is meant: all are where there is no data, else those whose byte is not zero. */
function isOn(flags: number, data: UserStruct | null, index: number): boolean {
  if (flags & VFIO_IRQ_SET_DATA_NONE) return true;
  return (flags & VFIO_IRQ_SET_DATA_BOOL) !== 0 && (data?.bytes[index] ?? 0) !== 0;
}
