import { Exit, type ExitCode } from '../../errors';

/**
 * How a transfer ended. All of these are results: what arrived before is there whichever it is.
 * `gone`: the device was unplugged. `cancelled`: the caller ended it.
 */
export type TransferStatus = 'ok' | 'stall' | 'timeout' | 'babble' | 'error' | 'gone' | 'cancelled';

export interface TransferResult {
  status: TransferStatus;
  /** In bytes; of a control transfer, without its setup packet. */
  requested: number;
  actual: number;
  /** What the kernel said of a status that is not `ok`: `EPROTO`. */
  errno: string | null;
}

/** The errnos of completed URBs, by name: Documentation/driver-api/usb/error-codes.rst. */
const ERRNO: Readonly<Record<number, string>> = {
  2: 'ENOENT',
  5: 'EIO',
  18: 'EXDEV',
  19: 'ENODEV',
  22: 'EINVAL',
  32: 'EPIPE',
  62: 'ETIME',
  63: 'ENOSR',
  70: 'ECOMM',
  71: 'EPROTO',
  75: 'EOVERFLOW',
  84: 'EILSEQ',
  104: 'ECONNRESET',
  108: 'ESHUTDOWN',
  110: 'ETIMEDOUT',
  121: 'EREMOTEIO',
};

const STATUS: Readonly<Record<string, TransferStatus>> = {
  // Short, where URB_SHORT_NOT_OK asked to be told: that ends a chain of URBs and is no error.
  EREMOTEIO: 'ok',
  EPIPE: 'stall',
  EOVERFLOW: 'babble',
  ENODEV: 'gone',
  ESHUTDOWN: 'gone',
};

export const ENOENT = 2;
export const ENODEV = 19;

/** @param status of an URB or a packet: 0, or an errno, negative */
export function errnoName(status: number): string | null {
  return status === 0 ? null : (ERRNO[-status] ?? `errno ${-status}`);
}

/** @param stopped why it was discarded, where it was */
export function statusOf(status: number, stopped: 'timeout' | 'cancelled' | null): TransferStatus {
  const name = errnoName(status);
  if (name === null) return 'ok';
  if (name === 'ENOENT' || name === 'ECONNRESET') return stopped ?? 'cancelled';
  return STATUS[name] ?? 'error';
}

export const EXIT_OF_STATUS: Readonly<Record<TransferStatus, ExitCode>> = {
  ok: Exit.ok,
  stall: Exit.deviceError,
  babble: Exit.deviceError,
  error: Exit.deviceError,
  timeout: Exit.timeout,
  gone: Exit.gone,
  cancelled: Exit.interrupted,
};
