import type { Width } from '../../sys/sys';
import { PCI_COMMAND_INTX_DISABLE, PCI_COMMAND_IO, PCI_COMMAND_MEMORY } from '../../uapi/pci-regs';
import { IrqLine } from '../hardware/irq-line';
import { bounded, ones, type SimRegion, unassigned } from '../hardware/region';
import type { SavedFields, StateReader } from '../state/saved';
import type { PciBar } from './bar';
import { CAP_MSIX, SimConfigSpace } from './config-space';

export const PCI_COMMAND_MASTER = 0x4;
const MSIX_ENABLE = 0x8000;

/** The target of a function's DMA. Addresses are the device's (IOVA). */
export interface DmaTarget {
  /** Returns null for an access that is refused. */
  read(address: bigint, length: number): Buffer | null;
  /** Returns false for an access that is refused. */
  write(address: bigint, data: Buffer): boolean;
}

/** `D3hot`: the configuration space answers, the BARs do not. `D3cold`, and `gone`: nothing does. */
export type PciPower = 'D0' | 'D3hot' | 'D3cold' | 'gone';

/** The place of a function's MSI-X table, from its capability. */
export interface MsixTable {
  readonly bar: number;
  readonly offset: number;
  readonly vectors: number;
}

/** A PCI function on its bus: configuration space, BARs, one INTx pin, messages. */
export class PciFunction {
  readonly name: string;
  readonly path: string;
  readonly bars: readonly PciBar[];
  readonly config: SimConfigSpace;
  /** The line of INTx, behind its mask. */
  readonly irq = new IrqLine();
  /** Set by the IOMMU; without one every access is refused. */
  dma: DmaTarget | null = null;
  /** Receives message `vector`, where MSI or MSI-X is enabled. */
  onMessage: (vector: number) => void = () => {};
  /** Resets the device itself, in a function level reset. */
  onReset: () => void = () => {};
  /** Counts pci_enable_device(): the `enable` attribute. */
  enabled = 0;
  readonly #regions = new Map<number, SimRegion>();
  #power: PciPower = 'D0';
  #asserted = false;

  /** @param path below /sys/devices, without links */
  constructor(name: string, path: string, config: Buffer, bars: readonly PciBar[]) {
    this.name = name;
    this.path = path;
    this.bars = bars;
    this.config = new SimConfigSpace(
      config,
      bars,
      () => this.#asserted,
      () => this.#updateIrq(),
    );
  }

  /** The directory that holds the functions of its bus. */
  get busPath(): string {
    return this.path.slice(0, this.path.lastIndexOf('/'));
  }

  get power(): PciPower {
    return this.#power;
  }

  set power(power: PciPower) {
    this.#power = power;
    this.#updateIrq();
  }

  /** Puts a device's registers behind a BAR. */
  attach(bar: number, region: SimRegion): void {
    this.#regions.set(bar, region);
  }

