import { hexOf, type Saved, type StateReader } from '../state/saved';

const BLOCK = 512;
const ZEROS = Buffer.alloc(BLOCK);

/** The blocks of a disk; those that are zero take no room. */
export class Disk {
  static readonly BLOCK = BLOCK;
  readonly length: number;
  readonly #blocks = new Map<number, Buffer>();

  /** @param length in blocks */
  constructor(length: number) {
    this.length = length;
  }

  read(block: number, count: number): Buffer {
    return Buffer.concat(Array.from({ length: count }, (_, i) => this.#blocks.get(block + i) ?? ZEROS));
  }

  /** Writes bytes, in whole blocks or not. @param offset of the first byte, from the start of the block on */
  write(block: number, data: Buffer, offset = 0): void {
    for (let done = 0; done < data.length; ) {
      const at = (offset + done) % BLOCK;
      const index = block + Math.floor((offset + done) / BLOCK);
      const bytes = data.subarray(done, done + BLOCK - at);
      const whole = Buffer.from(this.#blocks.get(index) ?? ZEROS);
      bytes.copy(whole, at);
      if (whole.equals(ZEROS)) this.#blocks.delete(index);
      else this.#blocks.set(index, whole);
      done += bytes.length;
    }
  }

  save(): Saved {
    return Object.fromEntries([...this.#blocks].map(([block, bytes]) => [block, hexOf(bytes)]));
  }

  restore(state: StateReader): void {
    this.#blocks.clear();
    for (const [block, bytes] of state.entries(this.length)) {
      if (!/^\d+$/.test(block) || Number(block) >= this.length) bytes.fail('is no block of the disk');
      this.#blocks.set(Number(block), bytes.bytes(BLOCK));
    }
  }
}
