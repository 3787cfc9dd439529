import { SysError } from '../../errors';
import { KERNEL_LOG, kernelRecords } from '../../sys/readers/kmsg';
import type { Sys } from '../../sys/sys';

/** The kernel log since it was opened; empty, and not {@link readable}, if the user may not read it. */
export class KernelLog {
  readonly #sys: Sys;
  readonly #fd: number | null;

  private constructor(sys: Sys, fd: number | null) {
    this.#sys = sys;
    this.#fd = fd;
  }

  static open(sys: Sys): KernelLog {
    try {
      const log = new KernelLog(sys, sys.open(KERNEL_LOG, { nonblock: true }));
      log.skip();
      return log;
    } catch (error) {
      if (error instanceof SysError) return new KernelLog(sys, null);
      throw error;
    }
  }

  get readable(): boolean {
    return this.#fd !== null;
  }

  /** Skips everything that has been logged so far. */
  skip(): void {
    for (const _ of this.lines());
  }

  /** Yields the lines since the last call, without what precedes their text. */
  *lines(): Generator<string> {
    if (this.#fd === null) return;
    for (const record of kernelRecords(this.#sys, this.#fd)) yield lineOf(record.toString('latin1'));
  }

  close(): void {
    if (this.#fd !== null) this.#sys.close(this.#fd);
  }
}

/** Extracts the text of a record: `6,1234,56789,-;text`, then a line for each property. Unprintable bytes are `\x09`. */
function lineOf(record: string): string {
  const text = record.slice(record.indexOf(';') + 1).split('\n', 1)[0] ?? '';
  return text.replace(/\\x([0-9a-f]{2})/g, (_, code) => String.fromCharCode(Number.parseInt(code, 16)));
}
