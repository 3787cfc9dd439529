import { PCI_COMMAND_INTX_DISABLE } from '../../../uapi/pci-regs';
import {
  deviceInfo,
  irqInfo,
  VFIO_DEVICE_FEATURE_GET,
  VFIO_DEVICE_FEATURE_PROBE,
  VFIO_DEVICE_FEATURE_SET,
  VFIO_DEVICE_FEATURES,
  VFIO_DEVICE_FLAGS,
  VFIO_DEVICE_GET_INFO,
  VFIO_DEVICE_GET_IRQ_INFO,
  VFIO_DEVICE_GET_PCI_HOT_RESET_INFO,
  VFIO_DEVICE_GET_REGION_INFO,
  VFIO_DEVICE_PCI_HOT_RESET,
  VFIO_DEVICE_RESET,
  VFIO_DEVICE_SET_IRQS,
  VFIO_IRQ_INFO_AUTOMASKED,
  VFIO_IRQ_INFO_EVENTFD,
  VFIO_IRQ_INFO_MASKABLE,
  VFIO_IRQ_INFO_NORESIZE,
  VFIO_PCI_CONFIG_REGION_INDEX,
  VFIO_PCI_IRQS,
  VFIO_PCI_NUM_REGIONS,
} from '../../../uapi/vfio';
import type { SimRegion } from '../../hardware/region';
import type { Bus, Driver } from '../../kernel/bus';
import { Errno } from '../../kernel/errno';
import type { Kernel } from '../../kernel/kernel';
import { KERN_NOTICE, KERN_WARNING } from '../../kernel/kernel-log';
import { kernelStruct, UserStruct } from '../../kernel/user-struct';
import type { PciFunction } from '../../pci/function';
import type { VfioCore } from '../core';
import type { SimVfioDevice, VfioDeviceOps } from '../device';
import { HotReset } from './hot-reset';
import { ERR, INTX, isExpress, MSIX, VfioPciIrqs } from './interrupts';
import { splitPosition, VfioPciRegions } from './regions';
import { VfioPciConfig } from './virtual-config';

const FEATURE_MASK = 0xffff;
const PCI_STD_HEADER_SIZEOF = 64;

/** drivers/vfio/pci/vfio_pci.c: any function that is behind an IOMMU, by driver_override alone. */
export function vfioPci(kernel: Kernel, bus: () => Bus<PciFunction>, vfio: () => VfioCore): Driver<PciFunction> {
  return {
    name: 'vfio-pci',
    managesDma: true,
    matches: () => false,
    probe(fn) {
      const ops = new VfioPciDevice(kernel, bus(), fn);
      const device = vfio().register(fn, ops);
      ops.device = device;
      return () => vfio().unregister(device);
    },
  };
}

/** The work of vfio-pci for one function: drivers/vfio/pci/vfio_pci_core.c of Linux 6.12. */
class VfioPciDevice implements VfioDeviceOps {
  readonly #kernel: Kernel;
  readonly #bus: Bus<PciFunction>;
  readonly #fn: PciFunction;
  readonly #irqs: VfioPciIrqs;
  readonly #regions: VfioPciRegions;
  readonly #hotReset: HotReset;
  /** Null while the device is not open. */
  #config: VfioPciConfig | null = null;
  #resetWorks = false;
  /** The header as it was when the device was opened. */
  #saved: Buffer = Buffer.alloc(0);
  device: SimVfioDevice | null = null;

  constructor(kernel: Kernel, bus: Bus<PciFunction>, fn: PciFunction) {
    this.#kernel = kernel;
    this.#bus = bus;
    this.#fn = fn;
    this.#irqs = new VfioPciIrqs(kernel, fn);
    this.#regions = new VfioPciRegions(kernel, fn, () => this.#config?.memoryEnabled === true);
    this.#hotReset = new HotReset(kernel, bus, fn);
  }

