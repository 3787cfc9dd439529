import { SysError } from '../errors';
import type { Sys } from '../sys/sys';

/**
 * Part of a function's configuration space through sysfs, and no more of it than asked: registers exist that mind
 * being read. Wakes a sleeping function, so it is not for listing.
 *
 * @returns null where it cannot be read, or not all of it
 */
export function readConfig(sys: Sys, address: string, offset: number, length: number): Buffer | null {
  try {
    const fd = sys.open(`/sys/bus/pci/devices/${address}/config`, {});
    try {
      const bytes = Buffer.alloc(length);
      return sys.pread(fd, bytes, offset) === length ? bytes : null;
    } finally {
      sys.close(fd);
    }
  } catch (error) {
    if (error instanceof SysError) return null;
    throw error;
  }
}
