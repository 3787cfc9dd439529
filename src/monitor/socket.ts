import { SysError } from '../errors';
import { attempt } from '../sys/attempt';
import type { Sys } from '../sys/sys';
import { pause, ready, type WaitResult } from '../sys/wait';
import { parseUevent, UEVENT_BUFFER, type Uevent } from './uevent';

/** The multicast group of the kernel's own messages; udev's are in 2. */
const KERNEL_GROUP = 1;
/** The netlink port of the kernel. */
const KERNEL_PORT = 0;
/** The most messages that are taken at once. More stay with the kernel. */
const BATCH = 1024;
/** The number of the kernel's last message, whoever heard it. */
const SEQUENCE = '/sys/kernel/uevent_seqnum';

export interface Heard {
  uevents: Uevent[];
  /** Whether messages were lost, and no older one is left: the kernel had no room for all. */
  lost: boolean;
}

/**
 * The kernel's messages, as far as they come through. A container may be refused the socket, or have one on which
 * nothing is ever heard: the kernel sends to the network namespaces that the first user namespace owns.
 */
export class UeventSocket {
  readonly #sys: Sys;
  readonly #buffer = Buffer.alloc(UEVENT_BUFFER);
  #fd: number | undefined;
  #heard: bigint | null;
  #lost = false;

  private constructor(sys: Sys, fd: number | undefined) {
    this.#sys = sys;
    this.#fd = fd;
    this.#heard = this.#sequence();
  }

  /** Opens the socket. Does not fail where there is none to be had: see {@link isOpen}. */
  static open(sys: Sys): UeventSocket {
    try {
      return new UeventSocket(sys, sys.ueventSocket(KERNEL_GROUP));
    } catch (error) {
      if (!(error instanceof SysError)) throw error;
      return new UeventSocket(sys, undefined);
    }
  }

  get isOpen(): boolean {
    return this.#fd !== undefined;
  }

  /** Takes the messages that have come since the last time, in order. */
  take(): Heard {
    const heard: Heard = { uevents: [], lost: false };
    while (this.#fd !== undefined && heard.uevents.length < BATCH) {
      try {
        const { length, port, groups } = this.#sys.receive(this.#fd, this.#buffer);
        // Others may write to this socket; and the kernel writes to the group alone.
        if (port !== KERNEL_PORT || groups !== KERNEL_GROUP || length > this.#buffer.length) continue;
        const uevent = parseUevent(this.#buffer.subarray(0, length));
        if (uevent === null) continue;
        heard.uevents.push(uevent);
        this.#note(uevent);
      } catch (error) {
        if (!(error instanceof SysError)) throw error;
        if (error.code === 'EAGAIN') {
          heard.lost = this.#lost;
          this.#lost = false;
          break;
        }
        // The waiting messages are older than the lost ones, and still to be had: the loss is told after the last.
        if (error.code !== 'ENOBUFS') throw error;
        this.#lost = true;
      }
    }
    return heard;
  }

  /** Whether messages were missed since the last call; true where that is not known. */
  missed(): boolean {
    const now = this.#sequence();
    const missed = !this.isOpen || now === null || this.#heard === null || now > this.#heard;
    this.#heard = now;
    return missed;
  }

  wait(timeoutMs: number, signal: AbortSignal | undefined): Promise<WaitResult> {
    return this.#fd === undefined
      ? pause(timeoutMs, signal)
      : ready(this.#sys, this.#fd, { timeoutMs: Math.max(0, timeoutMs), signal });
  }

  close(): void {
    if (this.#fd !== undefined) this.#sys.close(this.#fd);
    this.#fd = undefined;
  }

  #note({ properties }: Uevent): void {
    const text = properties.get('SEQNUM') ?? '';
    const sequence = /^\d{1,20}$/.test(text) ? BigInt(text) : null;
    if (sequence !== null && this.#heard !== null && sequence > this.#heard) this.#heard = sequence;
  }

  #sequence(): bigint | null {
    return attempt(() => {
      const text = this.#sys.readFile(SEQUENCE).toString('latin1').trim();
      return /^\d{1,20}$/.test(text) ? BigInt(text) : null;
    }, null);
  }
}
