import type { PollEvent } from '../../sys/sys';
import { Errno } from './errno';
import type { OpenFile } from './file';

const SIZE = 8;
const MAX = 2n ** 64n - 1n;

/** eventfd(2) with a count of 0 and without EFD_SEMAPHORE: fs/eventfd.c. */
export class EventFd implements OpenFile {
  readonly #wake: () => void;
  #count = 0n;
  /** Takes the count before anyone can read it: the wait queue of fs/eventfd.c, as vfio's virqfd uses it. */
  consumer: (() => void) | null = null;

  /** @param wake called when it may have become readable */
  constructor(wake: () => void) {
    this.#wake = wake;
  }

  /** Adds to the count, as the kernel does for an interrupt; stops at the highest value. */
  signal(): void {
    if (this.#count < MAX) this.#count++;
    this.#arrived();
  }

  read(buffer: Buffer): number {
    if (buffer.length < SIZE) throw new Errno('EINVAL');
    if (this.#count === 0n) throw new Errno('EAGAIN');
    Buffer.from(BigUint64Array.of(this.#count).buffer).copy(buffer);
    this.#count = 0n;
    return SIZE;
  }

  write(data: Buffer): number {
    if (data.length !== SIZE) throw new Errno('EINVAL');
    const value = new BigUint64Array(Uint8Array.from(data).buffer)[0] ?? 0n;
    if (value === MAX) throw new Errno('EINVAL');
    if (MAX - this.#count <= value) throw new Errno('EAGAIN');
    this.#count += value;
    this.#arrived();
    return SIZE;
  }

  ready(event: PollEvent): boolean {
    return event === 'readable' ? this.#count > 0n : this.#count < MAX - 1n;
  }

  /** Gives the count to the consumer, if there is one, so that it starts over. */
  #arrived(): void {
    if (this.consumer !== null && this.#count > 0n) {
      this.#count = 0n;
      this.consumer();
    }
    this.#wake();
  }
}
