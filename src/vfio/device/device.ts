import { acquiring, type Cleanup } from '../../cleanup';
import { closedError, SysError, UdrvError } from '../../errors';
import { type LatencyOptions, measureLatencies } from '../../interrupts/latency';
import { type WatchOptions, watchInterrupts } from '../../interrupts/watch';
import type { VfioDeviceInfo } from '../../model/device';
import type { Interrupt } from '../../model/interrupt';
import type { RegionSource } from '../../model/location';
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
import { type DmaMemoryOptions, type DmaPool, DmaSpace } from '../dma/buffer';
import { type DmaFault, faultIsOf, parseFaults } from '../dma/faults';
import type { Iommu } from '../dma/iommu';
import { KernelLog } from '../dma/kernel-log';
import { deviceRequested, noReset, notPci, resetFailed } from '../errors';
import { query } from '../query';
import type { Attachment, VfioBackend } from './backend';
import { HEADER_SIZE, mustAnswer } from './decoding-check';
import { attachByGroup } from './group';
import { type HotResetDevice, readHotReset } from './hot-reset';
import { attachByIommufd } from './iommufd';
import { IrqEventfds, type IrqOptions, type Vectors } from './irq-eventfds';
import { Irq, type IrqName, VFIO_IRQ_NAMES } from './irq-set';
import { type LocatedRegion, readRegions, type VfioRegion } from './region-info';
import { MappedSpace } from './region-mmap';
import { mapsFirst, PreadSpace } from './region-pread';
import { attachWithToken } from './vf-token';

export interface VfioOpenOptions {
  backend?: VfioBackend | undefined;
  /**
   * Registers through mappings instead of pread and pwrite: faster, and SIGBUS where the device does not answer, unless
   * {@link LinuxSys} survives it. `where-safer`: where the kernel does not survive an access that nothing answers, for whoever
   * does not know the device. A driver does, and has the order of memory and registers from the kernel's accesses.
   */
  mmap?: boolean | 'where-safer' | undefined;
  /**
   * A UUID that the kernel asks for with SR-IOV, where VFIO has the physical function; or `auto`: a new one for a
   * physical function, and for a virtual one that asks for it, with its physical function opened too.
   */
  vfToken?: string | undefined;
}

export type VfioFlag = keyof typeof VFIO_DEVICE_FLAGS;
export type VfioFeature = (typeof VFIO_DEVICE_FEATURES)[number];

/** One wake-up by an interrupt of a VFIO device. Its `count` is that of its vector, since the watch began. */
export interface VfioInterrupt extends Interrupt {
  irq: IrqName;
  vector: number;
}

export interface VfioWatchOptions extends WatchOptions {
  irq: IrqName;
  /** All of them; the first alone if not given. */
  vectors?: Vectors | undefined;
  /** Before each wait the kernel raises the next vector, in turns, without the device. */
  loopback?: boolean | undefined;
}

export interface VfioLatencyOptions extends LatencyOptions {
  irq: IrqName;
  vector: number;
}

const FIRST_VECTOR: Vectors = { first: 0, last: 0 };

/**
 * An open VFIO device. Owns its descriptors and mappings; {@link close} (or `using`) puts back what was changed and
 * releases them in order. While it is open nobody else can have it, nor another device of its group.
 *
 * @example
 * using device = VfioDevice.open(sys, info);
 * device.region('bar0').read(0x0, 4);
 */
export class VfioDevice implements RegionSource {
  readonly info: VfioDeviceInfo;
  readonly regions: readonly VfioRegion[];
  /** VFIO_DEVICE_GET_INFO's flags: `pci`, `reset`. */
  readonly flags: readonly VfioFlag[];
  /** The VF token that the kernel was given; null for none. */
  readonly vfToken: string | null;
  readonly #sys: Sys;
  readonly #attachment: Attachment;
  readonly #mmap: boolean | 'where-safer';
  readonly #located: readonly LocatedRegion[];
  readonly #registers = new Map<string, Registers>();
  readonly #irqs = new Map<IrqName, Irq>();
  readonly #header = Buffer.alloc(HEADER_SIZE);
  readonly #cleanup: Cleanup;
  #log: KernelLog | undefined;
  #space: DmaSpace | undefined;
  /** Those that are open. */
  readonly #eventfds = new Set<IrqEventfds>();
  #request: IrqEventfds | undefined;
  #busMasterChanged = false;
  #closed = false;

