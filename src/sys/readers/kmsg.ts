import { SysError } from '../../errors';
import type { Sys } from '../sys';

/** A message of the kernel. */
export interface KernelMessage {
  /** Microseconds since boot, by the kernel's local clock. */
  time: number;
  text: string;
}

export const KERNEL_LOG = '/dev/kmsg';

/** One record is a line of at most 1 KiB and its device's properties: CONSOLE_EXT_LOG_MAX in the kernel. */
const MAX_RECORD = 8192;
/** Records that are read at once: more than any log buffer holds, so that a log that is written to all the time ends too. */
const MAX_RECORDS = 200_000;

/** Reads the kernel's log, oldest message first; empty where it may not be read. */
export function readKernelLog(sys: Sys): KernelMessage[] {
  const messages: KernelMessage[] = [];
  let fd: number;
  try {
    fd = sys.open(KERNEL_LOG, { nonblock: true });
  } catch (error) {
    if (error instanceof SysError) return [];
    throw error;
  }
  try {
    for (const record of kernelRecords(sys, fd)) {
      const message = parseRecord(record.toString('utf8'));
      if (message !== null) messages.push(message);
    }
  } finally {
    sys.close(fd);
  }
  return messages;
}

/**
 * Yields the records from the position of a descriptor of {@link KERNEL_LOG} to the end. Each is overwritten by the next.
 *
 * @param fd opened non-blocking: at the end there is EAGAIN
 */
export function* kernelRecords(sys: Sys, fd: number): Generator<Buffer> {
  const buffer = Buffer.alloc(MAX_RECORD);
  for (let count = 0; count < MAX_RECORDS; count++) {
    let length: number;
    try {
      length = sys.read(fd, buffer);
    } catch (error) {
      if (!(error instanceof SysError)) throw error;
      // Records were overwritten before they were read: the next read gives what there is now.
      if (error.code === 'EPIPE') continue;
      return;
    }
    if (length === 0) return;
    yield buffer.subarray(0, length);
  }
}

/** Parses a record: `6,339,5140900,-;text`, then lines of properties that begin with a blank. Other bytes are `\x1b` already. */
export function parseRecord(record: string): KernelMessage | null {
  const match = /^\d+,\d+,(\d+),[^;\n]*;([^\n]*)/.exec(record);
  return match === null ? null : { time: Number(match[1]), text: match[2] ?? '' };
}
