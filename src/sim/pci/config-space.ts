import type { Width } from '../../sys/sys';
import {
  PCI_COMMAND,
  PCI_COMMAND_INTX_DISABLE,
  PCI_COMMAND_IO,
  PCI_COMMAND_MEMORY,
  PCI_STATUS,
  PCI_STATUS_INTERRUPT,
} from '../../uapi/pci-regs';
import { hexOf, type StateReader } from '../state/saved';
import type { PciBar } from './bar';

// <linux/pci_regs.h>
const PCI_COMMAND_MASTER = 0x4;
const PCI_COMMAND_SERR = 0x100;
const PCI_STATUS_CAP_LIST = 0x10;
/** Parity and abort bits, cleared by writing 1. */
const PCI_STATUS_ERROR_BITS = 0xf900;
const PCI_CACHE_LINE_SIZE = 0x0c;
const PCI_HEADER_TYPE = 0x0e;
const PCI_BASE_ADDRESS_0 = 0x10;
const PCI_CAPABILITY_LIST = 0x34;
const PCI_INTERRUPT_LINE = 0x3c;
const PCI_INTERRUPT_PIN = 0x3d;
const PCI_STD_HEADER_SIZEOF = 0x40;
const PCI_CFG_SPACE_SIZE = 0x100;

/** PCI_CAP_ID_*: the capabilities whose registers a program may change. */
export const CAP_PM = 0x01;
export const CAP_MSI = 0x05;
export const CAP_EXP = 0x10;
export const CAP_MSIX = 0x11;

/** Registers that only a bridge has, with their writable bits: hw/pci/pci.c of QEMU, pci_init_mask_bridge(). */
const BRIDGE: readonly (readonly [offset: number, bytes: number, mask: number])[] = [
  [0x18, 4, 0xffffffff], // bus numbers, secondary latency timer
  [0x1c, 2, 0xf0f0], // I/O window
  [0x20, 4, 0xfff0fff0], // memory window
  [0x24, 4, 0xfff0fff0], // prefetchable window
  [0x28, 4, 0xffffffff], // its upper halves
  [0x2c, 4, 0xffffffff],
  [0x3e, 2, 0x0bff], // bridge control
];

/**
 * The configuration space of a function: which bits a write changes, as hw/pci/pci.c of QEMU has it (pci_init_wmask,
 * pci_init_w1cmask; verified on QEMU 7.2). Bytes that the specification leaves to the device (above the header, between
 * capabilities) are plain memory there, and here.
 */
export class SimConfigSpace {
  readonly #bytes: Buffer;
  readonly #bars: readonly PciBar[];
  /** Set bits can be written. Made for the first write: most functions never see one. */
  #writable: Buffer | undefined;
  #capabilities: readonly { id: number; at: number }[] | undefined;
  readonly #asserted: () => boolean;
  readonly #onCommand: () => void;

  /**
   * @param image the content at first; its length is that of the space
   * @param asserted whether the function asserts INTx: bit 3 of the status register, whether masked or not
   * @param onCommand called when the command register was written
   */
  constructor(image: Buffer, bars: readonly PciBar[], asserted: () => boolean, onCommand: () => void) {
    this.#bytes = Buffer.from(image);
    this.#bars = bars;
    this.#asserted = asserted;
    this.#onCommand = onCommand;
  }

  get size(): number {
    return this.#bytes.length;
  }

  get command(): number {
    return this.#bytes.readUInt16LE(PCI_COMMAND);
  }

  get decodesIo(): boolean {
    return (this.command & PCI_COMMAND_IO) !== 0;
  }

  get decodesMemory(): boolean {
    return (this.command & PCI_COMMAND_MEMORY) !== 0;
  }

  get mastersBus(): boolean {
    return (this.command & PCI_COMMAND_MASTER) !== 0;
  }

  get intxDisabled(): boolean {
    return (this.command & PCI_COMMAND_INTX_DISABLE) !== 0;
  }

  /** 0: no INTx; 1 to 4: INTA to INTD. */
  get interruptPin(): number {
    return this.#bytes[PCI_INTERRUPT_PIN] ?? 0;
  }