  private constructor(
    sys: Sys,
    info: VfioDeviceInfo,
    { attachment, token }: { attachment: Attachment; token: string | null },
    mmap: boolean | 'where-safer',
    cleanup: Cleanup,
  ) {
    this.#sys = sys;
    this.info = info;
    this.vfToken = token;
    this.#attachment = attachment;
    this.#mmap = mmap;
    this.#cleanup = cleanup;
    // Before all that is taken later, and so undone after it: buffers go once the device is quiet.
    cleanup.defer(() => this.#space?.close());
    const struct = query(sys, attachment.fd, VFIO_DEVICE_GET_INFO, deviceInfo.size);
    const flags = struct.readUInt32LE(deviceInfo.flags);
    this.flags = (Object.keys(VFIO_DEVICE_FLAGS) as VfioFlag[]).filter((flag) => flags & VFIO_DEVICE_FLAGS[flag]);
    if (!this.flags.includes('pci')) throw notPci(info.address);
    this.#located = readRegions(sys, attachment.fd, info, struct.readUInt32LE(deviceInfo.numRegions));
    this.regions = this.#located.map((region) => region.info);
  }

  /**
   * Opens a device, with an empty address space for its DMA. The kernel resets it, if it can be reset, and switches its
   * bus mastering off.
   *
   * @throws exit 3 to 5 and 9 with what blocks it: the driver, the group, who has it open, the permission; exit 2 for a
   *   VF token that is none
   */
  static open(sys: Sys, info: VfioDeviceInfo, options: VfioOpenOptions = {}): VfioDevice {
    const { backend = 'auto', mmap = false, vfToken } = options;
    // The node that an inspection names is the one that `auto` opens.
    const byCdev =
      backend === 'iommufd' || (backend === 'auto' && info.node?.startsWith('/dev/vfio/devices/') === true);
    return acquiring((cleanup) => {
      const opened = attachWithToken(sys, info, byCdev ? attachByIommufd : attachByGroup, vfToken, cleanup);
      return new VfioDevice(sys, info, opened, mmap, cleanup);
    });
  }

  get backend(): 'group' | 'iommufd' {
    return this.#attachment.backend;
  }

  /** Address space of its DMA, empty at first. */
  get iommu(): Iommu {
    return this.#attachment.iommu;
  }

  /** Makes a pool of buffers in its address space, which all its pools share. {@link close} closes it. */
  pool(defaults?: DmaMemoryOptions): DmaPool {
    this.#fd;
    this.#space ??= new DmaSpace(this.#sys, this.iommu, this.info.address);
    return this.#space.pool(defaults);
  }

  /** Takes the device off its address space, and returns what puts it back; null where the backend cannot. */
  get detach(): (() => () => void) | null {
    return this.#attachment.detach ?? null;
  }

  /** Returns a region's registers. @throws exit 3 where there is no such region, exit 8 where the device does not answer */
  region(name: string): Registers {
    let registers = this.#registers.get(name);
    if (registers === undefined) {
      findRegion(this.info.address, this.regions, name);
      const located = this.#located.find((region) => region.info.name === name) as LocatedRegion;
      registers = new Registers(this.info.address, located.info, () => this.#openSpace(located));
      this.#registers.set(name, registers);
      this.#cleanup.own(registers);
    }
    return registers;
  }

  /** Returns one of its interrupts; where it does not have it, `info.count` is 0. */
  irq(name: IrqName): Irq {
    let irq = this.#irqs.get(name);
    if (irq === undefined) {
      irq = new Irq(this.#sys, this.#fd, this.info.address, name);
      this.#irqs.set(name, irq);
      // An interrupt that is on must not outlive the device.
      const opened = irq;
      this.#cleanup.defer(() => ignoringGone(() => opened.disable()));
    }
    return irq;
  }

  get irqs(): readonly Irq[] {
    return VFIO_IRQ_NAMES.map((name) => this.irq(name));
  }

  /**
   * Switches vectors of one of its interrupts on, an eventfd each, until they or the device are closed.
   *
   * @throws exit 5 where the interrupt is on already, 9 where it has no such interrupt, 3 where not all of these vectors
   */
  eventfds(irq: IrqName, vectors: Vectors = FIRST_VECTOR, options: IrqOptions = {}): IrqEventfds {
    this.#fd;
    const eventfds = new IrqEventfds(this.#sys, this, irq, vectors, options, (one) => this.#eventfds.delete(one));
    this.#eventfds.add(eventfds);
    return eventfds;
  }

  /**
   * Makes sure that the kernel does not request the device back: for loops that last, as the first call begins to listen.
   *
   * @throws exit 8
   */
  mustAnswer(): void {
    const request = this.irq('req');
    if (request.info.count === 0) return;
    if (this.#request === undefined || this.#request.closed) {
      // Whoever switched it on is told.
      if (request.isOn) return;
      this.#request = this.eventfds('req');
    }
    if (this.#request.take() !== null) throw deviceRequested(this.info.address);
  }

  /**
   * Yields the device's interrupts as they happen. Ends when `signal` aborts, the device is closed or the consumer stops,
   * and then puts back what it changed: the interrupts and bus mastering.
   *
   * @throws exit 5 where the interrupt is on already, 6 where `timeoutMs` passes without one, 8 where the kernel requests
   *   the device back, 9 where it has no such interrupt
   */
  async *interrupts({
    irq,
    vectors = FIRST_VECTOR,
    loopback = false,
    beforeWait,
    ...options
  }: VfioWatchOptions): AsyncGenerator<VfioInterrupt> {
    const source = this.eventfds(irq, vectors, { loopback });
    let next = vectors.first;
    const trigger = () => {
      source.trigger(next);
      next = next === vectors.last ? vectors.first : next + 1;
      beforeWait?.();
    };
    yield* watchInterrupts(source, { ...options, beforeWait: loopback ? trigger : beforeWait });
  }

  /** Measures from trigger to wake-up. @throws as {@link interrupts} and a wait that ends without an interrupt, or a line that stays asserted */
  async latencies({ irq, vector, ...options }: VfioLatencyOptions): Promise<void> {
    await measureLatencies(this.eventfds(irq, { first: vector, last: vector }), options);
  }

  /** Tells whether the device may write and read memory, and send messages. */
  get busMaster(): boolean {
    return (this.#command() & PCI_COMMAND_MASTER) !== 0;
  }

  /** Switches DMA on or off; {@link close} puts it back. */
  setBusMaster(on: boolean): void {
    const command = this.#command();
    if (!this.#busMasterChanged) {
      const before = (command & PCI_COMMAND_MASTER) !== 0;
      this.#cleanup.defer(() => ignoringGone(() => this.setBusMaster(before)));
      this.#busMasterChanged = true;
    }
    const changed = on ? command | PCI_COMMAND_MASTER : command & ~PCI_COMMAND_MASTER;
    if (changed !== command) this.region('config').write(PCI_COMMAND, 2, changed);
  }

  /** Returns the features of VFIO_DEVICE_FEATURE that this device and kernel have. */
  features(): VfioFeature[] {
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

  /**
   * Returns the DMA faults that the IOMMU has reported for this device since the last call, oldest first. They come from
   * the kernel log, which has them a moment after the access and limits their rate. The first call begins to listen, and
   * returns none; null where the user may not read the log.
   */
  faults(): DmaFault[] | null {
    this.#fd;
    if (this.#log === undefined) this.#log = this.#cleanup.own(KernelLog.open(this.#sys));
    if (!this.#log.readable) return null;
    const faults = parseFaults([...this.#log.lines()]);
    return faults.filter((fault) => faultIsOf(fault, this.info.address, 0n, 2n ** 64n));
  }

  /** Returns the functions that a reset of its bus would reset; null where its bus has none (a root bus). */
  hotReset(): HotResetDevice[] | null {
    return readHotReset(this.#sys, this.#fd);
  }

  /** Resets the function alone (FLR, or what else the kernel found). @throws exit 9 where it has no such reset */
  reset(): void {
    const { address } = this.info;
    if (!this.flags.includes('reset'))
      throw noReset(
        address,
        this.hotReset()?.map((device) => device.address),
      );
    try {
      this.#sys.ioctl(this.#fd, VFIO_DEVICE_RESET, 0);
    } catch (error) {
      throw resetFailed(address, error);
    }
  }

  /** Ends loops over its interrupts, puts back what was changed and releases everything. A second close does nothing. */
  close(): void {
    // Added last, so that they are the first to go.
    for (const eventfds of this.#eventfds) this.#cleanup.own(eventfds);
    try {
      this.#cleanup.close();
    } finally {
      this.#closed = true;
    }
  }

  [Symbol.dispose](): void {
    this.close();
  }

  get #fd(): number {
    if (this.#closed) throw closedError(this.info.address);
    return this.#attachment.fd;
  }

  #command(): number {
    return Number(this.region('config').read(PCI_COMMAND, 2));
  }

  #openSpace(region: LocatedRegion): PreadSpace | MappedSpace {
    const fd = this.#fd;
    if (region.info.kind === 'config') return new PreadSpace(this.#sys, fd, this.info, region);
    const config = this.#located.find(({ info }) => info.kind === 'config');
    if (config !== undefined && this.#sys.pread(fd, this.#header, config.position) === HEADER_SIZE)
      mustAnswer(this.info, region.info, this.#header);
    if (this.#mmap === true) return new MappedSpace(this.#sys, fd, this.info, region);
    return new PreadSpace(this.#sys, fd, this.info, region, this.#mmap === 'where-safer' && mapsFirst());
  }
}

/** Runs a step that has nothing to put back once the device is gone: the kernel then switches everything off itself. */
function ignoringGone(step: () => void): void {
  try {
    step();
  } catch (error) {
    if (!(error instanceof SysError) && !(error instanceof UdrvError)) throw error;
  }
}
