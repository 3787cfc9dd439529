import { endianness } from 'node:os';

/** Which half of a u64 is the low one. */
const LOW = endianness() === 'LE' ? 0 : 1;

/**
 * A struct that is filled anew for each mapping. Its fields are written through typed arrays: Buffer's methods for u64
 * cost as much as half the ioctl. Typed arrays have the CPU's byte order, as the struct has.
 */
export class MapStruct {
  readonly bytes: Buffer;
  readonly #words: Uint32Array;
  readonly #quads: BigUint64Array;

  /** @param size a multiple of 8 */
  constructor(size: number) {
    const memory = new ArrayBuffer(size);
    this.bytes = Buffer.from(memory);
    this.#words = new Uint32Array(memory);
    this.#quads = new BigUint64Array(memory);
  }

  /** @param offset in bytes, as all of them */
  set32(offset: number, value: number): void {
    this.#words[offset >> 2] = value;
  }

  set64(offset: number, value: bigint): void {
    this.#quads[offset >> 3] = value;
  }

  /** A u64 that is a length. As a number: a BigInt would be made for each. */
  length(offset: number): number {
    const index = offset >> 2;
    return (this.#words[index + LOW] ?? 0) + (this.#words[index + 1 - LOW] ?? 0) * 2 ** 32;
  }
}
