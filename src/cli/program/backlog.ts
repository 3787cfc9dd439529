import { closeSync, constants, fstatSync, openSync } from 'node:fs';
import { Cleanup } from '../../cleanup';
import { pause, ready, serveSignals } from '../../sys/wait';
import { type Destination, type Taker, writeAll, writeSome } from '../output/stream';
import { ownLibc } from './libc';

const { O_NOCTTY, O_NONBLOCK, O_WRONLY, S_IFCHR, S_IFIFO, S_IFMT, S_IFSOCK } = constants;

/** Bytes that a pipe or socket takes without waiting where poll(2) finds it writable: PIPE_BUF of Linux. */
const FITS = 4096;
/** Bytes that are written between two looks for signals. */
const PIECE = 1 << 20;
const NOTHING = Buffer.alloc(0);
/** Time between two looks at a descriptor that cannot be watched. */
const LOOK_MS = 5;

/**
 * Takes what a command writes without ever waiting for a reader: what a pipe or a terminal has no room for is kept, in
 * order. A write that waits would keep signals from being served, and so a device from being given back.
 */
export class Backlog implements Taker {
  readonly #channels = new Map<Destination, Channel>();
  readonly #cleanup = new Cleanup();

  get isEmpty(): boolean {
    for (const channel of this.#channels.values()) if (!channel.isEmpty) return false;
    return true;
  }

  /** @throws the destination's failure */
  take(to: Destination, bytes: Buffer): void {
    let channel = this.#channels.get(to);
    if (channel === undefined) {
      channel = this.#cleanup.own(openChannel(to));
      this.#channels.set(to, channel);
    }
    channel.write(bytes);
  }

  /** Waits until all is written, or a signal has come. @throws the failure of a destination */
  async written(signal: AbortSignal): Promise<void> {
    for (const channel of this.#channels.values()) await channel.written(signal);
  }

  /** Forgets what is not written. */
  close(): void {
    this.#channels.clear();
    this.#cleanup.close();
  }
}

interface Channel {
  readonly isEmpty: boolean;
  write(bytes: Buffer): void;
  written(signal: AbortSignal): Promise<void>;
  close(): void;
}

function openChannel(to: Destination): Channel {
  if (!mayWait(to.fd))
    return { isEmpty: true, write: (bytes) => writeAll(to, bytes), written: async () => {}, close() {} };
  const own = openAgain(to.fd);
  return own === null ? new PolledChannel(to) : new NonblockingChannel(to, own);
}

/** Tells whether a write can wait for somebody: not to files, nor to the memory devices such as /dev/null (major 1). */
function mayWait(fd: number): boolean {
  const { mode, rdev } = fstatSync(fd);
  const type = mode & S_IFMT;
  return type === S_IFIFO || type === S_IFSOCK || (type === S_IFCHR && rdev >> 8 !== 1);
}

/**
 * Opens the pipe or terminal behind a descriptor once more, non-blocking: the descriptor itself is shared with other
 * programs, which do not expect that of theirs.
 *
 * @returns null where that cannot be: for a socket, and for a terminal of another user
 */
function openAgain(fd: number): number | null {
  try {
    return openSync(`/proc/self/fd/${fd}`, O_WRONLY | O_NONBLOCK | O_NOCTTY);
  } catch {
    return null;
  }
}

abstract class Keeping implements Channel {
  protected readonly to: Destination;
  #kept: Buffer[] = [];

  constructor(to: Destination) {
    this.to = to;
  }

  get isEmpty(): boolean {
    return this.#kept.length === 0;
  }

  write(bytes: Buffer): void {
    const rest = this.isEmpty ? this.put(bytes) : bytes;
    // Copied: the caller writes the next piece into the same memory.
    if (rest.length > 0) this.#kept.push(Buffer.from(rest));
  }

  async written(signal: AbortSignal): Promise<void> {
    while (!this.isEmpty && !signal.aborted) {
      // Joined, as a command may have written millions of lines.
      if (this.#kept.length > 1) this.#kept = [Buffer.concat(this.#kept)];
      const [kept = NOTHING] = this.#kept;
      const piece = kept.subarray(0, PIECE);
      const rest = this.put(piece);
      const left = kept.subarray(piece.length - rest.length);
      this.#kept = left.length === 0 ? [] : [left];
      // A reader who takes all of it must not keep signals from being served.
      if (rest.length > 0) await this.room(signal);
      else await serveSignals();
    }
  }

  /** Writes what there is room for. @returns the rest @throws the destination's failure */
  protected abstract put(bytes: Buffer): Buffer;

  /** Waits until there may be room, or a signal has come. */
  protected abstract room(signal: AbortSignal): Promise<unknown>;

  abstract close(): void;
}

class NonblockingChannel extends Keeping {
  readonly #fd: number;

  /** @param fd is closed with it */
  constructor(to: Destination, fd: number) {
    super(to);
    this.#fd = fd;
  }

  close(): void {
    closeSync(this.#fd);
  }

  protected override put(bytes: Buffer): Buffer {
    let rest = bytes;
    while (rest.length > 0) {
      const count = writeSome(this.to, this.#fd, rest);
      if (count === 0) break;
      rest = rest.subarray(count);
    }
    return rest;
  }

  protected override room(signal: AbortSignal): Promise<unknown> {
    const watch = (fd: number, onReady: () => void) => ownLibc().watch(fd, onReady, 'writable', 'output');
    return ready({ watch }, this.#fd, { signal });
  }
}

/** Asks before each piece, as the descriptor itself may wait. It is not watched: scripts may have Node do that. */
class PolledChannel extends Keeping {
  close(): void {}

  protected override put(bytes: Buffer): Buffer {
    let rest = bytes;
    while (rest.length > 0 && ownLibc().poll(this.to.fd, 0, 'writable', 'output') === 'ready')
      rest = rest.subarray(writeSome(this.to, this.to.fd, rest.subarray(0, FITS)));
    return rest;
  }

  protected override room(signal: AbortSignal): Promise<unknown> {
    return pause(LOOK_MS, signal);
  }
}
