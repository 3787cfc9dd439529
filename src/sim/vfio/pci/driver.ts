import type { Width } from '../../../sys/sys';
import { PCI_COMMAND_INTX_DISABLE } from '../../../uapi/pci-regs';
import {
  deviceInfo,
  hotReset,
  hotResetDevice,
  hotResetInfo,
  irqInfo,
  regionInfo,
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
  VFIO_PCI_HOT_RESET_FLAG_DEV_ID,
  VFIO_PCI_HOT_RESET_FLAG_DEV_ID_OWNED,
  VFIO_PCI_IRQS,
  VFIO_PCI_NUM_REGIONS,
  VFIO_PCI_ROM_REGION_INDEX,
  VFIO_PCI_VGA_REGION_INDEX,
  VFIO_REGION_INFO_CAP_MSIX_MAPPABLE,
  VFIO_REGION_INFO_FLAG_CAPS,
  VFIO_REGION_INFO_FLAG_MMAP,
  VFIO_REGION_INFO_FLAG_READ,
  VFIO_REGION_INFO_FLAG_WRITE,
} from '../../../uapi/vfio';
import { from, type SimRegion } from '../../hardware/region';
import type { Bus, Driver } from '../../kernel/bus';
import { Errno } from '../../kernel/errno';
import { FatalSignal } from '../../kernel/fatal-signal';
import type { Kernel } from '../../kernel/kernel';
import { KERN_NOTICE, KERN_WARNING } from '../../kernel/kernel-log';
import { kernelStruct, respondWithCapabilities, type StructCapability, UserStruct } from '../../kernel/user-struct';
import type { PciBar } from '../../pci/bar';
import type { PciFunction } from '../../pci/function';
import type { Vfio } from '../core';
import type { SimVfioDevice, VfioDeviceOps } from '../group';
import { ERR, INTX, isExpress, MSIX, VfioPciIrqs } from './interrupts';
import { VfioPciConfig } from './virtual-config';

/** VFIO_PCI_OFFSET_SHIFT: where a region is in the device's file. */
const REGION = 2 ** 40;
const FEATURE_MASK = 0xffff;
const MSIX_ENTRY = 16;
const PCI_STD_HEADER_SIZEOF = 64;
/** VFIO_PCI_DEVID_OWNED, VFIO_PCI_DEVID_NOT_OWNED */
const DEVID_OWNED = 0;
const DEVID_NOT_OWNED = 0xffffffff;

