import type { Datagram, PollEvent } from '../../sys/sys';
import type { Saved, StateReader } from '../state/saved';
import { Errno } from './errno';
import type { OpenFile } from './file';

/** The multicast group of the kernel's own events; udev's is 2, and no udev runs here. */
const KERNEL_GROUP = 1;
/** The messages that a socket keeps unread; a real one counts bytes, by SO_RCVBUF. */
const QUEUE = 256;

/** The messages that are kept for those who look at the machine later, and the most of lines and text in each. */
const KEPT = 64;
const MOST_LINES = 64;
const LONGEST_LINE = 1024;

/** lib/kobject_uevent.c: tells every socket that listens about the coming and going of devices. */
export class Uevents {
  readonly #wake: () => void;
  readonly #sockets = new Set<SimUeventSocket>();
  /** The last messages, and the number of the last of them. */
  #kept: Buffer[] = [];
  sequence = 0;
  /** Called when somebody begins to listen. */
  onListen: () => void = () => {};

  constructor(wake: () => void) {
    this.#wake = wake;
  }

  /** @param groups as in sockaddr_nl */
  open(groups: number): OpenFile {
    const socket = new SimUeventSocket((groups & KERNEL_GROUP) !== 0, () => this.#sockets.delete(socket));
    this.#sockets.add(socket);
    this.onListen();
    return socket;
  }

  /** @param path below /sys: `/devices/pci0000:00/...` */
  send(action: string, path: string, properties: Readonly<Record<string, string>>): void {
    const { SUBSYSTEM = '', ...rest } = properties;
    const records = { ACTION: action, DEVPATH: path, SUBSYSTEM, ...rest, SEQNUM: String(++this.sequence) };
    const lines = Object.entries(records).map(([key, value]) => `${key}=${value}`);
    const message = Buffer.from([`${action}@${path}`, ...lines].map((line) => `${line}\0`).join(''));
    this.#kept = [...this.#kept.slice(1 - KEPT), message];
    for (const socket of this.#sockets) socket.deliver(message);
    this.#wake();
  }

  save(): Saved {
    const messages = this.#kept.map((message) => message.toString('latin1').split('\0').slice(0, -1));
    return { sequence: this.sequence, messages };
  }

  /** Takes over the messages of another process, and delivers those that are new here. */
  restore(state: StateReader): void {
    const before = this.sequence;
    this.sequence = state.at('sequence').integer(Number.MAX_SAFE_INTEGER);
    this.#kept = state
      .at('messages')
      .list(KEPT)
      .map((lines) => lines.list(MOST_LINES).map((line) => `${line.text(LONGEST_LINE)}\0`))
      .map((lines) => Buffer.from(lines.join(''), 'latin1'));
    const missed = Math.max(0, this.sequence - before);
    for (const socket of this.#sockets) {
      if (missed > this.#kept.length) socket.lose();
      if (missed > 0) for (const message of this.#kept.slice(-missed)) socket.deliver(message);
    }
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

  /** Notes that messages were lost. */
  lose(): void {
    this.#overrun = true;
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
