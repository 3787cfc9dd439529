import { endianness } from 'node:os';

/** Which half of a u64 is the low one. */
const LOW = endianness() === 'LE' ? 0 : 1;

/**
 * Reads a u64 of a struct that is a length, after each of many ioctls. As a number: a BigInt would be made for each.
 *
 * @param struct with the field at a multiple of 4, also within what the buffer is a part of
 */
export function lengthField(struct: Buffer, offset: number): () => number {
  const words = new Uint32Array(struct.buffer, struct.byteOffset + offset, 2);
  return () => (words[LOW] ?? 0) + (words[1 - LOW] ?? 0) * 2 ** 32;
}
