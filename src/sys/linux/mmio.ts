import { inspect } from 'node:util';
import { closedError } from '../../errors';
import { KEEPS_LOAD_ORDER } from '../load-order';
import type { Mapping, Width, Word } from '../sys';

/** V8 aborts the process on an ArrayBuffer above 4 GiB; windows of this size keep clear of it. */
const WINDOW = 2 ** 30;

interface Window {
  start: number;
  u8: Uint8Array;
  u16: Uint16Array;
  u32: Uint32Array;
  u64: BigUint64Array;
}

/**
 * Width-exact access to mapped device memory.
 *
 * A single read is `Atomics.load`, which V8 neither splits, widens nor drops, but which costs a call of a builtin. A
 * prepared read of up to 4 bytes is a plain element load, which ECMAScript does not let V8 split (NoTear, in its memory
 * model) and which V8 neither merges with another nor moves (held by test/unit/sys/mmio.test.ts); only a load whose value
 * nobody needs could be dropped, so each value goes into a sum that is kept. Writes are plain element stores
 * (`Atomics.store` is a locked exchange, which reads the register as well). The views are private, because anything
 * that prints one reads hundreds of registers.
 */
export class Mmio implements Mapping {
  readonly length: number;
  readonly #view: (start: number, length: number) => ArrayBuffer;
  readonly #unmap: () => void;
  #window: Window | undefined;
  #closed = false;
  /** The sum of all values that prepared reads gave. */
  #sum = 0;

  /**
   * @param view gives the memory of part of the mapping, without copying it
   * @param unmap releases the mapping; called once
   */
  constructor(length: number, view: (start: number, length: number) => ArrayBuffer, unmap: () => void) {
    this.length = length;
    this.#view = view;
    this.#unmap = unmap;
  }

  read(offset: number, width: Width): Word {
    const w = this.#at(offset, width);
    const index = (offset - w.start) / width;
    switch (width) {
      case 1:
        return Atomics.load(w.u8, index);
      case 2:
        return Atomics.load(w.u16, index);
      case 4:
        return Atomics.load(w.u32, index);
      case 8:
        return Atomics.load(w.u64, index);
    }
  }

  reader(offset: number, width: Width): () => Word {
    const window = this.#at(offset, width);
    if (width === 8 || !KEEPS_LOAD_ORDER) return () => this.read(offset, width);
    const view = width === 1 ? window.u8 : width === 2 ? window.u16 : window.u32;
    const index = (offset - window.start) / width;
    return () => {
      this.#mustBeOpen();
      const value = view[index] as number;
      this.#sum = (this.#sum + value) | 0;
      return value;
    };
  }

  write(offset: number, width: Width, value: Word): void {
    this.writer(offset, width)(value);
  }

  writer(offset: number, width: Width): (value: Word) => void {
    const { u8, u16, u32, u64, start } = this.#at(offset, width);
    const index = (offset - start) / width;
    switch (width) {
      case 1:
        return (value) => {
          this.#mustBeOpen();
          u8[index] = Number(value);
        };
      case 2:
        return (value) => {
          this.#mustBeOpen();
          u16[index] = Number(value);
        };
      case 4:
        return (value) => {
          this.#mustBeOpen();
          u32[index] = Number(value);
        };
      case 8:
        return (value) => {
          this.#mustBeOpen();
          u64[index] = BigInt(value);
        };
    }
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#window = undefined;
    this.#unmap();
  }

  [inspect.custom](): string {
    return `Mmio(${this.length} bytes${this.#closed ? ', closed' : ''})`;
  }

  /** Refuses an access after the unmapping: the memory may be somebody else's by then. */
  #mustBeOpen(): void {
    if (this.#closed) throw closedError('the mapping');
  }

  /** The window that holds the access, made on first use; every check comes before any access. */
  #at(offset: number, width: Width): Window {
    this.#mustBeOpen();
    if (!Number.isSafeInteger(offset) || offset < 0 || offset + width > this.length)
      throw new RangeError(`offset ${offset} with width ${width} is outside of ${this.length} bytes`);
    if (offset % width !== 0) throw new RangeError(`offset ${offset} is not a multiple of ${width}`);
    const w = this.#window;
    if (w !== undefined && offset >= w.start && offset + width <= w.start + w.u8.length) return w;
    const start = Math.floor(offset / WINDOW) * WINDOW;
    const memory = this.#view(start, Math.min(WINDOW, this.length - start));
    const whole = (bytes: number) => Math.floor(memory.byteLength / bytes);
    this.#window = {
      start,
      u8: new Uint8Array(memory),
      u16: new Uint16Array(memory, 0, whole(2)),
      u32: new Uint32Array(memory, 0, whole(4)),
      u64: new BigUint64Array(memory, 0, whole(8)),
    };
    return this.#window;
  }
}
