import { Errno } from '../kernel/errno';

/** The memory of all URBs that have not been reaped, and all that is lent, against usbfs_memory_mb. */
export class UsbfsMemory {
  readonly #limit: () => number;
  #used = 0;

  /** @param limit in bytes; 0 for none */
  constructor(limit: () => number) {
    this.#limit = limit;
  }

  /**
   * usbfs_increase_memory_usage(), before anything is taken
   *
   * @throws Errno ENOMEM where it would be more than the limit
   */
  check(bytes: number): void {
    const limit = this.#limit();
    if (limit > 0 && this.#used + bytes > limit) throw new Errno('ENOMEM');
  }

  take(bytes: number): void {
    this.#used += bytes;
  }

  giveBack(bytes: number): void {
    this.#used -= bytes;
  }
}
