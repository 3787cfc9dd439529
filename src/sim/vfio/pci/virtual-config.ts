import { PCI_COMMAND, PCI_COMMAND_INTX_DISABLE, PCI_COMMAND_IO, PCI_COMMAND_MEMORY } from '../../../uapi/pci-regs';
import type { SimRegion } from '../../hardware/region';
import { Errno } from '../../kernel/errno';
import { CAP_EXP, CAP_MSI, CAP_PM } from '../../pci/config-space';
import type { PciFunction } from '../../pci/function';

// <linux/pci_regs.h>
const PCI_STATUS = 0x06;
const PCI_STATUS_CAP_LIST = 0x10;
const PCI_BASE_ADDRESS_0 = 0x10;
const PCI_ROM_ADDRESS = 0x30;
const PCI_CAPABILITY_LIST = 0x34;
const PCI_INTERRUPT_LINE = 0x3c;
const PCI_INTERRUPT_PIN = 0x3d;
const PCI_STD_HEADER_SIZEOF = 0x40;
const BARS = 6;
const CAP_VENDOR = 0x09;
const CAP_MSIX = 0x11;
const CAP_AF = 0x13;
const MSI_ENABLE = 0x01;
const MSI_QUEUE_SIZE = 0x70;
const MSI_64BIT = 0x80;
const MSI_MASKABLE = 0x100;
const EXP_DEVCAP_FLR = 0x10000000;
const EXP_DEVCTL = 8;
const EXP_DEVCTL_FLR = 0x8000;
const PM_CTRL = 4;

/** Marks of bytes that belong to no capability, and of the header. */
const UNASSIGNED = 0xff;
const HEADER = 0x00;

/** The effects that writes to the configuration space have on its device. */
export interface ConfigHooks {
  /** Called when the user's own Interrupt Disable changes. */
  intxDisabled(disabled: boolean): void;
  /** Messages as an ioctl set them up; their number is a power of two, by its exponent. */
  readonly irqs: { readonly msi: { readonly enabled: boolean; readonly queueSize: number } };
  /** Makes a function level reset, which the user asked for. */
  reset(): void;
}

/**
 * The configuration space as a user of vfio-pci sees it: drivers/vfio/pci/vfio_pci_config.c. Which bits are the
 * hardware's, which are a copy of the user's own, and which can be written, as in its tables.
 */
export class VfioPciConfig {
  readonly #fn: PciFunction;
  /** The hardware, as the user's accesses reach it. */
  readonly #registers: SimRegion;
  readonly #hooks: ConfigHooks;
  /** The user's copy: struct vfio_pci_core_device's vconfig. */
  readonly #virtual: Buffer;
  /** The capability that each byte belongs to: pci_config_map. */
  readonly #map: Buffer;
  /** Bits that are read from the copy, and bits that can be written. */
  readonly #virtualized: Buffer;
  readonly #writable: Buffer;
  readonly #at = new Map<number, number>();
  #intxDisabled = false;

  constructor(fn: PciFunction, registers: SimRegion, hooks: ConfigHooks) {
    this.#fn = fn;
    this.#registers = registers;
    this.#hooks = hooks;
    this.#virtual = fn.config.copy();
    const { size } = fn.config;
    this.#map = Buffer.alloc(size, UNASSIGNED).fill(HEADER, 0, PCI_STD_HEADER_SIZEOF);
    this.#virtualized = Buffer.alloc(size);
    this.#writable = Buffer.alloc(size);
    this.#setUpHeader();
    this.#setUpCapabilities();
  }