  /** Bit 0 of the MSI control register: the function signals by messages, not by INTx. */
  get msiEnabled(): boolean {
    const msi = this.capability(CAP_MSI);
    return msi !== undefined && ((this.#bytes[msi + 2] ?? 0) & 1) !== 0;
  }

  /** Bit 15 of the MSI-X control register. */
  get msixEnabled(): boolean {
    const msix = this.capability(CAP_MSIX);
    return msix !== undefined && ((this.#bytes[msix + 3] ?? 0) & 0x80) !== 0;
  }

  /** Finds the offset of a capability, if the function has it. */
  capability(id: number): number | undefined {
    return this.capabilities().find((capability) => capability.id === id)?.at;
  }

  capabilities(): readonly { id: number; at: number }[] {
    // Capabilities cannot be moved by a write.
    this.#capabilities ??= capabilities(this.#bytes);
    return this.#capabilities;
  }

  /** Copies the whole of it, as it is now. */
  copy(): Buffer {
    return Buffer.from(this.#bytes);
  }

  /** Returns the address of a BAR in its register now, which a program can change. */
  barAddress({ index, io, wide }: PciBar): number {
    const at = PCI_BASE_ADDRESS_0 + 4 * index;
    const low = this.#bytes.readUInt32LE(at);
    const high = wide ? this.#bytes.readUInt32LE(at + 4) : 0;
    return high * 2 ** 32 + (low - (low % (io ? 4 : 16)));
  }

  /** Changes bits of the command register as the kernel does. */
  setCommand(set: number, clear = 0): void {
    this.write(PCI_COMMAND, 2, (this.command | set) & ~clear);
  }

  /** @param offset naturally aligned */
  read(offset: number, width: Width): number {
    let value = 0;
    for (let i = width - 1; i >= 0; i--) value = value * 256 + this.#byte(offset + i);
    return value;
  }

  /** @param offset naturally aligned */
  write(offset: number, width: Width, value: number): void {
    this.#writable ??= writableBits(this.#bytes, this.#bars);
    for (let i = 0; i < width; i++) {
      const at = offset + i;
      const byte = Math.floor(value / 256 ** i) & 0xff;
      const mask = this.#writable[at] ?? 0;
      const kept = (this.#bytes[at] ?? 0) & ~mask;
      this.#bytes[at] = (kept | (byte & mask)) & ~(byte & clearedByOnes(at));
    }
    if (offset < PCI_COMMAND + 2 && offset + width > PCI_COMMAND) this.#onCommand();
  }

  save(): string {
    return hexOf(this.#bytes);
  }

  /** Sets what a program can write. */
  restore(state: StateReader): void {
    const bytes = state.bytes(this.#bytes.length);
    this.#writable ??= writableBits(this.#bytes, this.#bars);
    for (const [at, mask] of this.#writable.entries())
      this.#bytes[at] = ((this.#bytes[at] ?? 0) & ~mask) | ((bytes[at] ?? 0) & mask);
  }

  #byte(offset: number): number {
    const byte = this.#bytes[offset] ?? 0xff;
    if (offset !== PCI_STATUS) return byte;
    return this.#asserted() ? byte | PCI_STATUS_INTERRUPT : byte & ~PCI_STATUS_INTERRUPT;
  }
}

function clearedByOnes(offset: number): number {
  return offset === PCI_STATUS + 1 ? PCI_STATUS_ERROR_BITS >> 8 : 0;
}

function writableBits(image: Buffer, bars: readonly PciBar[]): Buffer {
  const bits = Buffer.alloc(image.length);
  bits.fill(0xff, PCI_STD_HEADER_SIZEOF, PCI_CFG_SPACE_SIZE);
  bits.writeUInt16LE(
    PCI_COMMAND_IO | PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER | PCI_COMMAND_SERR | PCI_COMMAND_INTX_DISABLE,
    PCI_COMMAND,
  );
  bits[PCI_CACHE_LINE_SIZE] = 0xff;
  bits[PCI_INTERRUPT_LINE] = 0xff;
  if (((image[PCI_HEADER_TYPE] ?? 0) & 0x7f) === 1)
    for (const [offset, bytes, mask] of BRIDGE) bits.writeUIntLE(mask, offset, bytes);
  for (const { index, io, wide, size } of bars) {
    const at = PCI_BASE_ADDRESS_0 + 4 * index;
    // The bits below the size read as zero, the lowest of them as the type: how software finds the size.
    bits.writeUInt32LE((-size & (io ? ~0x3 : ~0xf)) >>> 0, at);
    if (wide) bits.writeUInt32LE(0xffffffff, at + 4);
  }
  for (const { id, at } of capabilities(image)) {
    const [length, ...writable] = capabilityRegisters(id, image, at);
    bits.fill(0, at, Math.min(at + length, PCI_CFG_SPACE_SIZE));
    for (const [offset, bytes, mask] of writable) bits.writeUIntLE(mask, at + offset, bytes);
  }
  return bits;
}

/** Reads the chain of capabilities, which ends at the first that makes no sense. */
function capabilities(image: Buffer): { id: number; at: number }[] {
  const found: { id: number; at: number }[] = [];
  if (((image[PCI_STATUS] ?? 0) & PCI_STATUS_CAP_LIST) === 0) return found;
  for (
    let at = image[PCI_CAPABILITY_LIST] ?? 0;
    at >= PCI_STD_HEADER_SIZEOF && found.length < 48;
    at = image[at + 1] ?? 0
  )
    found.push({ id: image[at] ?? 0, at });
  return found;
}

/** Returns a capability's length, then offset, bytes and writable bits of the registers that a driver sets. */
function capabilityRegisters(
  id: number,
  image: Buffer,
  at: number,
): [length: number, ...(readonly [offset: number, bytes: number, mask: number])[]] {
  switch (id) {
    case CAP_PM:
      return [8, [4, 2, 0x0103]];
    case CAP_MSI: {
      const control = image.readUInt16LE(at + 2);
      const wide = (control & 0x80) !== 0;
      // Multiple Message Enable can be as high as Multiple Message Capable.
      const vectors = (1 << ((control >> 1) & 0x7)) - 1;
      return wide
        ? [14, [2, 2, 1 | (vectors << 4)], [4, 4, 0xfffffffc], [8, 4, 0xffffffff], [12, 2, 0xffff]]
        : [10, [2, 2, 1 | (vectors << 4)], [4, 4, 0xfffffffc], [8, 2, 0xffff]];
    }
    case CAP_MSIX:
      return [12, [2, 2, 0xc000]];
    case CAP_EXP:
      // Device, link, slot and root control, and their second registers.
      return [
        0x3c,
        [8, 2, 0x7fff],
        [16, 2, 0x0fff],
        [24, 2, 0x1fff],
        [28, 2, 0x001f],
        [40, 2, 0xffff],
        [48, 2, 0xffff],
      ];
    default:
      return [4];
  }
}
