import { closedError } from '../../errors';
import type { Mapping, Unanswered, Width, Word } from '../../sys/sys';
import { type SimRegion, toWord } from '../hardware/region';
import { FatalSignal } from '../kernel/fatal-signal';

interface MappingHooks {
  /** Runs due events before an access. */
  update(): void;
  /** Called when the mapping is removed. */
  unmap(): void;
  /** Makes the error of an access that is SIGBUS, which ends the program otherwise. */
  unanswered?: Unanswered | undefined;
}

/** A region in the address space of the program, with the checks of a real mapping ({@link Mapping}). */
export class SimMapping implements Mapping {
  readonly length: number;
  readonly #region: SimRegion;
  readonly #writable: boolean;
  readonly #hooks: MappingHooks;
  #closed = false;
  #isReplaced = false;

  constructor(region: SimRegion, length: number, writable: boolean, hooks: MappingHooks) {
    this.length = length;
    this.#region = region;
    this.#writable = writable;
    this.#hooks = hooks;
  }

  read(offset: number, width: Width): Word {
    this.#check(offset, width);
    return this.#answered(offset, width, () => toWord(this.#region.read(offset, width), width));
  }

  write(offset: number, width: Width, value: Word): void {
    this.#check(offset, width);
    if (!this.#writable) throw new FatalSignal('SIGSEGV', 'a write to a mapping that is read-only');
    this.#answered(offset, width, () => this.#region.write(offset, width, toWord(value, width)));
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

  /** Makes an access. Once one was not answered there is other memory in the mapping's place, and none is. */
  #answered<T>(offset: number, width: Width, access: () => T): T {
    const { unanswered } = this.#hooks;
    try {
      if (unanswered !== undefined && this.#isReplaced) throw unanswered(offset, width);
      return access();
    } catch (error) {
      if (unanswered === undefined || !(error instanceof FatalSignal) || error.signal !== 'SIGBUS') throw error;
      this.#isReplaced = true;
      throw unanswered(offset, width);
    }
  }

  #check(offset: number, width: Width): void {
    if (this.#closed) throw closedError('the mapping');
    if (!Number.isSafeInteger(offset) || offset < 0 || offset + width > this.length)
      throw new RangeError(`offset ${offset} with width ${width} is outside of ${this.length} bytes`);
    if (offset % width !== 0) throw new RangeError(`offset ${offset} is not a multiple of ${width}`);
    this.#hooks.update();
  }
}
