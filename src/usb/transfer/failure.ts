import { errnoMessage, UdrvError } from '../../errors';
import { EXIT_OF_STATUS, type TransferResult } from './status';

export interface FailedTransfer {
  /** `1-2 0x81` */
  subject: string;
  device: string;
  timeoutMs?: number | undefined;
  /** A hint by status. */
  hints?: Partial<Record<TransferResult['status'], string>>;
}

/** Returns the error of a transfer that failed; null where it succeeded, or the user ended it. */
export function transferError(
  { status, actual, requested, errno }: TransferResult,
  { subject, device, timeoutMs, hints }: FailedTransfer,
): UdrvError | null {
  if (status === 'ok' || status === 'cancelled') return null;
  const arrived = requested > 0 ? `, ${actual} of ${requested} bytes done` : '';
  const words = {
    stall: 'stalled: the device refuses',
    timeout: `timed out after ${timeoutMs} ms`,
    babble: 'the device sent more than was asked for',
    error: `bus error: ${(errno !== null && BUS_ERRORS[errno]) || errnoMessage(errno ?? 'EIO')}`,
    gone: 'the device went away',
  }[status];
  const code = { stall: 'EPIPE', timeout: 'ETIMEDOUT', babble: 'EOVERFLOW', error: errno ?? 'EIO', gone: 'ENODEV' }[
    status
  ];
  return new UdrvError(`${words}${arrived}`, {
    code,
    exit: EXIT_OF_STATUS[status],
    subject,
    hint: hints?.[status],
    device,
  });
}

/** Documentation/driver-api/usb/error-codes.rst */
const BUS_ERRORS: Readonly<Record<string, string>> = {
  EPROTO: 'the device gives no valid answer',
  EILSEQ: 'the checksum is wrong, or there is no answer',
  ETIME: 'no answer in time',
  ECOMM: 'data came faster than memory takes it',
  ENOSR: 'memory gives data slower than the bus takes it',
  EXDEV: 'only part of it was transferred',
};
