import { Exit, type ExitCode } from '../../errors';

/**
 * The end of a transfer. Each is a result, no error: what arrived before it is there. `gone`: the device was unplugged.
 * `cancelled`: the caller ended it.
 */
export type TransferStatus = 'ok' | 'stall' | 'timeout' | 'babble' | 'error' | 'gone' | 'cancelled';

export interface TransferResult {
  status: TransferStatus;
  /** Bytes asked for, without the setup packet of a control transfer. */
  requested: number;
  /** Bytes moved. */
  actual: number;
  /** The kernel's errno for a status that is not `ok`: `EPROTO`. */
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
  // A short packet, where URB_SHORT_NOT_OK is set: it ends a chain of URBs and is no error.
  EREMOTEIO: 'ok',
  EPIPE: 'stall',
  EOVERFLOW: 'babble',
  ENODEV: 'gone',
  ESHUTDOWN: 'gone',
};

export const ENOENT = 2;
export const ENODEV = 19;

/** Names a kernel status. @param status of an URB or a packet: 0, or an errno, negative @returns null for 0 */
export function errnoName(status: number): string | null {
  return status === 0 ? null : (ERRNO[-status] ?? `errno ${-status}`);
}

/** Maps a kernel status to the end of a transfer. @param stopped why the URB was discarded, null where it was not */
export function statusOf(status: number, stopped: 'timeout' | 'cancelled' | null): TransferStatus {
  const name = errnoName(status);
  if (name === null) return 'ok';
  if (name === 'ENOENT' || name === 'ECONNRESET') return stopped ?? 'cancelled';
  return STATUS[name] ?? 'error';
}

/** The exit code of a command whose transfer ended so. */
export const EXIT_OF_STATUS: Readonly<Record<TransferStatus, ExitCode>> = {
  ok: Exit.ok,
  stall: Exit.deviceError,
  babble: Exit.deviceError,
  error: Exit.deviceError,
  timeout: Exit.timeout,
  gone: Exit.gone,
  cancelled: Exit.interrupted,
};