  /**
   * Returns a BAR as a processor reaches it, at the address that the kernel gave it. A BAR that is switched off, moved,
   * asleep or gone reads as all ones, as on hardware (a master abort); QEMU gives all ones for ports and zeros for
   * memory.
   */
  bar(bar: PciBar): SimRegion {
    return bounded(bar.size, () => (this.#decodes(bar) ? (this.#regions.get(bar.index) ?? unassigned) : unassigned));
  }

  readConfig(offset: number, width: Width): number {
    return this.#answers ? this.config.read(offset, width) : Number(ones(width));
  }

  writeConfig(offset: number, width: Width, value: number): void {
    if (this.#answers) this.config.write(offset, width, value);
  }

  get msix(): MsixTable | null {
    const at = this.config.capability(CAP_MSIX);
    if (at === undefined) return null;
    const table = this.config.read(at + 4, 4);
    return { bar: table & 7, offset: table - (table & 7), vectors: (this.config.read(at + 2, 2) & 0x7ff) + 1 };
  }

  /** pci_alloc_irq_vectors() and pci_free_irq_vectors() with MSI-X: mask INTx meanwhile. */
  setMessages(on: boolean): void {
    const at = this.config.capability(CAP_MSIX);
    if (at === undefined) return;
    const control = this.config.read(at + 2, 2);
    this.config.write(at + 2, 2, on ? control | MSIX_ENABLE : control & ~MSIX_ENABLE);
    this.config.setCommand(on ? PCI_COMMAND_INTX_DISABLE : 0, on ? 0 : PCI_COMMAND_INTX_DISABLE);
  }

  /** True while it asserts INTx, masked or not. */
  get asserted(): boolean {
    return this.#asserted;
  }

  /** Sends a message, which is a write by the device: without bus mastering it is lost. */
  sendMessage(vector: number): void {
    if (this.config.mastersBus && this.power === 'D0') this.onMessage(vector);
  }

  /** Sets the interrupt at the device's end: INTx as a level, or a message where MSI is on. No pin, no INTx. */
  setInterrupt(asserted: boolean): void {
    if (this.config.msiEnabled) {
      if (asserted) this.sendMessage(0);
      return;
    }
    this.#asserted = asserted && this.config.interruptPin !== 0;
    this.#updateIrq();
  }

  readDma(address: bigint, length: number): Buffer | null {
    return this.config.mastersBus ? (this.dma?.read(address, length) ?? null) : null;
  }

  writeDma(address: bigint, data: Buffer): boolean {
    return this.config.mastersBus && this.dma?.write(address, data) === true;
  }

  /** pci_enable_device(): turns decoding on for its BARs, and Interrupt Disable off if it has a pin. */
  enable(): void {
    if (this.enabled++ > 0) return;
    const io = this.bars.some((bar) => bar.io) ? PCI_COMMAND_IO : 0;
    const memory = this.bars.some((bar) => !bar.io) ? PCI_COMMAND_MEMORY : 0;
    this.config.setCommand(io | memory, this.config.interruptPin === 0 ? 0 : PCI_COMMAND_INTX_DISABLE);
  }

  /** pci_disable_device(): clears bus mastering and leaves decoding as it is. */
  disable(): void {
    if (--this.enabled === 0) this.clearMaster();
  }

  /** pci_clear_master() */
  clearMaster(): void {
    this.config.setCommand(0, PCI_COMMAND_MASTER);
  }

  /**
   * pci_check_and_mask_intx(): masks INTx if this function asserts it.
   *
   * @returns whether it did
   */
  checkAndMaskIntx(): boolean {
    if (!this.#asserted || !this.#answers) return false;
    this.config.setCommand(PCI_COMMAND_INTX_DISABLE);
    return true;
  }

  /** pci_check_and_unmask_intx(): unmasks INTx, unless the function asserts it still. */
  checkAndUnmaskIntx(): boolean {
    if (this.#asserted) return false;
    this.config.setCommand(0, PCI_COMMAND_INTX_DISABLE);
    return true;
  }

  /** Resets the device alone: the kernel puts the configuration space back. */
  reset(): void {
    this.#asserted = false;
    this.#updateIrq();
    this.onReset();
  }

  save(): SavedFields {
    return {
      enabled: this.enabled,
      asserted: this.#asserted,
      irq: this.irq.save(),
      config: this.config.save(),
    };
  }

  restore(state: StateReader): void {
    this.enabled = state.at('enabled').integer(0xffff);
    this.#asserted = state.at('asserted').flag();
    this.irq.restore(state.at('irq'));
    this.config.restore(state.at('config'));
  }

  /** Pulls it out of its slot. */
  unplug(): void {
    this.power = 'gone';
  }

  #decodes(bar: PciBar): boolean {
    const on = bar.io ? this.config.decodesIo : this.config.decodesMemory;
    return on && this.power === 'D0' && this.config.barAddress(bar) === bar.address;
  }

  get #answers(): boolean {
    return this.power === 'D0' || this.power === 'D3hot';
  }

  #updateIrq(): void {
    this.irq.set(this.#asserted && this.power === 'D0' && !this.config.intxDisabled);
  }
}
