import { acquiring, type Cleanup } from '../cleanup';
import { SysError } from '../errors';
import { attempt } from '../sys/attempt';
import type { Sys } from '../sys/sys';

/** Text of the transfers of all buses, and how much of it was lost: drivers/usb/mon/mon_text.c and mon_stat.c. */
const EVENTS = '/sys/kernel/debug/usb/usbmon/0u';
const STATISTICS = '/sys/kernel/debug/usb/usbmon/0s';

/** Time between two looks. The kernel keeps 4 pages of events for a reader, fewer than 100. */
const LOOK_MS = 5;
/** Events that are taken in one look: signals wait meanwhile. */
const MOST_EVENTS = 1000;
/** The longest line: 5 descriptors of isochronous packets and 32 bytes of data take less. */
const LINE_SIZE = 512;

/** A transfer that has ended: its bus and device, as `1/3`, and its bytes. */
export interface EndedTransfer {
  place: string;
  bytes: number;
}

/**
 * Reads a line of usbmon: `ffff88 3575914555 C Ci:1:003:0 0 4 = 01050000`. Documentation/usb/usbmon.rst has the words.
 *
 * @returns null where it does not tell of the end of a transfer
 */
export function parseUsbmonLine(line: string): EndedTransfer | null {
  const match = /^\S+ \d+ C [CZIB][io]:(\d+):(\d+):\d+ (.*)$/.exec(line.trimEnd());
  // The length stands before the data, or a letter for why there is none.
  const length = / (\d+)(?: [=<>A-Za-z?].*)?$/.exec(` ${match?.[3]}`)?.[1];
  if (match === null || length === undefined) return null;
  return { place: `${Number(match[1])}/${Number(match[2])}`, bytes: Number(length) };
}

/** The bytes that USB devices move, by usbmon's text in debugfs: for root, where the module is loaded. Opens no node. */
export class UsbTraffic implements Disposable {
  readonly #sys: Sys;
  readonly #fd: number;
  readonly #cleanup: Cleanup;
  readonly #line = Buffer.alloc(LINE_SIZE);
  #bytes = new Map<string, number>();
  #lost: number | null;

  private constructor(sys: Sys, fd: number, cleanup: Cleanup) {
    this.#sys = sys;
    this.#fd = fd;
    this.#cleanup = cleanup;
    this.#lost = this.#lostSoFar();
    const timer = setInterval(() => this.#look(), LOOK_MS).unref();
    cleanup.defer(() => clearInterval(timer));
  }

  /** @returns null where it cannot be read */
  static open(sys: Sys): UsbTraffic | null {
    if (sys.access(EVENTS) === null) return null;
    return attempt(
      () =>
        acquiring((cleanup) => {
          const fd = sys.open(EVENTS, { nonblock: true });
          cleanup.defer(() => sys.close(fd));
          return new UsbTraffic(sys, fd, cleanup);
        }),
      null,
    );
  }

  /** Returns the bytes since the last call, by `BUS/DEVICE`; null where the kernel dropped some events. */
  take(): Map<string, number> | null {
    this.#look();
    const bytes = this.#bytes;
    const before = this.#lost;
    this.#bytes = new Map();
    this.#lost = this.#lostSoFar();
    return this.#lost === null || this.#lost !== before ? null : bytes;
  }

  [Symbol.dispose](): void {
    this.#cleanup.close();
  }

  /** Takes what is there. Each read gives one event. */
  #look(): void {
    for (let events = 0; events < MOST_EVENTS; events++) {
      const line = this.#read();
      if (line === null) return;
      const ended = parseUsbmonLine(line);
      if (ended !== null) this.#bytes.set(ended.place, (this.#bytes.get(ended.place) ?? 0) + ended.bytes);
    }
  }

  #read(): string | null {
    try {
      const length = this.#sys.read(this.#fd, this.#line);
      return length === 0 ? null : this.#line.toString('latin1', 0, length);
    } catch (error) {
      if (error instanceof SysError) return null;
      throw error;
    }
  }

  #lostSoFar(): number | null {
    const text = attempt(() => this.#sys.readFile(STATISTICS).toString('latin1'), '');
    const lost = /text_lost (\d+)/.exec(text)?.[1];
    return lost === undefined ? null : Number(lost);
  }
}
