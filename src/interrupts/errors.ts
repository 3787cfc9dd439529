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

/** Refuses a second loop over the interrupts of a device: each interrupt can be taken once. @param device its address */
export function alreadyWaiting(device: string): UdrvError {
  return new UdrvError('its interrupts are being waited for already', {
    code: 'EBUSY',
    exit: Exit.busy,
    hint: 'one loop at a time: end the first, or have it pass on what it takes',
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
