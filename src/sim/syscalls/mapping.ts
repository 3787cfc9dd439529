import { closedError } from '../../errors';
import type { Mapping, Width, Word } from '../../sys/sys';
import { type SimRegion, toWord } from '../hardware/region';
import { FatalSignal } from '../kernel/fatal-signal';

interface MappingHooks {
  /** Runs due events before an access. */
  update(): void;
  /** Called when the mapping is removed. */
  unmap(): void;
}

/** A region in the address space of the program, with the checks of a real mapping ({@link Mapping}). */
export class SimMapping implements Mapping {
  readonly length: number;
  readonly #region: SimRegion;
  readonly #writable: boolean;
  readonly #hooks: MappingHooks;
  #closed = false;

  constructor(region: SimRegion, length: number, writable: boolean, hooks: MappingHooks) {
    this.length = length;
    this.#region = region;
    this.#writable = writable;
    this.#hooks = hooks;
  }

  read(offset: number, width: Width): Word {
    this.#check(offset, width);
    return toWord(this.#region.read(offset, width), width);
  }

  write(offset: number, width: Width, value: Word): void {
    this.#check(offset, width);
    if (!this.#writable) throw new FatalSignal('SIGSEGV', 'a write to a mapping that is read-only');
    this.#region.write(offset, width, toWord(value, width));
  }

  reader(offset: number, width: Width): () => Word {
    this.#check(offset, width);
    return () => this.read(offset, width);
  }

  writer(offset: number, width: Width): (value: Word) => void {
    this.#check(offset, width);
    return (value) => this.write(offset, width, value);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#hooks.unmap();
  }

  #check(offset: number, width: Width): void {
    if (this.#closed) throw closedError('the mapping');
    if (!Number.isSafeInteger(offset) || offset < 0 || offset + width > this.length)
      throw new RangeError(`offset ${offset} with width ${width} is outside of ${this.length} bytes`);
    if (offset % width !== 0) throw new RangeError(`offset ${offset} is not a multiple of ${width}`);
    this.#hooks.update();
  }
}
