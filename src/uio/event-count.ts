import { SysError } from '../errors';
import type { UioDeviceInfo } from '../model/device';
import type { PollResult, Sys } from '../sys/sys';
import { packEventCount, UIO_WORD_SIZE, unpackEventCount } from '../uapi/uio';
import { readFailed } from './errors';
import { UIO_CLASS } from './inspect';

/**
 * The event count of an open node. uio_open() remembers the device's count, and uio_read() waits until it is another
 * (drivers/uio/uio.c): an interrupt that comes between the open and the first read is not lost, it is what the first
 * read gives.
 */
export class EventCount {
  readonly #sys: Sys;
  readonly #device: UioDeviceInfo;
  readonly #fd: number;
  /** Count that was read last; at first the device's count at the open. */
  readonly #word = Buffer.alloc(UIO_WORD_SIZE);

  /** @param fd of the node, which was opened just now */
  constructor(sys: Sys, device: UioDeviceInfo, fd: number) {
    this.#sys = sys;
    this.#device = device;
    this.#fd = fd;
    packEventCount(this.#word, countNow(sys, device));
  }

  /** Count that was read last; a signed 32-bit number that wraps. */
  get last(): number {
    return unpackEventCount(this.#word);
  }

  /**
   * Reads the count, if it is another than the last.
   *
   * @returns null if it is the same
   * @throws exit 8 if the device went away
   */
  read(): number | null {
    try {
      this.#sys.read(this.#fd, this.#word);
    } catch (error) {
      if (error instanceof SysError && error.code === 'EAGAIN') return null;
      throw readFailed(this.#device, error);
    }
    return this.last;
  }

  /** Waits for another count and reads it. Blocks the thread. @throws exit 8 if the device went away */
  wait(timeoutMs: number): PollResult {
    try {
      return this.#sys.readWithin(this.#fd, this.#word, timeoutMs);
    } catch (error) {
      throw readFailed(this.#device, error);
    }
  }
}

/** Reads the count from sysfs. A device that goes away at this moment shows when its node is read. */
function countNow(sys: Sys, { address, uio }: UioDeviceInfo): number {
  try {
    return Number.parseInt(sys.readFile(`${UIO_CLASS}/${address}/event`).toString('latin1'), 10) | 0;
  } catch (error) {
    if (!(error instanceof SysError)) throw error;
    return (uio.eventCount ?? 0) | 0;
  }
}
