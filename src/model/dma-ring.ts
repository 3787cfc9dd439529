import { KEEPS_LOAD_ORDER } from '../sys/load-order';

/** The bit by which the device says that it has written an entry. */
export interface DoneBit {
  /** Index of its 32-bit word in the entry. */
  word: number;
  /** Mask of one bit. */
  mask: number;
  /**
   * Whether its meaning turns around each time the device passes the end of the ring, beginning with 1 (the phase tag of
   * NVMe). Otherwise 1 means done, and the driver clears it before it gives the entry to the device again (the DD bit of
   * Intel's network cards).
   */
  flips: boolean;
  /** Whether the last entry of each batch alone has it: all before it are done then too. Not with `flips`. */
  perBatch?: boolean;
}

export interface DmaRingOptions {
  /** Memory that the device reaches, from the first entry on. */
  bytes: Buffer;
  /** Number of entries, at least 2. */
  entries: number;
  /** Bytes of an entry, a multiple of 4. */
  entrySize: number;
  /** Writes an index to the device's doorbell register. */
  doorbell: (index: number) => void;
  /** Absent for a ring that the device only reads. */
  done?: DoneBit;
}

/**
 * A ring of descriptors in memory that a driver and a device share. The layout is given once; after that there are
 * indices of 32-bit words and no objects: nothing is allocated for an entry.
 *
 * A ring that the driver fills: {@link claim} an entry, write its {@link words}, {@link submit} the batch. One that the
 * device fills: {@link peek} at the oldest entry, read its words, {@link release} it, {@link acknowledge} the batch.
 * A ring that goes both ways, as those of network cards do, has all of these.
 *
 * One entry always stays free, so that a full ring differs from an empty one.
 */
export class DmaRing {
  /** All entries as 32-bit words in the processor's byte order, which is the device's on a little-endian machine. */
  readonly words: Uint32Array;
  readonly entries: number;
  /** Words of an entry. */
  readonly stride: number;
  readonly #doorbell: (index: number) => void;
  readonly #doneWord: number;
  readonly #doneMask: number;
  readonly #flips: boolean;
  /** The words again: what `Atomics.load` gives of signed ones is never a number that V8 has to allocate. */
  readonly #signed: Int32Array;
  /** The last entry of a batch, by its first one; null where each entry has the bit. */
  readonly #ends: Uint32Array | null;
  /** The first entry of the batch that is claimed now. */
  #batch = 0;
  /** Entries that are known to be done, the oldest and those after it. */
  #known = 0;
  /** The bit of an entry that is done, in this round. */
  #expected: number;
  /** The oldest entry that the device has, or that it writes next. */
  #head = 0;
  /** The entry that is claimed next. */
  #tail = 0;
  #used = 0;

  constructor({ bytes, entries, entrySize, doorbell, done }: DmaRingOptions) {
    if (!Number.isSafeInteger(entries) || entries < 2 || !(entrySize > 0) || entrySize % 4 !== 0)
      throw new RangeError(`${entries} entries of ${entrySize} bytes are no ring`);
    if (bytes.length < entries * entrySize || bytes.byteOffset % 4 !== 0)
      throw new RangeError(`${entries} entries of ${entrySize} bytes do not fit into ${bytes.length}`);
    this.words = new Uint32Array(bytes.buffer, bytes.byteOffset, (entries * entrySize) / 4);
    this.entries = entries;
    this.stride = entrySize / 4;
    this.#doorbell = doorbell;
    this.#doneWord = done?.word ?? 0;
    this.#doneMask = (done?.mask ?? 0) | 0;
    this.#flips = done?.flips ?? false;
    this.#signed = new Int32Array(this.words.buffer, this.words.byteOffset, this.words.length);
    this.#ends = done?.perBatch === true ? new Uint32Array(entries) : null;
    this.#expected = this.#doneMask;
  }

  /** Entries that can be claimed now. */
  get free(): number {
    return this.entries - 1 - this.#used;
  }

  /** Takes the next free entry. @returns the index of its first word, -1 where none is free */
  claim(): number {
    if (this.#used === this.entries - 1) return -1;
    const at = this.#tail * this.stride;
    this.#tail = this.#tail + 1 === this.entries ? 0 : this.#tail + 1;
    this.#used++;
    return at;
  }

  /** Gives all claimed entries to the device, by one write of its doorbell. */
  submit(): void {
    if (this.#ends !== null && this.#batch !== this.#tail) {
      this.#ends[this.#batch] = (this.#tail === 0 ? this.entries : this.#tail) - 1;
      this.#batch = this.#tail;
    }
    this.#doorbell(this.#tail);
  }

  /** Index of the first word of the oldest entry that the device was given, done or not; -1 where it has none. */
  get oldest(): number {
    return this.#used > 0 ? this.#head * this.stride : -1;
  }

  /** Returns the index of the first word of the oldest entry where the device has written it, -1 otherwise. */
  peek(): number {
    const at = this.#head * this.stride;
    if (this.#ends !== null) return this.#known > 0 || this.#isBatchDone(this.#ends) ? at : -1;
    return this.#isDone(at) && (this.#flips || this.#used > 0) ? at : -1;
  }

  #isDone(at: number): boolean {
    // The load comes before those of the entry's other words, and is made each time.
    const index = at + this.#doneWord;
    const word = KEEPS_LOAD_ORDER ? (this.#signed[index] ?? 0) : Atomics.load(this.#signed, index);
    return (word & this.#doneMask) === this.#expected;
  }

  #isBatchDone(ends: Uint32Array): boolean {
    if (this.#head === this.#batch) return false;
    const end = ends[this.#head] ?? 0;
    if (!this.#isDone(end * this.stride)) return false;
    this.#known = end - this.#head + 1;
    if (this.#known <= 0) this.#known += this.entries;
    return true;
  }

  /** Passes the oldest entry. */
  release(): void {
    if (this.#known > 0) this.#known--;
    if (!this.#flips) this.#used--;
    if (++this.#head < this.entries) return;
    this.#head = 0;
    if (this.#flips) this.#expected ^= this.#doneMask;
  }

  /** Passes all entries before an index, up to which the device says that it has read. */
  releaseTo(index: number): void {
    let passed = index - this.#head;
    if (passed < 0) passed += this.entries;
    if (passed > this.#used) return;
    this.#head = index;
    this.#used -= passed;
  }

  /** Tells the device how far entries were taken, by one write of its doorbell. */
  acknowledge(): void {
    this.#doorbell(this.#head);
  }
}
