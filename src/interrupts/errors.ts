import { Exit, UdrvError } from '../errors';

/** Reports a wait without an interrupt. @param device its address @param hint on how one would come */
export function noInterrupt(device: string, timeoutMs: number | undefined, hint?: string): UdrvError {
  return new UdrvError(`no interrupt within ${timeoutMs} ms`, {
    code: 'ETIMEDOUT',
    exit: Exit.timeout,
    hint,
    device,
  });
}

/** Refuses to re-arm a level-triggered interrupt that would only come again. @param device its address */
export function stillAsserted(device: string): UdrvError {
  return new UdrvError('the device still asserts its interrupt after it was served', {
    code: 'EIO',
    exit: Exit.failed,
    hint: 'acknowledge it with --ack REGION:OFFSET=VALUE',
    device,
  });
}
