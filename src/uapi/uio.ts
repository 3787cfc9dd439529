/** The two words of a UIO node, both a native s32: drivers/uio/uio.c, uio_read() and uio_write(). */
import { endianness } from 'node:os';

const little = endianness() === 'LE';

export const UIO_WORD_SIZE = 4;

/** Reads the total of interrupts that a read gives. Wraps like the signed 32-bit number it is. */
export function unpackEventCount(word: Buffer): number {
  return little ? word.readInt32LE() : word.readInt32BE();
}

/** @param count a signed 32-bit number */
export function packEventCount(word: Buffer, count: number): void {
  if (little) word.writeInt32LE(count);
  else word.writeInt32BE(count);
}

/** Packs the argument of irqcontrol: 1 enables, 0 disables. */
export function packIrqControl(word: Buffer, on: boolean): void {
  if (little) word.writeInt32LE(on ? 1 : 0);
  else word.writeInt32BE(on ? 1 : 0);
}
