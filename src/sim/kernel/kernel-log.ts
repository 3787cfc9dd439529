import type { PollEvent } from '../../sys/sys';
import { Errno } from './errno';
import type { OpenFile } from './file';

/** Priorities of <linux/kern_levels.h>. */
export const KERN_ERR = 3;
export const KERN_WARNING = 4;
export const KERN_NOTICE = 5;
export const KERN_INFO = 6;

/** The number of records that are kept; a real log counts bytes. */
const RECORDS = 1000;

interface LogRecord {
  readonly sequence: number;
  readonly text: string;
}

/** The kernel's log as /dev/kmsg shows it: kernel/printk/printk.c, Documentation/ABI/testing/dev-kmsg. */
export class SimKernelLog {
  readonly #now: () => number;
  readonly #wake: () => void;
  readonly #records: LogRecord[] = [];
  #next = 0;

  /** @param now in milliseconds */
  constructor(now: () => number, wake: () => void) {
    this.#now = now;
    this.#wake = wake;
  }

  /** @param device the subsystem and name that dev_printk() adds for a device */
  print(priority: number, message: string, device?: { subsystem: string; name: string }): void {
    const sequence = this.#next++;
    const lines = [`${priority},${sequence},${Math.round(this.#now() * 1000)},-;${message}`];
    if (device) lines.push(` SUBSYSTEM=${device.subsystem}`, ` DEVICE=+${device.subsystem}:${device.name}`);
    this.#records.push({ sequence, text: lines.map((line) => `${line}\n`).join('') });
    if (this.#records.length > RECORDS) this.#records.shift();
    this.#wake();
  }

  open(): OpenFile {
    return new KernelLogFile(this);
  }

  /** Finds the first record from that one on that is still kept. */
  from(sequence: number): LogRecord | undefined {
    return this.#records.find((record) => record.sequence >= sequence);
  }
}

/** An open /dev/kmsg: one record a read, from the oldest on. */
class KernelLogFile implements OpenFile {
  readonly #log: SimKernelLog;
  #sequence: number;

  constructor(log: SimKernelLog) {
    this.#log = log;
    this.#sequence = log.from(0)?.sequence ?? 0;
  }

  read(buffer: Buffer): number {
    const record = this.#log.from(this.#sequence);
    if (record === undefined) throw new Errno('EAGAIN');
    // The next record was overwritten: that is reported once, then the oldest follows.
    const lost = record.sequence !== this.#sequence;
    this.#sequence = record.sequence;
    if (lost) throw new Errno('EPIPE');
    this.#sequence++;
    if (record.text.length > buffer.length) throw new Errno('EINVAL');
    return buffer.write(record.text, 'latin1');
  }

  /** Ignores the position. */
  pread(buffer: Buffer): number {
    return this.read(buffer);
  }

  /** Logs a message of user space, with the facility for that. */
  write(data: Buffer): number {
    const [, priority, text = ''] = /^(?:<(\d+)>)?([\s\S]*?)\n?$/.exec(data.toString('latin1')) ?? [];
    const USER = 8;
    this.#log.print(priority === undefined ? USER + KERN_WARNING : Number(priority) | USER, text);
    return data.length;
  }

  ready(event: PollEvent): boolean {
    return event === 'readable' && this.#log.from(this.#sequence) !== undefined;
  }
}
