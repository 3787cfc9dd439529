import type { Registers } from '../../model/registers';
import type { Sys } from '../../sys/sys';
import type { IrqEventfds } from '../device/irq-eventfds';
import type { IrqName } from '../device/irq-set';
import type { DmaPool } from '../dma/buffer';

/** `inconclusive`: it could not be found out; proves nothing, either way. */
export type Verdict = 'pass' | 'fail' | 'skip' | 'inconclusive';

export interface Finding {
  verdict: Verdict;
  /** For people: what was seen. May hold a device's own text. */
  detail: string;
}

export interface CheckResult extends Finding {
  name: string;
}

/** Something to find out. Throws where it cannot go on. */
export interface Check {
  name: string;
  /** Whether it tells if the IOMMU keeps the device from memory that it was not given. */
  isolation?: boolean;
  run(signal: AbortSignal): Promise<Finding> | Finding;
}

/** What a tier is chosen by. Ids and class as in {@link DeviceInfo}: hex digits, null where they are not known. */
export interface DmaDevice {
  /** PCI address. */
  address: string;
  vendorId: string | null;
  deviceId: string | null;
  class: string | null;
}

/** What a driver has to work with. What it does not give back itself is given back when the test ends. */
export interface DmaPort {
  readonly sys: Sys;
  readonly device: DmaDevice;
  /** Memory that the device reaches, with addresses within the tier's {@link DmaTier.addressBits}. */
  readonly pool: DmaPool;
  /** The registers of a region: `bar0`. */
  region(name: string): Registers;
  /** Lets the device use the bus, or not. Off, while `init` begins. */
  setBusMaster(on: boolean): void;
  /** How many interrupts of a kind it has. */
  interruptCount(irq: IrqName): number;
  /** Switches one vector on. */
  interrupt(irq: IrqName, vector: number): IrqEventfds;
}

/** One transfer. */
export interface Copy {
  /** An I/O virtual address; nothing to a driver whose {@link DmaDriver.source} is `device`. */
  source: bigint;
  destination: bigint;
  /** At most {@link DmaDriver.maxLength}. */
  length: number;
}

export interface Completion {
  /** Whether the device said that it is done; of one that was stopped by an IOMMU either is to be expected. */
  completed: boolean;
  /** What the device said, where it says something. */
  note: string | null;
}

/** A device that was made ready to move data. */
export interface DmaDriver {
  /** Of one transfer, in bytes. */
  readonly maxLength: number;
  /** Whether it moves memory, or has but data of its own to write to it: then checks of reading are left out. */
  readonly source: 'memory' | 'device';
  /** What else this kind of device can be asked. Run before the transfers. */
  readonly checks: readonly Check[];
  /**
   * Moves data by DMA, and waits for the end, by the event loop. A transfer that the IOMMU stopped ends too: by itself
   * or by the driver's patience; the next one must work again.
   *
   * @throws once `signal` aborts
   */
  copy(copy: Copy, signal: AbortSignal): Promise<Completion>;
  /** Of a driver whose source is the device: what it wrote, in words; null where it is nothing that it would write. */
  recognize?(bytes: Buffer): string | null;
  /** Leaves the device quiet: no transfer under way, no interrupt pending. Called on every way out. */
  remove(): Promise<void>;
}

/**
 * A kind of device whose DMA can be tested: as in the kernel's own selftests (tools/testing/selftests/vfio/lib), what
 * knows the device is small, and all that is tested is written once, in run.ts.
 */
export interface DmaTier {
  /** For `--tier`. */
  readonly name: string;
  /** For people: `QEMU edu`. */
  readonly title: string;
  /** How many address bits the device drives. */
  readonly addressBits: number;
  /** What the test does to the device beyond what opening it does; shown before. */
  readonly warning?: string;
  probe(device: DmaDevice): boolean;
  /** @throws where the device does not come up */
  init(port: DmaPort, signal: AbortSignal): Promise<DmaDriver>;
}
