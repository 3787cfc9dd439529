import { SysError } from '../errors';
import type { Sys } from './sys';

/** {@link Sys.preparedIoctl} where there is nothing to prepare. */
export function unprepared(
  sys: Pick<Sys, 'ioctl'>,
  ...[fd, request, argument, expected]: Parameters<Sys['preparedIoctl']>
): () => number {
  return () => {
    try {
      return sys.ioctl(fd, request, argument);
    } catch (error) {
      if (error instanceof SysError && error.code === expected) return -1;
      throw error;
    }
  };
}
