import type { Registers } from '../../model/registers';
import type { SysTree } from '../../sys/sys';
import type { IrqEventfds } from '../device/irq-eventfds';
import type { IrqName } from '../device/irq-set';
import type { DmaPool } from '../dma/buffer';

/** `inconclusive` proves nothing, either way. */
export type Verdict = 'pass' | 'fail' | 'skip' | 'inconclusive';

export interface Finding {
  verdict: Verdict;
  /** Evidence, for people. May hold a device's own text. */
  detail: string;
}

/** A finding, with the name of the check. */
export interface CheckResult {
  name: string;
  verdict: Verdict;
  /** Evidence, for people. May hold a device's own text. */
  detail: string;
}

/** One question to the machine. `run` throws if it cannot go on. */
export interface Check {
  name: string;
  /** Whether the verdict is about isolation: the IOMMU keeps the device from memory that it was not given. */
  isolation?: boolean;
  run(signal: AbortSignal): Promise<Finding> | Finding;
}

/** Identity by which a tier is chosen. Ids and class as in {@link DeviceInfo}: hex digits, null if unknown. */
export interface DmaDevice {
  /** PCI address. */
  address: string;
  vendorId: string | null;
  deviceId: string | null;
  class: string | null;
}

/** The device and its resources, as a driver gets them. Whatever it does not give back is given back when the test ends. */
export interface DmaPort {
  readonly sys: SysTree;
  readonly device: DmaDevice;
  /** Memory that the device reaches, with addresses within the tier's {@link DmaTier.addressBits}. */
  readonly pool: DmaPool;
  /** Returns the registers of a region: `bar0`. */
  region(name: string): Registers;
  /** Lets the device use the bus, or not. Off when `init` begins. */
  setBusMaster(on: boolean): void;
  /** Returns the number of vectors of an interrupt; 0 if the device does not have it. */
  interruptCount(irq: IrqName): number;
  /** Switches one vector on. */
  interrupt(irq: IrqName, vector: number): IrqEventfds;
}

/** One transfer. */
export interface Copy {
  /** I/O virtual address; ignored by a driver whose {@link DmaDriver.source} is `device`. */
  source: bigint;
  destination: bigint;
  /** At most {@link DmaDriver.maxLength}. */
  length: number;
}

export interface Completion {
  /** Whether the device reported completion. A transfer that an IOMMU stopped may end either way. */
  completed: boolean;
  /** The device's own report, if it makes one. */
  note: string | null;
}

/** A device that is ready to move data. */
export interface DmaDriver {
  /** Longest transfer, in bytes. */
  readonly maxLength: number;
  /** Origin of the data that it writes: memory, or the device itself, and then checks of reading are left out. */
  readonly source: 'memory' | 'device';
  /** Further checks for this kind of device. Run before the transfers. */
  readonly checks: readonly Check[];
  /**
   * Moves data by DMA, and waits for the end in the event loop. A transfer that the IOMMU stopped ends too: by itself
   * or by the driver's patience; the next one must work again.
   *
   * @throws once `signal` aborts
   */
  copy(copy: Copy, signal: AbortSignal): Promise<Completion>;
  /** Describes what a device with data of its own wrote; null if it is nothing that it would write. */
  recognize?(bytes: Buffer): string | null;
  /** Leaves the device quiet: no transfer under way, no interrupt pending. Called on every way out. */
  remove(): Promise<void>;
}

/**
 * A kind of device whose DMA can be tested. The part that knows the device is small, as in the kernel's own selftests
 * (tools/testing/selftests/vfio/lib); the tests are written once, in transfers.ts.
 */
export interface DmaTier {
  /** For `--tier`. */
  readonly name: string;
  /** For people: `QEMU edu`. */
  readonly title: string;
  /** Number of address bits that the device drives. */
  readonly addressBits: number;
  /** Effects on the device beyond those of opening it; shown before the test. */
  readonly warning?: string;
  probe(device: DmaDevice): boolean;
  /** Makes the device ready. @throws if it does not come up */
  init(port: DmaPort, signal: AbortSignal): Promise<DmaDriver>;
}
