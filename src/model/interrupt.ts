import { Exit, UdrvError } from '../errors';

/** One wake-up by an interrupt. */
export interface Interrupt {
  /** Counts from 1 within one watch. */
  index: number;
  /** The device's own total. */
  count: number;
  /** Interrupts since the last wake-up (or since the watch began) beyond this one: they were merged into it. */
  missed: number;
  /** Microseconds since the last wake-up; null on the first. */
  deltaUs: number | null;
  time: Date;
}

/** Reports a wait without an interrupt. @param device its address */
export function noInterrupt(device: string, timeoutMs: number | undefined): UdrvError {
  return new UdrvError(`no interrupt within ${timeoutMs} ms`, {
    code: 'ETIMEDOUT',
    exit: Exit.timeout,
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
