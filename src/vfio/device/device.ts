import { Exit, fromSysError, SysError, UdrvError } from '../../errors';
import type { RegionSource } from '../../model/action';
import type { VfioDeviceInfo } from '../../model/device';
import { findRegion, Registers } from '../../model/registers';
import type { Sys } from '../../sys/sys';
import { PCI_COMMAND, PCI_COMMAND_MASTER } from '../../uapi/pci-regs';
import {
  deviceFeature,
  deviceInfo,
  VFIO_DEVICE_FEATURE,
  VFIO_DEVICE_FEATURE_PROBE,
  VFIO_DEVICE_FEATURES,
  VFIO_DEVICE_FLAGS,
  VFIO_DEVICE_GET_INFO,
  VFIO_DEVICE_RESET,
} from '../../uapi/vfio';
import type { Iommu } from '../dma/iommu';
import type { Attachment } from './attachment';
import { attach, type Backend } from './backend';
import { type HotResetDevice, readHotReset } from './hot-reset';
import { Irq, type IrqName, VFIO_IRQ_NAMES } from './irq-set';
import { query } from './query';
import { MappedSpace, mustAnswer, PreadSpace } from './region-access';
import { type LocatedRegion, readRegions, type VfioRegion } from './regions';

export interface OpenOptions {
  backend?: Backend | undefined;
  /** Registers through mappings instead of pread and pwrite: faster, and SIGBUS where the device does not answer. */
  mmap?: boolean | undefined;
}

export type DeviceFlag = keyof typeof VFIO_DEVICE_FLAGS;
export type DeviceFeature = (typeof VFIO_DEVICE_FEATURES)[number];

/** As much of the configuration space as tells whether a device answers: ids, command, status, class and revision. */
const HEADER = 12;

/**
 * An open VFIO device. Owns its descriptors and mappings; {@link close} (or `using`) puts back what was changed and
 * releases them in order. While it is open nobody else can have it, nor another device of its group.
 *
 * @example
 * using device = VfioDevice.open(sys, inspected);
 * device.region('bar0').read(0x0, 4);
 */
export class VfioDevice implements RegionSource {
  readonly info: VfioDeviceInfo;
  readonly regions: readonly VfioRegion[];
  /** What VFIO says the device is and can do: `pci`, `reset`. */
  readonly flags: readonly DeviceFlag[];
  readonly #sys: Sys;
  readonly #attachment: Attachment;
  readonly #mmap: boolean;
  readonly #located: readonly LocatedRegion[];
  readonly #registers = new Map<string, Registers>();
  readonly #irqs = new Map<IrqName, Irq>();
  readonly #header = Buffer.alloc(HEADER);
  /** Set once bus mastering has been changed. */
  #wasMaster: boolean | undefined;
  #closed = false;

  private constructor(sys: Sys, info: VfioDeviceInfo, attachment: Attachment, mmap: boolean) {
    this.#sys = sys;
    this.info = info;
    this.#attachment = attachment;
    this.#mmap = mmap;
    const struct = query(sys, attachment.fd, VFIO_DEVICE_GET_INFO, deviceInfo.size);
    const flags = struct.readUInt32LE(deviceInfo.flags);
    this.flags = (Object.keys(VFIO_DEVICE_FLAGS) as DeviceFlag[]).filter((flag) => flags & VFIO_DEVICE_FLAGS[flag]);
    if (!this.flags.includes('pci')) throw noPci(info);
    this.#located = readRegions(sys, attachment.fd, info, struct.readUInt32LE(deviceInfo.numRegions));
    this.regions = this.#located.map((region) => region.info);
  }

  /**
   * Opens a device. The kernel resets it, if it can be reset, and switches its bus mastering off.
   *
   * @throws exit 3 to 5 and 9 with what is in the way: the driver, the group, who has it, the permission
   */
  static open(sys: Sys, device: VfioDeviceInfo, { backend = 'auto', mmap = false }: OpenOptions = {}): VfioDevice {
    const attachment = attach(sys, device, backend);
    try {
      return new VfioDevice(sys, device, attachment, mmap);
    } catch (error) {
      attachment.close();
      throw error;
    }
  }

  get backend(): 'group' | 'iommufd' {
    return this.#attachment.backend;
  }

  /** What its DMA goes through: an address space of its own, empty at first. */
  get iommu(): Iommu {
    return this.#attachment.iommu;
  }

  /** What takes the device off its address space, and returns what puts it back; null where the backend cannot. */
  get detach(): (() => () => void) | null {
    return this.#attachment.detach ?? null;
  }

