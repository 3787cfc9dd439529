import type { Sys } from '../../src/sys/sys';
import { urbReaper, urbSubmitter } from '../../src/usb/usbfs';

/** One SUBMITURB, for tests of a single URB. */
export function submitUrb(sys: Sys, fd: number, urb: Buffer): void {
  urbSubmitter(sys, fd, urb)();
}

/** One REAPURBNDELAY. @returns the address of the URB, 0 where none has completed */
export function reapUrb(sys: Sys, fd: number): number {
  return urbReaper(sys, fd)();
}
