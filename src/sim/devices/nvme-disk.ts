import { hexOf, type Saved, type StateReader } from '../state/saved';

const BLOCK = 512;
const ZEROS = Buffer.alloc(BLOCK);
/** The blocks of the namespace; those that are zero take no room. */
export class NvmeDisk {
  static readonly BLOCK = BLOCK;
  static readonly BLOCKS = 131_072;
  readonly #blocks = new Map<number, Buffer>();

  read(block: number, count: number): Buffer {
    return Buffer.concat(Array.from({ length: count }, (_, i) => this.#blocks.get(block + i) ?? ZEROS));
  }

  /** @param data whole blocks */
  write(block: number, data: Buffer): void {
    for (let at = 0; at < data.length; at += BLOCK) {
      const bytes = data.subarray(at, at + BLOCK);
      if (bytes.equals(ZEROS)) this.#blocks.delete(block + at / BLOCK);
      else this.#blocks.set(block + at / BLOCK, Buffer.from(bytes));
    }
  }

  save(): Saved {
    return Object.fromEntries([...this.#blocks].map(([block, bytes]) => [block, hexOf(bytes)]));
  }

  restore(state: StateReader): void {
    this.#blocks.clear();
    for (const [block, bytes] of state.entries(NvmeDisk.BLOCKS)) {
      if (!/^\d+$/.test(block) || Number(block) >= NvmeDisk.BLOCKS) bytes.fail('is no block of the disk');
      this.#blocks.set(Number(block), bytes.bytes(BLOCK));
    }
  }
}
