import { SysError } from '../errors';
import type { Sys } from './sys';

/** A message of the kernel. */
export interface KernelMessage {
  /** Microseconds since boot, by the kernel's local clock. */
  time: number;
  text: string;
}

/** A record is longer only if somebody wrote it (Documentation/ABI/testing/dev-kmsg). */
const MAX_RECORD = 8192;
/** The log's buffer holds some ten thousand at most. */
const MAX_RECORDS = 100_000;

/** The kernel's log, oldest first; empty where it may not be read. */
export function readKernelLog(sys: Sys): KernelMessage[] {
  const messages: KernelMessage[] = [];
  let fd: number;
  try {
    fd = sys.open('/dev/kmsg', { nonblock: true });
  } catch (error) {
    if (error instanceof SysError) return [];
    throw error;
  }
  try {
    const buffer = Buffer.alloc(MAX_RECORD);
    for (let i = 0; i < MAX_RECORDS; i++) {
      const message = readRecord(sys, fd, buffer);
      if (message === 'end') break;
      if (message !== null) messages.push(message);
    }
  } finally {
    sys.close(fd);
  }
  return messages;
}

function readRecord(sys: Sys, fd: number, buffer: Buffer): KernelMessage | null | 'end' {
  try {
    return parseRecord(buffer.toString('utf8', 0, sys.read(fd, buffer)));
  } catch (error) {
    if (!(error instanceof SysError)) throw error;
    // What was to be read has been overwritten: the next read goes on with what is there. Else there is no more.
    return error.code === 'EPIPE' ? null : 'end';
  }
}

/** `6,339,5140900,-;text`, then lines of properties that begin with a blank. Bytes that are no text are `\x1b` already. */
export function parseRecord(record: string): KernelMessage | null {
  const match = /^\d+,\d+,(\d+),[^;\n]*;([^\n]*)/.exec(record);
  return match === null ? null : { time: Number(match[1]), text: match[2] ?? '' };
}