  /** True while the user's memory decoding is on: without it no access is made. */
  get memoryEnabled(): boolean {
    return (this.#virtual.readUInt16LE(PCI_COMMAND) & PCI_COMMAND_MEMORY) !== 0 && this.#fn.power === 'D0';
  }

  /** The Interrupt Pin register as the user sees it. */
  get interruptPin(): number {
    return this.#virtual[PCI_INTERRUPT_PIN] ?? 0;
  }

  read(buffer: Buffer, position: number): number {
    for (const { at, width } of this.#chunks(position, buffer.length)) {
      this.#readChunk(at, width).copy(buffer, at - position);
    }
    return buffer.length;
  }

  write(data: Buffer, position: number): number {
    for (const { at, width } of this.#chunks(position, data.length))
      this.#writeChunk(at, data.subarray(at - position, at - position + width));
    return data.length;
  }

  /** vfio_config_do_rw(): splits a range into aligned pieces with no more than one capability in each. */
  *#chunks(position: number, length: number): Generator<{ at: number; width: 1 | 2 | 4 }> {
    let at = position;
    while (at < position + length) {
      if (position + length > this.#map.length) throw new Errno('EFAULT');
      const left = Math.min(position + length - at, this.#restOfWord(at));
      const width = left >= 4 && at % 4 === 0 ? 4 : left >= 2 && at % 2 === 0 ? 2 : 1;
      yield { at, width };
      at += width;
    }
  }

  #restOfWord(at: number): number {
    let length = 1;
    while ((at + length) % 4 !== 0 && this.#map[at + length] === this.#map[at]) length++;
    return length;
  }

  #readChunk(at: number, width: 1 | 2 | 4): Buffer {
    if (at >= PCI_BASE_ADDRESS_0 && at < PCI_ROM_ADDRESS + 4) this.#fixBars();
    const result = Buffer.from(this.#virtual.subarray(at, at + width));
    if (this.#virtualized.subarray(at, at + width).every((mask) => mask === 0xff)) return result;
    const hardware = this.#hardware(at, width);
    for (let i = 0; i < width; i++) {
      const mask = this.#virtualized[at + i] ?? 0;
      result[i] = ((hardware[i] ?? 0) & ~mask) | ((result[i] ?? 0) & mask);
    }
    return result;
  }

  #writeChunk(at: number, data: Buffer): void {
    this.#store(at, data);
    const id = this.#map[at] ?? UNASSIGNED;
    if (id === HEADER) this.#afterHeader(at, data);
    else if (id !== UNASSIGNED) this.#afterCapability(id, at - (this.#at.get(id) ?? 0), data);
  }

  /** vfio_default_config_write() */
  #store(at: number, data: Buffer): void {
    const width = data.length as 1 | 2 | 4;
    let toHardware = false;
    for (let i = 0; i < width; i++) {
      const writable = this.#writable[at + i] ?? 0;
      const mask = writable & (this.#virtualized[at + i] ?? 0);
      this.#virtual[at + i] = ((this.#virtual[at + i] ?? 0) & ~mask) | ((data[i] ?? 0) & mask);
      if (writable & ~mask) toHardware = true;
    }
    if (!toHardware) return;
    const value = this.#map[at] === UNASSIGNED ? Buffer.alloc(width) : this.#hardware(at, width);
    for (let i = 0; i < width; i++) {
      const mask = (this.#writable[at + i] ?? 0) & ~(this.#virtualized[at + i] ?? 0);
      value[i] = ((value[i] ?? 0) & ~mask) | ((data[i] ?? 0) & mask);
    }
    this.#registers.write(at, width, value.readUIntLE(0, width));
  }

  #hardware(at: number, width: 1 | 2 | 4): Buffer {
    const value = Buffer.alloc(width);
    value.writeUIntLE(Number(this.#registers.read(at, width)), 0, width);
    return value;
  }

  /** vfio_basic_config_write(): the decoding bits are remembered, Interrupt Disable is the user's own. */
  #afterHeader(at: number, data: Buffer): void {
    if (at === PCI_COMMAND) {
      const decoding = PCI_COMMAND_MEMORY | PCI_COMMAND_IO;
      const command = this.#virtual.readUInt16LE(PCI_COMMAND) & ~decoding;
      const written = data.length > 1 ? data.readUInt16LE() : data.readUInt8();
      this.#virtual.writeUInt16LE(command | (written & decoding), PCI_COMMAND);
    }
    if (at < PCI_COMMAND || at > PCI_COMMAND + 1) return;
    const disabled = (this.#virtual.readUInt16LE(PCI_COMMAND) & PCI_COMMAND_INTX_DISABLE) !== 0;
    if (disabled === this.#intxDisabled) return;
    this.#intxDisabled = disabled;
    this.#hooks.intxDisabled(disabled);
  }

  #afterCapability(id: number, offset: number, data: Buffer): void {
    const start = this.#at.get(id) ?? 0;
    if (id === CAP_MSI && offset <= 2 && offset + data.length >= 2) this.#afterMsi(start);
    // vfio_pm_config_write(): the kernel changes the state at the user's request.
    if (id === CAP_PM && offset === PM_CTRL) {
      const state = (data[0] ?? 0) & 3;
      this.#fn.writeConfig(start + PM_CTRL, 1, state);
      this.#fn.power = state === 3 ? 'D3hot' : 'D0';
    }
    if (id === CAP_EXP) this.#afterExpress(start);
  }

  /** vfio_msi_config_write(): messages are enabled by an ioctl; a user can only switch them off and on again. */
  #afterMsi(start: number): void {
    const { enabled, queueSize } = this.#hooks.irqs.msi;
    let flags = this.#virtual.readUInt16LE(start + 2);
    if (!enabled) flags &= ~MSI_ENABLE;
    if ((flags & MSI_QUEUE_SIZE) >> 4 > queueSize) flags = (flags & ~MSI_QUEUE_SIZE) | (queueSize << 4);
    this.#virtual.writeUInt16LE(flags, start + 2);
    this.#fn.writeConfig(start + 2, 2, flags);
  }

  /** vfio_exp_config_write(): a function level reset, whichever way the kernel can make one. */
  #afterExpress(start: number): void {
    const control = this.#virtual.readUInt16LE(start + EXP_DEVCTL);
    if ((control & EXP_DEVCTL_FLR) === 0) return;
    this.#virtual.writeUInt16LE(control & ~EXP_DEVCTL_FLR, start + EXP_DEVCTL);
    if (this.#fn.readConfig(start + 4, 4) & EXP_DEVCAP_FLR) this.#hooks.reset();
  }

  /** vfio_bar_fixup(): clears the bits that hardware would not keep, so that BARs can be sized. */
  #fixBars(): void {
    const bars = new Map(this.#fn.bars.map((bar) => [bar.index, bar]));
    for (let index = 0; index < BARS; index++) {
      const at = PCI_BASE_ADDRESS_0 + 4 * index;
      const bar = bars.get(index);
      if (bar === undefined) {
        this.#virtual.writeUInt32LE(0, at);
        continue;
      }
      const mask = -bar.size;
      const flags = bar.io ? 1 : (bar.prefetchable ? 8 : 0) | (bar.wide ? 4 : 0);
      this.#virtual.writeUInt32LE(((this.#virtual.readUInt32LE(at) & mask) | flags) >>> 0, at);
      // The upper half of the address: no BAR here has 4 GiB.
      if (bar.wide) index++;
    }
    this.#virtual.writeUInt32LE(0, PCI_ROM_ADDRESS);
  }

  #setUpHeader(): void {
    const virtual = (at: number, length: number, writable: boolean) => {
      this.#virtualized.fill(0xff, at, at + length);
      if (writable) this.#writable.fill(0xff, at, at + length);
    };
    virtual(0, 4, false);
    this.#writable.fill(0xff, PCI_COMMAND, PCI_COMMAND + 2);
    this.#virtualized.writeUInt16LE(PCI_COMMAND_INTX_DISABLE, PCI_COMMAND);
    this.#virtualized[PCI_STATUS] = PCI_STATUS_CAP_LIST;
    // Cache line size, latency timer, BIST: the hardware's.
    for (const at of [0x0c, 0x0d, 0x0f]) this.#writable[at] = 0xff;
    virtual(PCI_BASE_ADDRESS_0, 4 * BARS, true);
    virtual(PCI_ROM_ADDRESS, 4, true);
    virtual(PCI_CAPABILITY_LIST, 1, false);
    virtual(PCI_INTERRUPT_LINE, 1, true);
    virtual(PCI_INTERRUPT_PIN, 1, false);
    // vfio_pci_core_enable() has cleared it.
    this.#virtual.writeUInt16LE(this.#virtual.readUInt16LE(PCI_COMMAND) & ~PCI_COMMAND_INTX_DISABLE, PCI_COMMAND);
  }

  /**
   * vfio_cap_init(): takes capabilities that it does not know out of the chain; bytes of no capability are the user's.
   */
  #setUpCapabilities(): void {
    let previous = PCI_CAPABILITY_LIST;
    for (const { id, at } of this.#fn.config.capabilities()) {
      const length = this.#lengthOf(id, at);
      if (length === 0) {
        this.#virtual[previous] = this.#virtual[at + 1] ?? 0;
        continue;
      }
      this.#map.fill(id, at, at + length);
      this.#at.set(id, at);
      this.#virtualized.fill(0xff, at, at + 2);
      this.#permit(id, at, length);
      previous = at + 1;
    }
    for (let at = PCI_STD_HEADER_SIZEOF; at < this.#map.length; at++)
      if (this.#map[at] === UNASSIGNED) this.#writable[at] = 0xff;
  }

  #lengthOf(id: number, at: number): number {
    switch (id) {
      case CAP_PM:
        return 8;
      case CAP_MSI: {
        const flags = this.#virtual.readUInt16LE(at + 2);
        return 10 + (flags & MSI_64BIT ? 4 : 0) + (flags & MSI_MASKABLE ? 10 : 0);
      }
      case CAP_VENDOR:
        return this.#virtual[at + 2] ?? 0;
      case CAP_EXP:
        return ((this.#virtual[at + 2] ?? 0) & 0xf) > 1 ? 44 : 20;
      case CAP_MSIX:
        return 12;
      case CAP_AF:
        return 6;
      default:
        return 0;
    }
  }

  /** The tables of writable bits: init_pci_cap_msi_perm() and the others. */
  #permit(id: number, at: number, length: number): void {
    switch (id) {
      case CAP_MSI: {
        const flags = this.#virtual.readUInt16LE(at + 2);
        const end = flags & MSI_64BIT ? 14 : 10;
        for (const bits of [this.#virtualized, this.#writable]) {
          bits[at + 2] = 0xff;
          bits.fill(0xff, at + 4, at + end);
        }
        // Mask and pending bits are the hardware's.
        if (flags & MSI_MASKABLE) this.#writable.fill(0xff, at + end + 2, at + length);
        break;
      }
      case CAP_PM:
        // PME belongs to the kernel; so does the state, which a write only asks for.
        this.#virtual[at + 3] = (this.#virtual[at + 3] ?? 0) & 0x07;
        this.#virtualized[at + 3] = 0xf8;
        this.#virtualized[at + 5] = 0x81;
        this.#writable.fill(0xff, at + 4, at + 8);
        this.#writable[at + 4] = 0xfc;
        this.#writable[at + 5] = 0x7e;
        break;
      case CAP_EXP:
        // Reset, payload and read request size are the user's own; phantom functions, and ARI forwarding, nobody's.
        this.#virtualized.writeUInt16LE(0xf0e0, at + EXP_DEVCTL);
        this.#writable.writeUInt16LE(0xfdff, at + EXP_DEVCTL);
        if (length > 20) this.#writable.writeUInt16LE(0xffdf, at + 40);
        break;
      case CAP_VENDOR:
        this.#writable.fill(0xff, at, at + length);
        this.#virtualized.fill(0, at, at + 1);
        break;
      default:
    }
  }
}
