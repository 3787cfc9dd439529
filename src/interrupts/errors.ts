import { Exit, UdrvError } from '../errors';

/** @param device its address */
export function noInterrupt(device: string, timeoutMs: number | undefined): UdrvError {
  return new UdrvError(`no interrupt within ${timeoutMs} ms`, {
    code: 'ETIMEDOUT',
    exit: Exit.timeout,
    subject: device,
    device,
  });
}

/** A level-triggered interrupt that would only come again. @param device its address */
export function stillAsserted(device: string): UdrvError {
  return new UdrvError('the device still asserts its interrupt after it was served', {
    code: 'EIO',
    exit: Exit.failed,
    subject: device,
    hint: 'acknowledge it with --ack REGION:OFFSET=VALUE',
    device,
  });
}