  /** vfio_pci_core_enable(): no bus master, a reset if there is one, and INTx not masked. */
  openDevice(): void {
    const { config } = this.#fn;
    this.#fn.clearMaster();
    this.#fn.enable();
    this.#resetWorks = this.#reset();
    this.#saved = config.copy().subarray(0, PCI_STD_HEADER_SIZEOF);
    const registers = this.#kernel.log.of(this.#fn.name, 'config', {
      read: (offset, width) => this.#fn.readConfig(offset, width),
      write: (offset, width, value) => this.#fn.writeConfig(offset, width, Number(value)),
    });
    config.setCommand(0, PCI_COMMAND_INTX_DISABLE);
    this.#config = new VfioPciConfig(this.#fn, registers, {
      intxDisabled: (disabled) => this.#irqs.intxDisabled(disabled),
      reset: () => void this.#reset(),
      irqs: this.#irqs,
    });
  }

  /** vfio_pci_core_disable() */
  closeDevice(): void {
    this.#fn.clearMaster();
    this.#irqs.close();
    this.#config = null;
    if (this.#resetWorks) this.#reset();
    this.#restore();
    this.#fn.disable();
  }

  ioctl(request: number, argument: Buffer | number): number {
    switch (request) {
      case VFIO_DEVICE_GET_INFO:
        return this.#getInfo(argument);
      case VFIO_DEVICE_GET_IRQ_INFO:
        return this.#getIrqInfo(argument);
      case VFIO_DEVICE_GET_PCI_HOT_RESET_INFO:
        return this.#hotReset.getInfo(argument, this.#registered);
      case VFIO_DEVICE_GET_REGION_INFO:
        return this.#regions.getInfo(argument);
      case VFIO_DEVICE_PCI_HOT_RESET:
        return this.#hotReset.reset(argument, this.#registered);
      case VFIO_DEVICE_RESET:
        if (!this.#resetWorks) throw new Errno('EINVAL');
        this.#reset();
        return 0;
      case VFIO_DEVICE_SET_IRQS:
        return this.#irqs.set(argument, this.#pin);
      default:
        throw new Errno('ENOTTY');
    }
  }

  /** vfio_pci_core_ioctl_feature(): the low power states, which do nothing here. */
  feature(flags: number, _user: UserStruct): number {
    const feature = VFIO_DEVICE_FEATURES[flags & FEATURE_MASK];
    const known = ['low-power-entry', 'low-power-entry-with-wakeup', 'low-power-exit'];
    if (feature === undefined || !known.includes(feature)) throw new Errno('ENOTTY');
    // vfio_check_feature()
    if (flags & VFIO_DEVICE_FEATURE_GET) throw new Errno('EINVAL');
    if ((flags & VFIO_DEVICE_FEATURE_PROBE) === 0 && (flags & VFIO_DEVICE_FEATURE_SET) === 0) throw new Errno('EINVAL');
    return 0;
  }

  read(buffer: Buffer, position: number): number {
    const { index, offset } = splitPosition(position);
    if (index === VFIO_PCI_CONFIG_REGION_INDEX) return this.#open.read(buffer, offset);
    return this.#regions.read(index, offset, buffer);
  }

  write(data: Buffer, position: number): number {
    const { index, offset } = splitPosition(position);
    if (index === VFIO_PCI_CONFIG_REGION_INDEX) return this.#open.write(data, offset);
    return this.#regions.write(index, offset, data);
  }

  mmap(length: number, position: number): SimRegion {
    const { index, offset } = splitPosition(position);
    return this.#regions.mmap(index, offset, length);
  }

  /** vfio_pci_core_request() */
  request(): void {
    const device = { subsystem: 'pci', name: this.#fn.name };
    if (this.#irqs.request()) this.#print(KERN_NOTICE, 'Relaying device request to user (#0)', device);
    else this.#print(KERN_WARNING, 'No device request channel registered, blocked until released by user', device);
  }

  get #open(): VfioPciConfig {
    if (this.#config === null) throw new Errno('EINVAL');
    return this.#config;
  }

  get #registered(): SimVfioDevice {
    if (this.device === null) throw new Error(`${this.#fn.name} is not registered yet`);
    return this.device;
  }

  get #pin(): number {
    return this.#open.interruptPin;
  }

  #getInfo(argument: Buffer | number): number {
    const minimum = deviceInfo.capOffset;
    const user = new UserStruct(argument, minimum);
    const argsz = user.u32(deviceInfo.argsz);
    if (argsz < minimum) throw new Errno('EINVAL');
    const info = kernelStruct(deviceInfo.size);
    info.setU32(deviceInfo.argsz, argsz);
    info.setU32(deviceInfo.flags, VFIO_DEVICE_FLAGS.pci | (this.#resetWorks ? VFIO_DEVICE_FLAGS.reset : 0));
    info.setU32(deviceInfo.numRegions, VFIO_PCI_NUM_REGIONS);
    info.setU32(deviceInfo.numIrqs, VFIO_PCI_IRQS.length);
    user.fill(info, Math.min(argsz, deviceInfo.size));
    return 0;
  }

  #getIrqInfo(argument: Buffer | number): number {
    const user = new UserStruct(argument, irqInfo.size);
    const index = user.u32(irqInfo.index);
    if (user.u32(irqInfo.argsz) < irqInfo.size || index >= VFIO_PCI_IRQS.length) throw new Errno('EINVAL');
    if (index === ERR && !isExpress(this.#fn)) throw new Errno('EINVAL');
    const count = this.#irqs.count(index, this.#pin);
    // MSI-X takes more vectors while it is on, if there are any.
    const resizes = index === MSIX && count > 0;
    let flags = VFIO_IRQ_INFO_EVENTFD;
    if (index === INTX) flags |= VFIO_IRQ_INFO_MASKABLE | VFIO_IRQ_INFO_AUTOMASKED;
    else if (!resizes) flags |= VFIO_IRQ_INFO_NORESIZE;
    user.setU32(irqInfo.flags, flags);
    user.setU32(irqInfo.count, count);
    return 0;
  }

  /**
   * pci_try_reset_function(): resets the function itself, or its bus where it is alone there.
   *
   * @returns whether there was a way
   */
  #reset(): boolean {
    const attribute = `${this.#fn.path}/reset_method`;
    const methods = this.#kernel.exists(attribute) ? this.#kernel.text(attribute).trim().split(' ') : [];
    const alone = () => [...this.#bus.devices].filter((fn) => fn.busPath === this.#fn.busPath).length === 1;
    if (!methods.includes('flr') && !(methods.includes('bus') && alone())) return false;
    this.#fn.reset();
    return true;
  }

  /** pci_restore_state(): puts the header back. */
  #restore(): void {
    for (let at = 0; at < this.#saved.length; at += 4) this.#fn.config.write(at, 4, this.#saved.readUInt32LE(at));
  }

  #print(priority: number, message: string, device: { subsystem: string; name: string }): void {
    this.#kernel.messages.print(priority, `vfio-pci ${this.#fn.name}: ${message}`, device);
  }
}
