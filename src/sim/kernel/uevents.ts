import type { Datagram, PollEvent } from '../../sys/sys';
import { Errno } from './errno';
import type { OpenFile } from './file';

/** The multicast group of the kernel's own events; udev's is 2, and no udev runs here. */
const KERNEL_GROUP = 1;
/** The messages that a socket keeps unread; a real one counts bytes, by SO_RCVBUF. */
const QUEUE = 256;

/** lib/kobject_uevent.c: tells every socket that listens about the coming and going of devices. */
export class Uevents {
  readonly #wake: () => void;
  readonly #sockets = new Set<SimUeventSocket>();
  /** The number of the last message. */
  sequence = 0;

  constructor(wake: () => void) {
    this.#wake = wake;
  }

  /** @param groups as in sockaddr_nl */
  open(groups: number): OpenFile {
    const socket = new SimUeventSocket((groups & KERNEL_GROUP) !== 0, () => this.#sockets.delete(socket));
    this.#sockets.add(socket);
    return socket;
  }

  /** @param path below /sys: `/devices/pci0000:00/...` */
  send(action: string, path: string, properties: Readonly<Record<string, string>>): void {
    const { SUBSYSTEM = '', ...rest } = properties;
    const records = { ACTION: action, DEVPATH: path, SUBSYSTEM, ...rest, SEQNUM: String(++this.sequence) };
    const lines = Object.entries(records).map(([key, value]) => `${key}=${value}`);
    const message = Buffer.from([`${action}@${path}`, ...lines].map((line) => `${line}\0`).join(''));
    for (const socket of this.#sockets) socket.deliver(message);
    this.#wake();
  }
}

class SimUeventSocket implements OpenFile {
  readonly #listens: boolean;
  readonly #onClose: () => void;
  readonly #messages: Buffer[] = [];
  #overrun = false;

  constructor(listens: boolean, onClose: () => void) {
    this.#listens = listens;
    this.#onClose = onClose;
  }

  deliver(message: Buffer): void {
    if (!this.#listens) return;
    if (this.#messages.length < QUEUE) this.#messages.push(message);
    else this.#overrun = true;
  }

  /** Reports an overrun once, before the messages that are still there: netlink_overrun(). */
  receive(buffer: Buffer): Datagram {
    if (this.#overrun) {
      this.#overrun = false;
      throw new Errno('ENOBUFS');
    }
    const message = this.#messages.shift();
    if (message === undefined) throw new Errno('EAGAIN');
    message.copy(buffer);
    return { length: message.length, port: 0, groups: KERNEL_GROUP };
  }

  ready(event: PollEvent): boolean {
    return event === 'writable' || this.#overrun || this.#messages.length > 0;
  }

  close(): void {
    this.#onClose();
  }
}
