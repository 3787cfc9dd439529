import { fromSysError, SysError } from '../errors';
import { attempt } from '../sys/attempt';
import type { Sys, SysTree } from '../sys/sys';
import { pciPath } from './paths';

/**
 * Reads part of a function's configuration space through sysfs, and no more than asked: registers exist that mind
 * being read. Wakes a sleeping function, so it is not for listing.
 *
 * @returns null where it cannot be read, or not all of it
 */
export function readConfig(sys: Sys, address: string, offset: number, length: number): Buffer | null {
  return attempt(() => {
    const fd = sys.open(pciPath(address, 'config'), {});
    try {
      const bytes = Buffer.alloc(length);
      return sys.pread(fd, bytes, offset) === length ? bytes : null;
    } finally {
      sys.close(fd);
    }
  }, null);
}

/** Snapshots and copies of a tree do not have it. */
const ELSEWHERE = 'of another machine, lspci -xxxx makes a file for udrv vfio config --file';

/** The size of a PCI Express function's space, and of the file that the kernel makes of it. */
const LARGEST = 4096;

/**
 * Reads as much of a function's configuration space as the kernel gives: 64 bytes to users without CAP_SYS_ADMIN (128 of a
 * CardBus bridge), else 256 or 4096. Wakes a sleeping function.
 *
 * @throws UdrvError where there is none to read
 */
export function readConfigSpace(sys: SysTree, address: string): Buffer {
  try {
    return sys.readFile(pciPath(address, 'config'), LARGEST);
  } catch (error) {
    if (!(error instanceof SysError)) throw error;
    const absent = error.code === 'ENOENT';
    throw fromSysError(error, {
      device: address,
      ...(absent ? { subject: address, message: 'its configuration space is not here to read', hint: ELSEWHERE } : {}),
    });
  }
}