  /** A region's registers. @throws exit 3 where there is no such region, exit 8 where the device does not answer */
  region(name: string): Registers {
    let registers = this.#registers.get(name);
    if (registers === undefined) {
      findRegion(this.info.address, this.regions, name);
      const located = this.#located.find((region) => region.info.name === name) as LocatedRegion;
      registers = new Registers(this.info.address, located.info, () => this.#openSpace(located));
      this.#registers.set(name, registers);
    }
    return registers;
  }

  /** One of its interrupts, whether it has it or not: `info.count` tells. */
  irq(name: IrqName): Irq {
    let irq = this.#irqs.get(name);
    if (irq === undefined) {
      irq = new Irq(this.#sys, this.#fd, this.info.address, name);
      this.#irqs.set(name, irq);
    }
    return irq;
  }

  get irqs(): readonly Irq[] {
    return VFIO_IRQ_NAMES.map((name) => this.irq(name));
  }

  /** Whether the device may write and read memory, and send messages. */
  get busMaster(): boolean {
    return (this.#command() & PCI_COMMAND_MASTER) !== 0;
  }

  /** Switches DMA on or off; {@link close} puts it back. */
  setBusMaster(on: boolean): void {
    const command = this.#command();
    this.#wasMaster ??= (command & PCI_COMMAND_MASTER) !== 0;
    const changed = on ? command | PCI_COMMAND_MASTER : command & ~PCI_COMMAND_MASTER;
    if (changed !== command) this.region('config').write(PCI_COMMAND, 2, changed);
  }

  /** The features of VFIO_DEVICE_FEATURE that this device and kernel have. */
  features(): DeviceFeature[] {
    return VFIO_DEVICE_FEATURES.filter((_, id) => {
      const struct = Buffer.alloc(deviceFeature.size);
      struct.writeUInt32LE(deviceFeature.size, deviceFeature.argsz);
      struct.writeUInt32LE(id | VFIO_DEVICE_FEATURE_PROBE, deviceFeature.flags);
      try {
        this.#sys.ioctl(this.#fd, VFIO_DEVICE_FEATURE, struct);
        return true;
      } catch (error) {
        if (error instanceof SysError) return false;
        throw error;
      }
    });
  }

  /** What a reset of its bus would reset with it; null where its bus has none (a root bus). */
  hotReset(): HotResetDevice[] | null {
    return readHotReset(this.#sys, this.#fd);
  }

  /** Resets the function alone (FLR, or what else the kernel found). @throws exit 9 where it has no such reset */
  reset(): void {
    const { address } = this.info;
    if (!this.flags.includes('reset'))
      throw new UdrvError(
        'cannot be reset by itself: it has no function level reset, nor another that spares its neighbours',
        {
          code: 'EINVAL',
          exit: Exit.unsupported,
          subject: address,
          hint: this.#hotResetHint(),
          device: address,
        },
      );
    try {
      this.#sys.ioctl(this.#fd, VFIO_DEVICE_RESET, 0);
    } catch (error) {
      if (!(error instanceof SysError)) throw error;
      throw fromSysError(error, { subject: address, device: address, exit: Exit.failed, message: 'the reset failed' });
    }
  }

  #hotResetHint(): string {
    const others = this.hotReset()?.map((device) => device.address);
    if (others === undefined) return 'nor can its bus be reset; what remains is to switch its power off';
    return `a reset of its bus would reset ${others.join(', ')}; udrv does none: it takes all of them`;
  }

  close(): void {
    if (this.#closed) return;
    const putBack = [...this.#irqs.values()].map((irq) => () => irq.disable());
    const wasMaster = this.#wasMaster;
    if (wasMaster !== undefined) putBack.push(() => this.setBusMaster(wasMaster));
    try {
      // Before the device: an interrupt that is on, or bus mastering, must not outlive it.
      for (const step of putBack) ignoringGone(step);
    } finally {
      this.#closed = true;
      for (const registers of this.#registers.values()) registers.close();
      this.#attachment.close();
    }
  }

  [Symbol.dispose](): void {
    this.close();
  }

  get #fd(): number {
    if (this.#closed) throw new RangeError(`${this.info.address} is closed`);
    return this.#attachment.fd;
  }

  #command(): number {
    return Number(this.region('config').read(PCI_COMMAND, 2));
  }

  #openSpace(region: LocatedRegion): PreadSpace | MappedSpace {
    const fd = this.#fd;
    if (region.info.kind === 'config') return new PreadSpace(this.#sys, fd, this.info, region);
    const config = this.#located.find(({ info }) => info.kind === 'config');
    if (config !== undefined && this.#sys.pread(fd, this.#header, config.position) === HEADER)
      mustAnswer(this.info, region.info, this.#header);
    const Space = this.#mmap ? MappedSpace : PreadSpace;
    return new Space(this.#sys, fd, this.info, region);
  }
}

/** Of a device that is gone there is nothing to put back: the kernel switches all off when the last descriptor goes. */
function ignoringGone(step: () => void): void {
  try {
    step();
  } catch (error) {
    if (!(error instanceof SysError) && !(error instanceof UdrvError)) throw error;
  }
}

function noPci({ address }: VfioDeviceInfo): UdrvError {
  return new UdrvError('is no PCI device: udrv drives no others through VFIO', {
    code: 'EOPNOTSUPP',
    exit: Exit.unsupported,
    subject: address,
    device: address,
  });
}