/** drivers/vfio/pci/vfio_pci.c: any function that is behind an IOMMU, by driver_override alone. */
export function vfioPci(kernel: Kernel, bus: () => Bus<PciFunction>, vfio: () => Vfio): Driver<PciFunction> {
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

/** drivers/vfio/pci/vfio_pci_core.c and vfio_pci_rdwr.c of Linux 6.12. */
class VfioPciDevice implements VfioDeviceOps {
  readonly #kernel: Kernel;
  readonly #bus: Bus<PciFunction>;
  readonly #fn: PciFunction;
  readonly #irqs: VfioPciIrqs;
  /** While it is open. */
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
        return this.#getHotResetInfo(argument);
      case VFIO_DEVICE_GET_REGION_INFO:
        return this.#getRegionInfo(argument);
      case VFIO_DEVICE_PCI_HOT_RESET:
        return this.#hotReset(argument);
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
    const { index, offset } = split(position);
    if (index === VFIO_PCI_CONFIG_REGION_INDEX) return this.#open.read(buffer, offset);
    return this.#barAccess(index, offset, buffer, (region, at, width) => {
      writeWord(buffer, at, width, region.read(offset + at, width));
    });
  }

  write(data: Buffer, position: number): number {
    const { index, offset } = split(position);
    if (index === VFIO_PCI_CONFIG_REGION_INDEX) return this.#open.write(data, offset);
    return this.#barAccess(
      index,
      offset,
      null,
      (region, at, width) => {
        region.write(offset + at, width, readWord(data, at, width));
      },
      data.length,
    );
  }

  /** vfio_pci_core_mmap(). With memory decoding off an access is a bus error, as the page fault then is. */
  mmap(length: number, position: number): SimRegion {
    const { index, offset } = split(position);
    const bar = this.#fn.bars.find((one) => one.index === index);
    if (bar === undefined || !isMappable(this.#kernel, bar)) throw new Errno('EINVAL');
    if (offset + length > this.#kernel.pages(bar.size)) throw new Errno('EINVAL');
    const registers = from(this.#registers(bar), offset);
    const check = () => {
      if (this.#config?.memoryEnabled !== true)
        throw new FatalSignal('SIGBUS', `an access to ${this.#fn.name} with its memory decoding off`);
    };
    return {
      read: (at, width) => {
        check();
        return registers.read(at, width);
      },
      write: (at, width, value) => {
        check();
        registers.write(at, width, value);
      },
    };
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

  get #pin(): number {
    return this.#open.interruptPin;
  }

  #registers(bar: PciBar): SimRegion {
    return this.#kernel.log.of(this.#fn.name, `bar${bar.index}`, this.#fn.bar(bar));
  }

  /**
   * vfio_pci_bar_rw(), vfio_pci_core_do_io_rw(): the widest aligned accesses that the range allows, up to its end. The
   * MSI-X table is left out: it reads as ones, and writes to it are dropped.
   */
  #barAccess(
    index: number,
    offset: number,
    buffer: Buffer | null,
    access: (region: SimRegion, at: number, width: Width) => void,
    length = buffer?.length ?? 0,
  ): number {
    const bar = this.#fn.bars.find((one) => one.index === index);
    if (bar === undefined || offset >= bar.size) throw new Errno('EINVAL');
    const count = Math.min(length, bar.size - offset);
    const region = this.#registers(bar);
    const { msix } = this.#fn;
    const hidden = msix !== null && msix.bar === index ? msix : null;
    const start = hidden?.offset ?? Number.POSITIVE_INFINITY;
    const end = hidden === null ? start : start + hidden.vectors * MSIX_ENTRY;
    for (let at = 0; at < count; ) {
      const here = offset + at;
      if (here >= start && here < end) {
        const skipped = Math.min(count - at, end - here);
        buffer?.fill(0xff, at, at + skipped);
        at += skipped;
        continue;
      }
      if (!bar.io && !this.#open.memoryEnabled) throw new Errno('EIO');
      const width = widest(here, here < start ? Math.min(count - at, start - here) : count - at);
      access(region, at, width);
      at += width;
    }
    return count;
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

  #getRegionInfo(argument: Buffer | number): number {
    const user = new UserStruct(argument, regionInfo.size);
    if (user.u32(regionInfo.argsz) < regionInfo.size) throw new Errno('EINVAL');
    const index = user.u32(regionInfo.index);
    const { size, flags, capabilities } = this.#region(index);
    const info = kernelStruct(regionInfo.size);
    info.setU32(regionInfo.argsz, user.u32(regionInfo.argsz));
    info.setU32(regionInfo.flags, flags | (capabilities.length > 0 ? VFIO_REGION_INFO_FLAG_CAPS : 0));
    info.setU32(regionInfo.index, index);
    info.setU64(regionInfo.regionSize, BigInt(size));
    info.setU64(regionInfo.offset, BigInt(index * REGION));
    respondWithCapabilities(user, info, regionInfo.size, regionInfo.capOffset, capabilities);
    return 0;
  }

  #region(index: number): { size: number; flags: number; capabilities: StructCapability[] } {
    const readWrite = VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE;
    if (index === VFIO_PCI_CONFIG_REGION_INDEX)
      return { size: this.#fn.config.size, flags: readWrite, capabilities: [] };
    if (index >= VFIO_PCI_VGA_REGION_INDEX) throw new Errno('EINVAL');
    const bar = this.#fn.bars.find((one) => one.index === index);
    // No function here has a ROM.
    if (bar === undefined || index === VFIO_PCI_ROM_REGION_INDEX) return { size: 0, flags: 0, capabilities: [] };
    if (!isMappable(this.#kernel, bar)) return { size: bar.size, flags: readWrite, capabilities: [] };
    const msix = this.#fn.msix?.bar === index;
    return {
      size: bar.size,
      flags: readWrite | VFIO_REGION_INFO_FLAG_MMAP,
      capabilities: msix ? [{ id: VFIO_REGION_INFO_CAP_MSIX_MAPPABLE, version: 1, size: 8 }] : [],
    };
  }

  #getIrqInfo(argument: Buffer | number): number {
    const user = new UserStruct(argument, irqInfo.size);
    const index = user.u32(irqInfo.index);
    if (user.u32(irqInfo.argsz) < irqInfo.size || index >= VFIO_PCI_IRQS.length) throw new Errno('EINVAL');
    if (index === ERR && !isExpress(this.#fn)) throw new Errno('EINVAL');
    const count = this.#irqs.count(index, this.#pin);
    // Vectors can be added to MSI-X while it is on, where there is one.
    const resizes = index === MSIX && count > 0;
    let flags = VFIO_IRQ_INFO_EVENTFD;
    if (index === INTX) flags |= VFIO_IRQ_INFO_MASKABLE | VFIO_IRQ_INFO_AUTOMASKED;
    else if (!resizes) flags |= VFIO_IRQ_INFO_NORESIZE;
    user.setU32(irqInfo.flags, flags);
    user.setU32(irqInfo.count, count);
    return 0;
  }

  /** The functions that a reset of the bus would reset with it; a bus that no bridge leads to cannot be reset. */
  #getHotResetInfo(argument: Buffer | number): number {
    const user = new UserStruct(argument, hotResetInfo.size);
    const argsz = user.u32(hotResetInfo.argsz);
    if (argsz < hotResetInfo.size) throw new Errno('EINVAL');
    const siblings = this.#siblings();
    user.setU32(hotResetInfo.flags, 0);
    if (siblings.length > Math.floor((argsz - hotResetInfo.size) / hotResetInfo.deviceSize)) {
      user.setU32(hotResetInfo.count, siblings.length);
      throw new Errno('ENOSPC');
    }
    const byDevice = this.device?.cdevOpened === true;
    let owned = true;
    for (const [index, sibling] of siblings.entries()) {
      const at = hotResetInfo.devices + index * hotResetInfo.deviceSize;
      const [segment, bus, slot] = sibling.name.split(/[:.]/).map((part) => Number.parseInt(part, 16));
      const id = byDevice ? this.#ownership(sibling) : (this.#groupOf(sibling) ?? 0);
      if (byDevice && id === DEVID_NOT_OWNED) owned = false;
      user.setU32(at + hotResetDevice.id, id);
      user.setU16(at + hotResetDevice.segment, segment ?? 0);
      user.bytes[at + hotResetDevice.bus] = bus ?? 0;
      user.bytes[at + hotResetDevice.devfn] = ((slot ?? 0) << 3) | Number(sibling.name.slice(-1));
    }
    user.setU32(hotResetInfo.count, siblings.length);
    if (byDevice)
      user.setU32(
        hotResetInfo.flags,
        VFIO_PCI_HOT_RESET_FLAG_DEV_ID | (owned ? VFIO_PCI_HOT_RESET_FLAG_DEV_ID_OWNED : 0),
      );
    return 0;
  }

  /** Checked as the kernel does, and then refused: behind QEMU's ports it is, for whatever reason. */
  #hotReset(argument: Buffer | number): number {
    const user = new UserStruct(argument, hotReset.size);
    if (user.u32(hotReset.argsz) < hotReset.size || user.u32(hotReset.flags) !== 0) throw new Errno('EINVAL');
    if (user.u32(hotReset.count) > 0 === (this.device?.cdevOpened === true)) throw new Errno('EINVAL');
    if (user.u32(hotReset.count) > this.#siblings().length) throw new Errno('EINVAL');
    throw new Errno('ENOTTY');
  }

  #siblings(): PciFunction[] {
    const bus = busOf(this.#fn);
    if (/\/pci[0-9a-f]{4}:[0-9a-f]{2}$/.test(bus)) throw new Errno('ENODEV');
    return [...this.#bus.devices].filter((fn) => fn.path.startsWith(`${bus}/`));
  }

  #ownership(fn: PciFunction): number {
    if (fn === this.#fn) return this.device?.iommufdId ?? DEVID_NOT_OWNED;
    return this.#groupOf(fn) === this.#groupOf(this.#fn) ? DEVID_OWNED : DEVID_NOT_OWNED;
  }

  #groupOf(fn: PciFunction): number | null {
    const link = `${fn.path}/iommu_group`;
    return this.#kernel.exists(link) ? Number(this.#kernel.tree.readLink(link).split('/').pop()) : null;
  }

  /**
   * pci_try_reset_function(): by the function itself, or by its bus where it is alone there.
   *
   * @returns whether there was a way
   */
  #reset(): boolean {
    const attribute = `${this.#fn.path}/reset_method`;
    const methods = this.#kernel.exists(attribute) ? this.#kernel.text(attribute).trim().split(' ') : [];
    const alone = () => [...this.#bus.devices].filter((fn) => busOf(fn) === busOf(this.#fn)).length === 1;
    if (!methods.includes('flr') && !(methods.includes('bus') && alone())) return false;
    this.#fn.reset();
    return true;
  }

  /** pci_restore_state(): of what a user can change, the header. */
  #restore(): void {
    for (let at = 0; at < this.#saved.length; at += 4) this.#fn.config.write(at, 4, this.#saved.readUInt32LE(at));
  }

  #print(priority: number, message: string, device: { subsystem: string; name: string }): void {
    this.#kernel.messages.print(priority, `vfio-pci ${this.#fn.name}: ${message}`, device);
  }
}

/** The directory that a function's bus has its functions in. */
function busOf({ path }: PciFunction): string {
  return path.slice(0, path.lastIndexOf('/'));
}

function split(position: number): { index: number; offset: number } {
  const index = Math.floor(position / REGION);
  return { index, offset: position - index * REGION };
}

/** Memory, in whole pages: vfio_pci_probe_mmaps(). */
function isMappable(kernel: Kernel, bar: PciBar): boolean {
  return !bar.io && (bar.size >= kernel.pageSize || bar.address % kernel.pageSize === 0);
}

function widest(offset: number, length: number): Width {
  for (const width of [8, 4, 2] as const) if (length >= width && offset % width === 0) return width;
  return 1;
}

/** The CPU's byte order is little-endian on every machine that this runs on; PCI is anyway. */
function writeWord(buffer: Buffer, at: number, width: Width, value: number | bigint): void {
  if (width === 8) buffer.writeBigUInt64LE(BigInt(value), at);
  else buffer.writeUIntLE(Number(value), at, width);
}

function readWord(data: Buffer, at: number, width: Width): number | bigint {
  return width === 8 ? data.readBigUInt64LE(at) : data.readUIntLE(at, width);
}
