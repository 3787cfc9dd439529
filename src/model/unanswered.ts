import { Exit, UdrvError } from '../errors';
import type { Unanswered } from '../sys/sys';
import { hex } from '../text/hex';

/**
 * Returns what makes the errors of a mapping's accesses that nothing answers, exit 7.
 *
 * @param start offset in the region at which the mapping begins, in bytes; negative where it begins before it
 */
export function unansweredIn(device: string, region: string, start: number): Unanswered {
  return (offset, width) =>
    new UdrvError(`nothing answers an access of ${width} ${width === 1 ? 'byte' : 'bytes'} at ${hex(start + offset)}`, {
      code: 'EIO',
      exit: Exit.deviceError,
      subject: `${device} ${region}`,
      device,
      hint: 'it may have no access of this width there (-w has others), be switched off, or gone',
    });
}
