import { Cleanup } from '../cleanup';
import type { PciDeviceInfo, Region, VfioDeviceInfo } from '../model/device';
import type { RegionSource } from '../model/location';
import { findRegion, Registers } from '../model/registers';
import type { Sys } from '../sys/sys';
import { openBar } from './bar-access';
import { mustDecode } from './decoding-check';
import { wentAway } from './errors';
import { pciPath } from './paths';

/**
 * The BARs of any PCI function, through the files that sysfs has for them, while whatever driver has the function goes
 * on with its work. Reads and writes reach the device beside that driver: a write may be one that it does not survive.
 * Owns the mappings; {@link close} (or `using`) releases them.
 *
 * @example
 * using device = PciDevice.open(sys, info, { write: false });
 * device.region('bar0').read(0x1c, 4);
 */
export class PciDevice implements RegionSource {
  readonly info: PciDeviceInfo | VfioDeviceInfo;
  readonly #sys: Sys;
  readonly #write: boolean;
  readonly #registers = new Map<string, Registers>();
  readonly #cleanup = new Cleanup();

  private constructor(sys: Sys, info: PciDeviceInfo | VfioDeviceInfo, write: boolean) {
    this.#sys = sys;
    this.info = info;
    this.#write = write;
  }

  /** Opens a function. Each BAR is opened at its first access, and it is then that errors show. */
  static open(sys: Sys, info: PciDeviceInfo | VfioDeviceInfo, { write }: { write: boolean }): PciDevice {
    return new PciDevice(sys, info, write);
  }

  get regions(): readonly Region[] {
    return this.info.pci.regions;
  }

  /**
   * Returns the registers of a BAR. The first access throws exit 4 without permission and under lockdown, exit 5 where
   * the kernel keeps the BAR for its driver, exit 1 where the function sleeps or does not decode.
   *
   * @throws exit 3, naming the regions there are
   */
  region(name: string): Registers {
    const bar = findRegion(this.info.address, this.regions, name);
    let registers = this.#registers.get(bar.name);
    if (registers === undefined) {
      const { address, driver } = this.info;
      const place = { address, driver, bar, offset: 0, device: address, region: bar.name };
      registers = new Registers(address, bar, () => openBar(this.#sys, place, this.#write));
      this.#registers.set(bar.name, registers);
      this.#cleanup.own(registers);
    }
    return registers;
  }

  /**
   * Makes sure that the function still answers accesses to a BAR: for loops that last.
   *
   * @throws exit 8 where it is gone, exit 1 where it sleeps or does not decode
   */
  mustAnswer(name: string): void {
    const { address } = this.info;
    const { kind } = findRegion(address, this.regions, name);
    if (this.#sys.access(pciPath(address)) === null) throw wentAway(address);
    if (kind === 'mmio' || kind === 'portio') mustDecode(this.#sys, address, kind, address);
  }

  /** Releases everything. A second close does nothing. */
  close(): void {
    this.#cleanup.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}
